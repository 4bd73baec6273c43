/** Life of an execution, a step or a partition. Source: Spring Batch's `BatchStatus`, which the endpoint's contract uses. */
export const BATCH_STATUSES = [
  'STARTING',
  'STARTED',
  'STOPPING',
  'STOPPED',
  'FAILED',
  'COMPLETED',
  'ABANDONED',
  'UNKNOWN',
] as const;

export type BatchStatus = (typeof BATCH_STATUSES)[number];

/**
 * The state machine: the statuses an execution may move to from each status, force stop left aside
 * (see {@link FORCE_STOP_FROM}).
 */
export const NEXT = {
  STARTING: ['STARTED', 'STOPPING', 'FAILED'],
  STARTED: ['STOPPING', 'COMPLETED', 'FAILED'],
  STOPPING: ['STOPPED', 'FAILED'],
  STOPPED: ['ABANDONED'],
  FAILED: ['ABANDONED'],
  COMPLETED: [],
  ABANDONED: [],
  UNKNOWN: [],
} as const satisfies Record<BatchStatus, readonly BatchStatus[]>;

/** A force stop marks an execution STOPPED "no matter what state it currently is in" (the contract, 33.2.3). */
export const FORCE_STOP_FROM: readonly BatchStatus[] = BATCH_STATUSES;

const RUNNING = new Set<BatchStatus>(['STARTING', 'STARTED', 'STOPPING']);

/** Whether somebody may still be at work. `running` and `exitStatus.running` in JSON are always this, never stored. */
export const isRunning = (status: BatchStatus): boolean => RUNNING.has(status);

/** Whether the state machine lets `from` become `to`. */
export const mayBecome = (from: BatchStatus, to: BatchStatus): boolean =>
  (NEXT[from] as readonly BatchStatus[]).includes(to);

/** The statuses from which the state machine lets an execution become `to`: what a compare-and-set expects. */
export const sourcesOf = (to: BatchStatus): BatchStatus[] => BATCH_STATUSES.filter((from) => mayBecome(from, to));
