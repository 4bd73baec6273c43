import { SkipLimitExceededError, SupersededError, TransientError } from '#job-kit';
import { StepFailure } from './delivery.js';

/** What job code may throw to say more than "failed". */
const TELLING = [TransientError, SupersededError, SkipLimitExceededError, StepFailure] as const;

/**
 * Runs code of a job. Whatever it throws fails its step, unless it says otherwise: so a fault of ours (Redis away,
 * say) is never taken for the job's, nor the other way round.
 */
export async function jobCode<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (TELLING.some((kind) => error instanceof kind)) throw error;
    throw new StepFailure(messageOf(error), { cause: error });
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
