import { FILTERED, Rejection, type Processed, type ReadChunk } from '#job-kit';
import { messageOf } from './describe-error.js';
import { StepFailure } from './job-code.js';
import { LIMITS } from './limits.js';

/*
 * What a job's code returns is checked here, where it enters: the step fails at once with a message that names the value,
 * and nothing that cannot be stored, or was not written, goes on.
 */

const NAME = /^[^\p{Cc}\p{Cs}]+$/u;
/** How deep a stored value may be nested. */
const DEPTH = 100;

/** @throws StepFailure unless `value` is a whole number from `min` on */
export function wholeNumberOf(what: string, value: unknown, min: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min) return value as number;
  throw new StepFailure(`${what} must be a whole number of at least ${min}, not ${shown(value)}.`);
}

/** @throws StepFailure unless the exit code that a tasklet returned can be stored */
export function exitCodeFrom(step: string, value: unknown): string {
  if (value === undefined) return 'COMPLETED';
  if (typeof value === 'string' && value.length <= LIMITS.exitCode && NAME.test(value)) return value;
  throw new StepFailure(
    `${step} returned ${shown(value)}. A tasklet returns nothing, or an exit code of 1 to ${LIMITS.exitCode} printable characters.`,
  );
}

/** @throws StepFailure unless a result can be stored under this name */
export function assertResult(step: string, name: unknown, value: unknown): void {
  if (typeof name !== 'string' || name.length > LIMITS.resultName || !NAME.test(name)) {
    throw new StepFailure(
      `${step} set a result named ${shown(name)}. A name has 1 to ${LIMITS.resultName} printable characters.`,
    );
  }
  storable(`The result "${name}" of ${step}`, value, LIMITS.result);
}

/** @throws StepFailure unless a reader returned at most `max` items and a position that can be stored */
export function assertRead(step: string, chunk: ReadChunk<unknown> | undefined, max: number): void {
  if (chunk === undefined) return;
  if (typeof chunk !== 'object' || chunk === null || !Array.isArray(chunk.items)) {
    throw new StepFailure(
      `The reader of ${step} returned ${shown(chunk)}. It returns { items, position }, or undefined at the end.`,
    );
  }
  if (chunk.items.length > max) {
    throw new StepFailure(
      `The reader of ${step} returned ${chunk.items.length} items, and was asked for at most ${max}.`,
    );
  }
  storable(`The position that the reader of ${step} returned`, chunk.position, LIMITS.position);
}

/** @throws StepFailure where `process` returned nothing */
export function processedOf(step: string, processed: Processed<unknown>): Processed<unknown> {
  if (processed !== undefined) return processed;
  throw new StepFailure(
    `process of ${step} returned undefined. Return the item, FILTERED to leave it out, or a Rejection.`,
  );
}

export const isWritten = (processed: Processed<unknown>): boolean =>
  processed !== FILTERED && !(processed instanceof Rejection);

/**
 * @param most characters of its JSON
 * @returns the value as JSON
 * @throws StepFailure naming the part that cannot be stored
 */
export function storable(what: string, value: unknown, most: number): string {
  const fault = readably(() => faultOf(value, '', DEPTH));
  if (fault) throw new StepFailure(`${what} cannot be stored: ${fault}.`);
  const json = JSON.stringify(value);
  if (json.length <= most) return json;
  throw new StepFailure(
    `${what} cannot be stored: it has ${json.length} characters as JSON, and at most ${most} are kept.`,
  );
}

/** A value's getters, or the traps of a proxy, may throw. */
function readably(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch (error) {
    return `it cannot be read: ${messageOf(error)}`;
  }
}

/** What of a value JSON would lose or refuse, if anything. A circular value is one that is too deep. */
function faultOf(value: unknown, path: string, depth: number): string | undefined {
  const here = path === '' ? 'it' : path;
  if (depth === 0) return `${here} is nested more than ${DEPTH} levels deep, or refers to itself`;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : `${here} is ${value}`;
    case 'object':
      return value === null ? undefined : faultWithin(value, path, depth);
    default:
      return `${here} is ${shown(value)}`;
  }
}

function faultWithin(value: object, path: string, depth: number): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${path === '' ? 'it' : path} is a ${value.constructor?.name ?? 'value'}, which is not plain data`;
  }
  for (const [name, part] of Object.entries(value)) {
    const fault = faultOf(part, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, depth - 1);
    if (fault) return fault;
  }
  return undefined;
}

/** A value, for a message. */
function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'bigint') return `${value}n, a BigInt`;
  if (typeof value === 'symbol' || typeof value === 'function') return `a ${typeof value}`;
  if (value instanceof Promise) return 'a promise';
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, LIMITS.exitCode);
  } catch {
    return `a ${typeof value}`;
  }
}
