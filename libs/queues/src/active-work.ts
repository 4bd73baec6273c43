import { HandBackError, PartitionFailedError, type Delivery } from '#engine';
import { UnrecoverableError, WaitingError, type Job } from 'bullmq';

/** The deliveries a worker process has in hand, so that they can be told to leave. */
export class ActiveWork {
  readonly #inHand = new Map<string, { executionUuid: string; abort: AbortController; drain: AbortController }>();
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
    const entry = { executionUuid: job.data.executionUUID, abort: new AbortController(), drain: new AbortController() };
    if (this.#draining) entry.drain.abort();
    this.#inHand.set(id, entry);
    try {
      await work({
        id,
        tries: job.attemptsMade + 1,
        abort: entry.abort.signal,
        drain: entry.drain.signal,
      });
    } catch (error) {
      if (error instanceof HandBackError) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      throw error instanceof PartitionFailedError ? new UnrecoverableError(error.message) : error;
    } finally {
      if (this.#inHand.get(id) === entry) this.#inHand.delete(id);
    }
  }

  /** BullMQ could not renew these jobs' locks: others have them by now. */
  lockLost(jobIds: readonly string[]): void {
    for (const id of jobIds) this.#inHand.get(id)?.abort.abort();
  }

  /** The execution was force-stopped. */
  cancel(executionUuid: string): void {
    for (const entry of this.#inHand.values()) {
      if (entry.executionUuid === executionUuid) entry.abort.abort();
    }
  }

  /** Has all work handed back at its next boundary. */
  drain(): void {
    this.#draining = true;
    for (const { drain } of this.#inHand.values()) drain.abort();
  }

  /** Gives up waiting: whatever is in hand is left now. */
  abandonAll(): void {
    for (const entry of this.#inHand.values()) entry.abort.abort();
  }
}
