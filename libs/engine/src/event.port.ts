import type { BatchStatus, Counts, ExecutionId, ExecutionUuid } from '#domain';

/** A transition of an execution, or of one of its steps. */
export interface TransitionEvent {
  /** Position in the module's events, e.g. `1700000000000-0`; later events have greater ones. */
  id: string;
  type: 'execution' | 'step';
  executionId: ExecutionId;
  uuid: ExecutionUuid;
  job: string;
  /** The job's version at the start of the execution. */
  jobVersion: string;
  /** Of an event of type `step`. */
  step: string | undefined;
  /** Undefined for what begins. */
  from: BatchStatus | undefined;
  to: BatchStatus;
  /** Redis's time, in ms since the epoch. */
  at: number;
  /** Of the request that last changed the course of the execution; undefined where it brought none. */
  requestId: string | undefined;
  /** What is known at an end. */
  end: TransitionEnd | undefined;
}

export interface TransitionEnd {
  exitCode: string;
  /** Since the start, in ms; undefined for what has never started. */
  durationMs: number | undefined;
  failure: string | undefined;
  counts: Counts;
}

/** Gets each transition that this process has written, once, after the change. It must not throw. */
export type TransitionListener = (event: TransitionEvent) => void;

/** A module's newest transitions, about 10,000 of them. Live views, logs and metrics read them; the engine never does. */
export interface EventLog {
  /**
   * Oldest first.
   *
   * @param after the id of the last event that is known; undefined for all
   * @param count the most to return: 1 and up
   */
  read(after: string | undefined, count: number): Promise<TransitionEvent[]>;
}
