import type { ExecutionRef } from './store.port.js';

/** An execution, as its work is queued: `version` is that of its job. */
export interface QueuedExecution extends ExecutionRef {
  jobName: string;
  jobVersion: string;
}

/**
 * Puts work into the queues. Adding what is there already changes nothing.
 *
 * A queue that has lost some of its keys may still know a job that it will never deliver. `thorough` looks for that, and
 * costs a question a job: it is for work that has been awaited for long.
 */
export interface Dispatcher {
  /** Has a controller look at the execution. `reason` makes repeated deliveries of one cause one job. */
  control(execution: ExecutionRef, reason: string, thorough?: boolean): Promise<void>;
  /** A step's own work: its tasklet, or its planning. */
  step(execution: QueuedExecution, step: string, thorough?: boolean): Promise<void>;
  /** @param partitions indexes in the step's plan */
  partitions(
    execution: QueuedExecution,
    step: string,
    partitions: readonly number[],
    thorough?: boolean,
  ): Promise<void>;
}

/** Why the sweeper has a controller look: whatever is handed out then is queued thoroughly. */
export const SWEEP = 'sweep';

/** Tells busy workers at once that an execution was stopped; the hash is the truth, this only saves time. */
export interface CancelChannel {
  announce(execution: ExecutionRef, how: 'stop' | 'force-stop'): Promise<void>;
}

/** Work that waits for its time. */
export interface DelayedWork {
  /**
   * Delivers at once what is delayed for longer than any backoff: a worker whose clock was ahead has delayed it.
   *
   * @returns how much that was
   */
  promoteFar(): Promise<number>;
}

/** Ids, injected. Times that are stored or compared are Redis's. */
export interface Ambient {
  uuid(): string;
}
