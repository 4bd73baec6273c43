import type { FieldError } from '#domain';
import type { JobParameters } from '#job-kit';

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;

/** Most parameters of a start, and longest value in characters. */
export const MOST_PARAMETERS = 64;
export const LONGEST_VALUE = 4_096;

/** Job parameters as they are stored: every value a string (the contract, 33.2.2). */
export const jobParametersOf = (given: object): JobParameters =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));

/** Everything that is wrong with the `jobParameters` of a request, by parameter, as the job names its own; a value that is not an object is checked elsewhere. */
export function jobParameterErrors(given: unknown): FieldError[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return [];
  const entries = Object.entries(given);
  if (entries.length > MOST_PARAMETERS) {
    return [{ field: 'jobParameters', message: `must be at most ${MOST_PARAMETERS}` }];
  }
  return entries.flatMap(([name, value]) => {
    const message = faultOf(name, value);
    return message === undefined ? [] : [{ field: name.slice(0, 100), message }];
  });
}

/** Most digits that a number keeps on its way through JSON and a double. */
const EXACT_DIGITS = 15;

/** Whether a number is what was sent: a longer one may have been rounded before anybody could look at it. */
function isExact(value: number): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value) && !Object.is(value, -0);
  return (
    Number.isFinite(value) &&
    value.toString().replace(/e.*$/, '').replace(/\D/g, '').replace(/^0+/, '').length <= EXACT_DIGITS
  );
}

function faultOf(name: string, value: unknown): string | undefined {
  if (!NAME.test(name)) return 'is not a valid name: use a letter, then letters, digits, _ . or -, at most 100';
  if (!['string', 'number', 'boolean'].includes(typeof value)) return 'must be a string, a number or a boolean';
  if (typeof value === 'number' && !isExact(value))
    return 'is a number that JSON does not carry exactly: send it as a string';
  return String(value).length > LONGEST_VALUE ? `is longer than ${LONGEST_VALUE} characters` : undefined;
}
