import { LongshoreError, type FieldError } from '#domain';
import { z } from 'zod';

/** What a job's parameters look like as they are stored and shown: every value is a string (the contract, 33.2.2). */
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

/** The refusal of a start whose parameters will not do. */
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
