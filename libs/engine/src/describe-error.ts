import { LIMITS } from './limits.js';

/** How deep causes, and the errors of an AggregateError, are followed. */
const DEPTH = 5;
const MOST_ERRORS = 5;

/**
 * What was thrown, in words that tell something, whatever it was: any value may be thrown, and its properties may throw
 * themselves. At most {@link LIMITS}.message characters.
 */
export const messageOf = (thrown: unknown): string =>
  clip(safely(() => describe(thrown, DEPTH), 'an error that cannot be described'));

/** The stack of what was thrown and of its causes, for the log; undefined where it has none. */
export function stackOf(thrown: unknown, depth = DEPTH): string | undefined {
  return safely(() => {
    if (!(thrown instanceof Error) || depth === 0) return undefined;
    const cause = stackOf(thrown.cause, depth - 1);
    return cause === undefined ? thrown.stack : `${thrown.stack}\nCaused by: ${cause}`;
  }, undefined);
}

/** Cuts a text to a number of characters, and says so. */
export const clip = (text: string, most: number = LIMITS.message): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

function describe(thrown: unknown, depth: number): string {
  if (thrown === undefined || thrown === null) return `${thrown} was thrown; throw an Error that tells why`;
  if (typeof thrown !== 'object' && typeof thrown !== 'function') return String(thrown) || 'an empty value was thrown';
  const own = property(thrown, 'message') || codeOf(thrown) || nameOf(thrown);
  const details = depth > 0 ? [...aggregated(thrown, depth), ...causeOf(thrown, own, depth)] : [];
  return [own, ...details].join('; ');
}

const codeOf = (thrown: object): string | undefined => {
  const code = property(thrown, 'code');
  return code && `code ${code}`;
};

/** Its class, and what it holds where it is a plain object. */
function nameOf(thrown: object): string {
  const name = property(thrown, 'name') ?? safely(() => thrown.constructor?.name, undefined);
  const content = safely(() => JSON.stringify({ ...thrown, name: undefined }), undefined);
  if (content !== undefined && content !== '{}') return `${name ?? 'object'} ${content}`;
  return `${name ?? 'an object'} without a message`;
}

function aggregated(thrown: object, depth: number): string[] {
  const errors = safely(() => (thrown as { errors?: unknown }).errors, undefined);
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, MOST_ERRORS).map((error: unknown) => describe(error, depth - 1));
}

function causeOf(thrown: object, own: string, depth: number): string[] {
  const cause = safely(() => (thrown as { cause?: unknown }).cause, undefined);
  if (cause === undefined || cause === null) return [];
  const told = describe(cause, depth - 1);
  return own.includes(told) ? [] : [`caused by: ${told}`];
}

function property(thrown: object, name: 'message' | 'name' | 'code'): string | undefined {
  const value = safely(() => (thrown as Record<string, unknown>)[name], undefined);
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return text === '' ? undefined : text;
}

function safely<T, O>(read: () => T, otherwise: O): T | O {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
