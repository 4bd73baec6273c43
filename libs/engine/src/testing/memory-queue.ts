import type { ExecutionRef, PartitionRef, StepRef } from '../store.port.js';
import type { DelayedWork, Dispatcher } from '../work.port.js';
import type { ManualClock } from './clock.js';

/** One piece of work in the queue. */
export type QueuedWork =
  { kind: 'control'; ref: ExecutionRef } | { kind: 'step'; ref: StepRef } | { kind: 'partition'; ref: PartitionRef };

export interface QueuedJob {
  id: string;
  work: QueuedWork;
  /** Tries that were spent. */
  spent: number;
  /** Time at which it is due. */
  due: number;
}

/**
 * A queue in memory, with the rules of the real one: adding an id that it keeps (waiting, delivered or failed) changes
 * nothing, what is done leaves no trace, and a delivery that nobody answers comes again. In the order of adding.
 */
export class MemoryQueue implements Dispatcher, DelayedWork {
  readonly #waiting = new Map<string, QueuedJob>();
  readonly #delivered = new Map<string, QueuedJob>();
  readonly #failed = new Set<string>();

  constructor(private readonly clock: ManualClock) {}

  async control({ id, uuid }: ExecutionRef, reason: string): Promise<void> {
    this.#add(`${uuid}-${reason}`, { kind: 'control', ref: { id, uuid } });
  }

  async step({ id, uuid }: ExecutionRef, step: string): Promise<void> {
    this.#add(`${uuid}-${step}`, { kind: 'step', ref: { id, uuid, step } });
  }

  async partitions({ id, uuid }: ExecutionRef, step: string, partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      this.#add(`${uuid}-${step}-${partition}`, { kind: 'partition', ref: { id, uuid, step, partition } });
    }
  }

  /** Nobody's clock is wrong here. */
  promoteFar = async (): Promise<number> => 0;

  /** What is waiting, delayed or not, in order. */
  get waiting(): readonly QueuedJob[] {
    return [...this.#waiting.values()];
  }

  /** Delivers the next job that is due, or the one with this id. */
  take(id?: string): QueuedJob | undefined {
    const job = id === undefined ? this.waiting.find(({ due }) => due <= this.clock.now) : this.#waiting.get(id);
    if (!job) return undefined;
    this.#waiting.delete(job.id);
    this.#delivered.set(job.id, job);
    return job;
  }

  /** The work is done. Like every answer to a delivery, it counts for nothing once the job was delivered again. */
  done(job: QueuedJob): void {
    this.#answered(job);
  }

  /** The failure is recorded: the job stays, for people to see. */
  fail(job: QueuedJob): void {
    if (this.#answered(job)) this.#failed.add(job.id);
  }

  /** Puts a delivered job back, to be delivered after so many ms. */
  putBack(job: QueuedJob, delayMs: number, spent: 0 | 1): void {
    if (!this.#answered(job)) return;
    this.#waiting.set(job.id, { ...job, spent: job.spent + spent, due: this.clock.now + delayMs });
  }

  /** Loses a job, delivered or not: the one with this id, or all. */
  lose(id?: string): void {
    for (const jobs of [this.#waiting, this.#delivered]) {
      if (id === undefined) jobs.clear();
      else jobs.delete(id);
    }
  }

  /** Whether this delivery of the job is the newest; it is over then. */
  #answered(job: QueuedJob): boolean {
    return this.#delivered.get(job.id) === job && this.#delivered.delete(job.id);
  }

  #add(id: string, work: QueuedWork): void {
    if (this.#waiting.has(id) || this.#delivered.has(id) || this.#failed.has(id)) return;
    this.#waiting.set(id, { id, work, spent: 0, due: this.clock.now });
  }
}
