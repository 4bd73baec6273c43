import { assertNever } from '#domain';
import type { Delivery, Outcome } from '#engine';
import type { Logger } from '#platform';
import { DelayedError, UnrecoverableError, WaitingError, type Job } from 'bullmq';

interface InHand {
  id: string;
  executionUuid: string;
  abort: AbortController;
  drain: AbortController;
  stop: AbortController;
}

/** How long work waits that this worker cannot do, in ms, until the queue delivers it again: to another one, perhaps. */
const HAND_BACK_MS = 1_000;
/** How long work waits while something that it needs cannot be reached, in ms. */
const UNAVAILABLE_MS = 2_000;

/**
 * With no work meeting the outage for this long, in ms, it is over: waiting work comes back sooner. Other work may end
 * meanwhile that needs nothing of what is unavailable.
 */
const OVER_MS = 3 * UNAVAILABLE_MS;

/** The deliveries a worker process has in hand, so that they can be told to leave. */
export class ActiveWork {
  readonly #inHand = new Set<InHand>();
  #draining = false;
  /** When work last had to wait for something that is unavailable, in ms of the process; undefined once that is over. */
  #waitedAt: number | undefined;

  constructor(private readonly log: Pick<Logger, 'debug' | 'info' | 'warn'>) {}

  /**
   * Runs one delivery and translates its outcome for BullMQ: handed back without spending a try, failed for good, or
   * thrown for a repeat.
   */
  async run(
    job: Job<{ executionUUID: string }>,
    token: string | undefined,
    work: (delivery: Delivery) => Promise<Outcome>,
  ): Promise<void> {
    const id = job.id ?? '';
    // Signals of its own: one that lived as long as the process would remember every signal that was made of it.
    const [abort, drain, stop] = [new AbortController(), new AbortController(), new AbortController()];
    const entry = { id, executionUuid: job.data.executionUUID, abort, drain, stop };
    if (this.#draining) drain.abort();
    this.#inHand.add(entry);
    try {
      const outcome = await work({
        id,
        tries: job.attemptsMade + 1,
        abort: abort.signal,
        drain: drain.signal,
        stop: stop.signal,
      });
      await this.#settle(job, token, outcome);
    } finally {
      this.#inHand.delete(entry);
    }
  }

  async #settle(job: Job, token: string | undefined, outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case 'done':
        return this.#tellEnd();
      case 'failed':
        throw new UnrecoverableError(outcome.message);
      case 'hand-back':
        await job.moveToWait(token);
        throw new WaitingError();
      case 'not-here':
        return this.#delay(job, token, HAND_BACK_MS, outcome.reason);
      case 'unavailable':
        this.#tellWaiting(outcome.error);
        return this.#delay(job, token, UNAVAILABLE_MS, outcome.error.message);
      case 'repeat':
        throw outcome.error;
      default:
        assertNever(outcome);
    }
  }

  /** Told once, and once when it is over. */
  #tellWaiting({ message }: Error): void {
    if (this.#waitedAt === undefined) {
      this.log.warn('Work waits: something that it needs is unavailable', { reason: message });
    }
    this.#waitedAt = performance.now();
  }

  #tellEnd(): void {
    if (this.#waitedAt === undefined || performance.now() - this.#waitedAt < OVER_MS) return;
    this.log.info('Work goes on: what it needs is available again');
    this.#waitedAt = undefined;
  }

  /** Spends no try. The jitter keeps work from coming back in step. */
  async #delay(job: Job, token: string | undefined, ms: number, reason: string): Promise<never> {
    this.log.debug('Work handed back', { jobId: job.id, reason });
    await job.moveToDelayed(Date.now() + ms / 2 + Math.random() * ms, token);
    throw new DelayedError();
  }

  /** BullMQ could not renew these jobs' locks: others have them by now. */
  lockLost(jobIds: readonly string[]): void {
    for (const { id, abort } of this.#inHand) if (jobIds.includes(id)) abort.abort();
  }

  /** The execution was stopped, or force-stopped. */
  cancel(executionUuid: string, how: 'stop' | 'force-stop'): void {
    for (const entry of this.#inHand) {
      if (entry.executionUuid === executionUuid) entry[how === 'stop' ? 'stop' : 'abort'].abort();
    }
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
