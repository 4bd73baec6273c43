import { LongshoreError, type FieldError } from '#domain';
import { z } from 'zod';

/** A job's parameters as they are given, stored and shown: every value is a string (the contract, 33.2.2). */
export type JobParameters = Record<string, string>;

/**
 * A job's parameters as a strict Zod object: each value arrives as a string and is turned into what the job works
 * with. Unknown names are refused.
 */
export type ParameterSchema<P> = z.ZodType<P>;

/**
 * A whole number given as a string.
 *
 * @param min smallest accepted value
 * @param max largest accepted value
 */
export const wholeNumber = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, message)
    .transform(Number)
    .refine((n) => n >= min && n <= max, message);
};

/** One of a few words given as a string. */
export const oneOf = <const V extends readonly [string, ...string[]]>(...values: V) => z.enum(values);

/**
 * Turns stored strings into what the job works with.
 *
 * @throws LongshoreError INVALID_PARAMETERS, naming every bad field
 */
export function parseParameters<P>(jobName: string, schema: ParameterSchema<P>, parameters: JobParameters): P {
  const result = schema.safeParse(parameters);
  if (result.success) return result.data;
  throw invalidParameters(jobName, result.error.issues.flatMap(fieldErrorsOf));
}

/** The fields of a schema by name, or undefined where it is not an object. A pipe's are those of its first part. */
export function fieldsOf(schema: z.ZodType): Record<string, z.ZodType> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape as Record<string, z.ZodType>;
  return schema instanceof z.ZodPipe ? fieldsOf(schema.def.in as z.ZodType) : undefined;
}

/**
 * The defaults of a schema's fields, as the strings that are stored where a parameter is not given. They are the author's
 * own strings (`prefault('500')`), since a value that is printed need not mean the same when it is parsed.
 *
 * @throws Error naming a default that is not a string
 */
export function defaultsOf(schema: z.ZodType): JobParameters {
  const defaults: JobParameters = {};
  for (const [name, field] of Object.entries(fieldsOf(schema) ?? {})) {
    const value = defaultOf(field);
    if (value === undefined) continue;
    if (typeof value !== 'string') {
      throw new Error(
        `the default of its parameter "${name}" is not a string. Parameters are strings: use prefault('…') with the text a caller would send`,
      );
    }
    defaults[name] = value;
  }
  return defaults;
}

/** The default of a field, however it is wrapped; undefined where it has none. */
function defaultOf(field: z.ZodType): unknown {
  if (field instanceof z.ZodPrefault || field instanceof z.ZodDefault) return field.def.defaultValue;
  if (field instanceof z.ZodOptional || field instanceof z.ZodNullable || field instanceof z.ZodReadonly) {
    return defaultOf(field.def.innerType as z.ZodType);
  }
  return field instanceof z.ZodPipe ? defaultOf(field.def.in as z.ZodType) : undefined;
}

/** The refusal of parameters that are not valid. */
export function invalidParameters(jobName: string, fields: readonly FieldError[]): LongshoreError {
  const list = fields.map(({ field, message }) => `${field} ${message}`).join('; ');
  return new LongshoreError('INVALID_PARAMETERS', `Parameters of ${jobName} refused: ${list}.`, fields);
}

function fieldErrorsOf(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((field) => ({ field, message: 'is not a parameter of this job' }));
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  const field = issue.path.join('.') || 'jobParameters';
  return [{ field, message: missing ? 'is required' : issue.message }];
}
