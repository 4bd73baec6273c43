import { HandBackError, PartitionFailedError, type Delivery } from '#engine';
import { UnrecoverableError, WaitingError, type Job } from 'bullmq';

/** The deliveries a worker process has in hand, so that they can be told to leave. */
export class ActiveWork {
  readonly #inHand = new Set<{ id: string; executionUuid: string; abort: AbortController; drain: AbortController }>();
  #draining = false;

  /**
   * Runs one delivery and translates its outcome for BullMQ: handed back without spending a try, failed for good, or
   * thrown for a repeat.
   */
  async run(
    job: Job<{ executionUUID: string }>,
    token: string | undefined,
    work: (delivery: Delivery) => Promise<void>,
  ) {
    const id = job.id ?? '';
    // Signals of its own: one that lived as long as the process would remember every signal that was made of it.
    const [abort, drain] = [new AbortController(), new AbortController()];
    const entry = { id, executionUuid: job.data.executionUUID, abort, drain };
    if (this.#draining) drain.abort();
    this.#inHand.add(entry);
    try {
      await work({
        id,
        tries: job.attemptsMade + 1,
        abort: abort.signal,
        drain: drain.signal,
      });
    } catch (error) {
      if (error instanceof HandBackError) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      throw error instanceof PartitionFailedError ? new UnrecoverableError(error.message) : error;
    } finally {
      this.#inHand.delete(entry);
    }
  }

  /** BullMQ could not renew these jobs' locks: others have them by now. */
  lockLost(jobIds: readonly string[]): void {
    for (const { id, abort } of this.#inHand) if (jobIds.includes(id)) abort.abort();
  }

  /** The execution was force-stopped. */
  cancel(executionUuid: string): void {
    for (const entry of this.#inHand) if (entry.executionUuid === executionUuid) entry.abort.abort();
  }

  /** Has all work handed back at its next boundary. */
  drain(): void {
    this.#draining = true;
    for (const { drain } of this.#inHand) drain.abort();
  }

  /** Gives up waiting: whatever is in hand is left now. */
  abandonAll(): void {
    for (const { abort } of this.#inHand) abort.abort();
  }
}
