import { LongshoreError } from '#domain';
import type { JobParameters } from '#job-kit';
import { digest } from './digest.js';
import type { Started, StartRequest } from './operator.port.js';
import type { ExecutionRef, KeyedExecution, Launch } from './store.port.js';

/** An idempotency key as it is stored: a user's own, with a hash of what was asked, as it was sent. */
export const keyOf = (
  user: string,
  key: string,
  { jobName, parameters }: Pick<StartRequest, 'jobName' | 'parameters'>,
) => ({
  key: digest([user, key]),
  fingerprint: digest([jobName, sorted(parameters)]),
});

const sorted = (parameters: JobParameters) => Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1));

/**
 * Decides what a start with a key that is known answers: what the same request has started before.
 *
 * @param known the execution of this key, and of which request it was; undefined if the key is new
 * @returns undefined if the start is to go on. A key that is used twice at the same time is decided by `launch.lua`.
 * @throws LongshoreError IDEMPOTENCY_KEY_REUSED if the key belongs to another request; EXECUTION_DELETED if what it has
 *   started is gone: a repeat never starts anew
 */
export function startedBefore(
  known: KeyedExecution | undefined,
  { fingerprint }: Pick<NonNullable<Launch['idempotency']>, 'fingerprint'>,
): Started | undefined {
  if (!known) return undefined;
  if (known.fingerprint !== fingerprint) throw keyReused();
  if (known.deleted) throw executionDeleted(known);
  return { executionId: known.id, executionUuid: known.uuid, repeated: true };
}

export const keyReused = () =>
  new LongshoreError(
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key was used for another request. Use a new key for a new start.',
  );

export const executionDeleted = ({ id }: Pick<ExecutionRef, 'id'>) =>
  new LongshoreError(
    'EXECUTION_DELETED',
    `This Idempotency-Key has started execution ${id}, which was deleted since. Use a new key for a new start.`,
  );
