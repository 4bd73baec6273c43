import { BATCH_STATUSES, COUNT_NAMES, type BatchStatus, type Counts, type Json } from '#domain';

declare const VALUE: unique symbol;

/** A JSON Schema (2020-12, as OpenAPI 3.1 takes it) that also has the TypeScript type of the values that fit it. */
export interface Schema<T = unknown> {
  readonly [keyword: string]: unknown;
  /** For the compiler only; see {@link ValueOf}. */
  readonly [VALUE]?: T;
}

/** A schema with the name that OpenAPI documents refer to it by. */
export interface NamedSchema<T = unknown> {
  readonly name: string;
  readonly schema: Schema<T>;
}

/** The type of the values that fit a schema. */
export type ValueOf<S> = S extends NamedSchema<infer T> ? T : S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema>>;

/** An optional field must be given too, as undefined: JSON leaves it out, and the compiler notices one that was forgotten. */
type ObjectOf<R extends Fields, O extends Fields> = { [K in keyof R]: ValueOf<R[K]> } & {
  [K in keyof O]: ValueOf<O[K]> | undefined;
};

export const named = <T>(name: string, schema: Schema<T>): NamedSchema<T> => ({ name, schema });

/** An object with these fields and no others. */
export const object = <R extends Fields, O extends Fields = Record<never, never>>(
  required: R,
  optional?: O,
): Schema<ObjectOf<R, O>> => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});

export const list = <T>(items: Schema<T>): Schema<T[]> => ({ type: 'array', items });

export const map = <T>(values: Schema<T>): Schema<Readonly<Record<string, T>>> => ({
  type: 'object',
  additionalProperties: values,
});

export const constant = <const T>(value: T): Schema<T> => ({ const: value });

export const oneOf = <const T extends string>(values: readonly T[]): Schema<T> => ({ enum: values });

export const described = <T>(schema: Schema<T>, description: string): Schema<T> => ({ ...schema, description });

/** Any JSON value. */
export const anything: Schema<Json> = {};
export const text: Schema<string> = { type: 'string' };
export const truth: Schema<boolean> = { type: 'boolean' };
export const decimal: Schema<number> = { type: 'number' };

/** A whole number. Without `max` there is no limit. */
export const wholeNumber = (min: number, max?: number): Schema<number> => ({
  type: 'integer',
  minimum: min,
  ...(max !== undefined && { maximum: max }),
});

export const count = wholeNumber(0);
export const id = wholeNumber(1, Number.MAX_SAFE_INTEGER);
export const uuid: Schema<string> = { type: 'string', format: 'uuid' };
export const status: Schema<BatchStatus> = oneOf(BATCH_STATUSES);

/** Id of an entry of a Redis stream, e.g. `1700000000000-0`. */
export const streamId: Schema<string> = { type: 'string', pattern: '^\\d{1,16}-\\d{1,16}$' };

/** As `isoTime` writes it. */
export const time: Schema<string> = {
  type: 'string',
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}[+-]\\d\\d:\\d\\d$',
  description: 'ISO 8601 with milliseconds and a numeric offset',
};

export const counts: Schema<Counts> = object(
  Object.fromEntries(COUNT_NAMES.map((name) => [name, count])) as Record<keyof Counts, Schema<number>>,
);
