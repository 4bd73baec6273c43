import type { FieldError } from '#domain';
import type { JobParameters } from '#job-kit';
import { refuse } from './asked.js';

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;

/** Most parameters of a start, and longest value in characters. */
export const MOST_PARAMETERS = 64;
export const LONGEST_VALUE = 4_096;

/**
 * Job parameters as they are stored: every value a string (the contract, 33.2.2).
 *
 * @param given the `jobParameters` of a request: an object
 * @throws Problem INVALID_REQUEST, naming every bad one
 */
export function jobParametersOf(given: object): JobParameters {
  const entries = Object.entries(given);
  refuse(entries.length > MOST_PARAMETERS ? [fault('', `must be at most ${MOST_PARAMETERS}`)] : []);
  refuse(entries.flatMap(faultsOf));
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

const fault = (name: string, message: string): FieldError => ({ field: `jobParameters${name}`, message });

function faultsOf([name, value]: [string, unknown]): FieldError[] {
  if (!NAME.test(name)) {
    return [fault(`.${name.slice(0, 100)}`, 'is no name: use a letter, then letters, digits, _ . or -, at most 100')];
  }
  if (!['string', 'number', 'boolean'].includes(typeof value)) {
    return [fault(`.${name}`, 'must be a string, a number or a boolean')];
  }
  return String(value).length > LONGEST_VALUE ? [fault(`.${name}`, `is longer than ${LONGEST_VALUE}`)] : [];
}
