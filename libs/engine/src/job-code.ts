import { abandonedCode, SkipLimitExceededError, SupersededError, TransientError } from '#job-kit';
import { messageOf } from './describe-error.js';

/** A job's own code failed for good: the step fails with this message. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
}

/** The work must be left, and the job's code was told so and did not return in time. */
export class AbandonedError extends Error {
  override readonly name = 'AbandonedError';
}

/** What job code may throw to say more than "failed". */
const OWN_ERRORS = [TransientError, SupersededError, SkipLimitExceededError, StepFailure, AbandonedError] as const;

/** How long job code that was told to leave may take to return, in ms. */
const LEAVE_WITHIN_MS = 1_000;

/**
 * Runs code of a job. Whatever it throws fails its step, unless it says otherwise: so a fault of ours (Redis is
 * unavailable, say) is never taken for the job's, nor the other way round.
 *
 * @param signal aborts when the work must be left; code that goes on regardless is abandoned a second later
 * @throws AbandonedError then
 */
export async function jobCode<T>(run: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    const result = run();
    return signal && isThenable(result) ? await unlessAbandoned(Promise.resolve(result), signal) : await result;
  } catch (error) {
    if (OWN_ERRORS.some((kind) => error instanceof kind)) throw error;
    throw new StepFailure(messageOf(error), { cause: error });
  }
}

/** A query builder, say, is awaited like a promise and is none. */
export const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === 'object' && value !== null && typeof (value as Partial<PromiseLike<T>>).then === 'function';

function unlessAbandoned<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const told = () => {
      timer = setTimeout(() => {
        abandonedCode.add(work);
        reject(new AbandonedError('The code of the job was told to leave and did not return.'));
      }, LEAVE_WITHIN_MS);
    };
    if (signal.aborted) told();
    else signal.addEventListener('abort', told, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', told);
    });
  });
}
