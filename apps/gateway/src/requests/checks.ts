import { ValidateBy, ValidateIf } from 'class-validator';
import { BATCH_STATUSES } from '#domain';
import { list, status, streamId, truth, uuid, wholeNumber, type Schema } from '../schema/schema.js';

/** The schemas of the fields of each class, by its prototype: {@link schemasOf} reads them. */
const schemas = new WeakMap<object, Map<string, Schema>>();

/** A check of class-validator, and the schema that documents it. */
const check =
  (name: string, message: string, holds: (value: unknown) => boolean, schema: Schema): PropertyDecorator =>
  (prototype, field) => {
    ValidateBy({ name, validator: { validate: holds, defaultMessage: () => message } })(prototype, field);
    const own = schemas.get(prototype) ?? new Map<string, Schema>();
    schemas.set(prototype, own.set(String(field), schema));
  };

/** The schemas of all fields of a class whose fields are checked by the decorators here, by name; inherited ones first. */
export const schemasOf = (Shape: new () => object): Record<string, Schema> => schemasAt(Shape.prototype as object);

const schemasAt = (prototype: object | null): Record<string, Schema> =>
  prototype === null
    ? {}
    : {
        ...schemasAt(Object.getPrototypeOf(prototype) as object | null),
        ...Object.fromEntries(schemas.get(prototype) ?? []),
      };

const matches = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value);

/** The field may be missing; undefined, and nothing else, means so. */
export const Optional = (): PropertyDecorator => ValidateIf((_dto, value) => value !== undefined);

/** A whole number in digits alone, as text: no sign, no exponent, no leading zero, given once. */
export const WholeNumber = (min: number, max: number): PropertyDecorator =>
  check(
    'wholeNumber',
    `must be a whole number from ${min} to ${max}`,
    (value) => {
      const number = matches(/^(0|[1-9]\d{0,15})$/)(value) ? Number(value) : NaN;
      return number >= min && number <= max;
    },
    wholeNumber(min, max),
  );

/** `true` or `false`, given once. */
export const TrueOrFalse = (): PropertyDecorator =>
  check('trueOrFalse', 'must be true or false', matches(/^(true|false)$/), truth);

/** A name in a path. */
export function Name(longest: number): PropertyDecorator {
  const pattern = `^[A-Za-z0-9_-]{1,${longest}}$`;
  const message = `must be 1 to ${longest} letters, digits, - or _`;
  return check('name', message, matches(new RegExp(pattern)), { type: 'string', pattern });
}

export const Uuid = (): PropertyDecorator =>
  check('uuid', 'must be a UUID', matches(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i), uuid);

/** One status, several with commas, or the parameter several times. */
export const Statuses = (): PropertyDecorator =>
  check(
    'statuses',
    `must be one or more of ${BATCH_STATUSES.join(', ')}`,
    (value) => statusWords(value).every((word) => (BATCH_STATUSES as readonly unknown[]).includes(word)),
    list(status),
  );

/** The words of a `status` parameter, however it was given. */
export const statusWords = (value: unknown): unknown[] =>
  [value].flat().flatMap((word) => (typeof word === 'string' ? word.split(',') : [word]));

/** A JSON object. @param schema what its fields may be, which is checked elsewhere */
export const PlainObject = (schema: Schema): PropertyDecorator =>
  check(
    'plainObject',
    'must be a JSON object',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    schema,
  );

/** Id of an entry of a Redis stream, e.g. `1700000000000-0`. */
export const StreamId = (): PropertyDecorator =>
  check('streamId', 'must be the id of an entry, e.g. 1700000000000-0', matches(/^\d{1,16}-\d{1,16}$/), streamId);
