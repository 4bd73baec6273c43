import type { ExecutionRef } from './store.port.js';

/** An execution, as its work is queued: `version` is that of its job. */
export interface QueuedExecution extends ExecutionRef {
  jobName: string;
  jobVersion: string;
}

/** Puts work into the queues. Adding what is there already changes nothing. */
export interface Dispatcher {
  /** Has a controller look at the execution. `reason` makes repeated deliveries of one cause one job. */
  control(execution: ExecutionRef, reason: string): Promise<void>;
  /** A step's own work: its tasklet, or its planning. */
  step(execution: QueuedExecution, step: string): Promise<void>;
  /** @param partitions indexes in the step's plan */
  partitions(execution: QueuedExecution, step: string, partitions: readonly number[]): Promise<void>;
}

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
