import type {
  BatchStatus,
  ControlFacts,
  Counts,
  ExecutionId,
  ExecutionUuid,
  ExitCode,
  InstanceId,
  Json,
} from '#domain';
import type { JobParameters, Partition } from '#job-kit';
import type { ExecutionRecord } from './records.js';

/** Names one execution. The UUID guards against a Redis that lost a second and hands a number out again. */
export interface ExecutionRef {
  id: ExecutionId;
  uuid: ExecutionUuid;
}

/** Names one partition of one execution. */
export interface PartitionRef extends ExecutionRef {
  /** Index of the step in its job, from 0. */
  step: number;
  /** Index of the partition in the step's plan, from 0. */
  partition: number;
}

/** What an instance's newest execution looked like when the decision was taken; the launch fails if it has changed. */
export interface ExpectedLatest {
  instanceId: InstanceId;
  executionId: ExecutionId;
  status: BatchStatus;
}

export interface Launch {
  uuid: ExecutionUuid;
  jobName: string;
  parameters: JobParameters;
  now: number;
  /** Hash of the identifying parameters; undefined where every start is a new instance. */
  identity: string | undefined;
  /** The instance to run again, as it was seen; undefined for a new instance. */
  restarts: ExpectedLatest | undefined;
  idempotency: { key: string; fingerprint: string } | undefined;
}

export type LaunchOutcome =
  | { kind: 'launched'; id: ExecutionId; uuid: ExecutionUuid }
  /** The idempotency key had been used for the same request. */
  | { kind: 'repeated'; id: ExecutionId; uuid: ExecutionUuid }
  /** The idempotency key had been used for another request. */
  | { kind: 'key-reused' }
  /** Somebody was faster: look again and decide again. */
  | { kind: 'changed' };

export interface ForceStopped {
  /** The status it was in. */
  from: BatchStatus;
}

/** An execution that was started with an idempotency key. */
export interface KeyedExecution extends ExecutionRef {
  /** Hash of the request that started it. */
  fingerprint: string;
}

/** What operators ask of executions. Every change is a compare-and-set. */
export interface OperationStore {
  findExecution(id: ExecutionId): Promise<ExecutionRecord | undefined>;
  /** Newest execution of an instance. */
  findLatest(instanceId: InstanceId): Promise<ExecutionRecord | undefined>;
  /** Newest execution of the instance with these identifying parameters. */
  findByIdentity(jobName: string, identity: string): Promise<ExecutionRecord | undefined>;
  /** What earlier executions of the instance have done to each step of the job, by index. */
  stepHistory(instanceId: InstanceId, steps: number): Promise<{ completed: boolean; startCount: number }[]>;
  launch(launch: Launch): Promise<LaunchOutcome>;
  /** STARTING, STARTED → STOPPING; partitions that no worker has begun are taken back. False if the status had changed. */
  stop(id: ExecutionId, now: number): Promise<boolean>;
  /** The execution that an idempotency key has started, if it is still there. */
  findByKey(key: string): Promise<KeyedExecution | undefined>;
  /** Whatever it was → STOPPED, its unfinished steps too; undefined if there is none such. Its counts are then to be settled. */
  forceStop(execution: ExecutionRef, now: number, by: string): Promise<ForceStopped | undefined>;
  /** STOPPED, FAILED → ABANDONED. False if the status had changed. */
  abandon(id: ExecutionId, now: number): Promise<boolean>;
}

/** What a running execution is, to those who work on it. */
export interface ControlledExecution extends ExecutionRef {
  instanceId: InstanceId;
  instanceUuid: ExecutionUuid;
  jobName: string;
  parameters: JobParameters;
}

export type Acquired =
  | {
      kind: 'acquired';
      /** How often in a row, this time included, the lease was taken and not given back: an execution that kills its controllers is told by it. */
      fruitlessControls: number;
    }
  | { kind: 'busy' | 'gone' };

/** A controller's lease on an execution: while it is held, no other controller acts on it. */
export interface Lease extends ExecutionRef {
  token: string;
}

/** What the controller of an execution does. Each call is refused (throws LeaseLostError) once the lease is lost. */
export interface ControlStore {
  /**
   * Takes the lease: if nobody holds it, or its holder went silent, or it was taken by the same delivery before.
   * `busy` leaves word for the holder, who will look again before it leaves.
   */
  acquire(execution: ExecutionRef, token: string, leaseMs: number): Promise<Acquired>;
  renew(lease: Lease, leaseMs: number): Promise<void>;
  /** Gives the lease back. `again` if word was left meanwhile: the lease is then still held. */
  release(lease: Lease): Promise<'released' | 'again'>;

  load(execution: ExecutionRef): Promise<ControlledExecution | undefined>;
  /** The facts that the next action is decided on. `steps` tells of each step whether it is a chunk step. */
  facts(lease: Lease, steps: readonly { partitioned: boolean; rerun: boolean }[]): Promise<ControlFacts>;

  beginExecution(lease: Lease, now: number): Promise<void>;
  beginStep(lease: Lease, step: number, stepName: string, now: number): Promise<void>;
  /** Throws away what is stored of an unfinished plan. */
  beginPlan(lease: Lease, step: number): Promise<void>;
  /** Tells the execution's status, so that a stop ends a long plan. */
  appendPlan(
    lease: Lease,
    step: number,
    /** How many partitions are stored already. */
    offset: number,
    partitions: readonly Partition[],
    now: number,
  ): Promise<BatchStatus>;
  /** Refused unless the plan holds this many partitions. */
  sealPlan(lease: Lease, step: number, partitions: number, now: number): Promise<void>;
  /** Fills the window; returns every partition in flight, for its job to be put into the queue (again). */
  dispatch(lease: Lease, step: number, window: number): Promise<number[]>;
  endStep(lease: Lease, step: number, end: StepEnd, now: number): Promise<void>;
  endExecution(lease: Lease, end: StepEnd, now: number): Promise<void>;
  setResult(lease: Lease, name: string, value: Json): Promise<void>;
}

export interface StepEnd {
  status: BatchStatus;
  exitCode: ExitCode;
  /** Why it failed. */
  failure?: { stepName: string; message: string };
}

/** Another controller took over, or the execution was force-stopped: leave quietly. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

export type Claim =
  | {
      kind: 'run';
      fence: number;
      /** Attempts in a row, this one included, since a chunk was last committed: a partition that kills its workers is told by it. */
      fruitlessAttempts: number;
      partition: Partition;
      position: Json | undefined;
      counts: Counts;
    }
  /** The execution is stopping: report the partition STOPPED with this fence. */
  | { kind: 'stopping'; fence: number; counts: Counts }
  /** It had finished; `announcement` is what the finisher may not have lived to announce. */
  | { kind: 'finished'; announcement: Announcement }
  /** Nobody waits for this partition any more, or a newer attempt has it. */
  | { kind: 'gone' }
  /** A newer attempt has it. */
  | { kind: 'outrun' };

/** What follows from a finished partition. A repeat of the call gives the same answer while it matters. */
export interface Announcement {
  /** The partition to put into the queue in its stead. */
  successor: number | undefined;
  /** Whether no partition of the step is left: the controller must look. */
  stepDone: boolean;
}

export interface PartitionEnd {
  status: 'COMPLETED' | 'STOPPED' | 'FAILED';
  counts: Counts;
  failure?: string;
}

/** What the runner of a partition does. Each change is a compare-and-set on the fence. */
export interface PartitionStore {
  /** Undefined if there is no such execution (any more). */
  load(execution: ExecutionRef): Promise<ControlledExecution | undefined>;
  /** @param fence from the sink; undefined where the store keeps fence and position itself */
  claim(ref: PartitionRef, fence: number | undefined, now: number): Promise<Claim>;
  /** Whether the partition is in flight in a running execution. */
  isAwaited(ref: PartitionRef): Promise<boolean>;
  /** Whether this attempt is the partition's newest, and its execution runs. */
  holds(ref: PartitionRef, fence: number): Promise<boolean>;
  /**
   * Mirrors a committed chunk.
   *
   * @param checkpoint position and skip limit, where the store keeps the checkpoint
   * @returns whether to go on; `skip-limit` has changed nothing
   */
  progress(
    ref: PartitionRef,
    fence: number,
    counts: Counts,
    now: number,
    checkpoint?: { position: Json; skipLimit: number },
  ): Promise<'go-on' | 'stop' | 'superseded' | 'skip-limit'>;
  /** As in OperationStore: for an execution whose gate turns out to be closed. */
  stopIfRunning(execution: ExecutionRef, now: number, by: string): Promise<ForceStopped | undefined>;
  /** Marks the end; undefined if a newer attempt has the partition. */
  finish(ref: PartitionRef, fence: number, end: PartitionEnd, now: number): Promise<Announcement | undefined>;
}

/** What retention asks. */
export interface RetentionStore {
  /** Executions of this status that ended before `before`, or that stand beyond the newest `keep`; oldest first, at most `limit`. */
  expired(status: BatchStatus, before: number, keep: number, limit: number): Promise<ExecutionId[]>;
  /** Deletes at most `most` steps of an ended execution, at last itself, and with its last execution the instance. */
  forget(id: ExecutionId, most: number, evenUnsettled?: boolean): Promise<Forgotten>;
  /** Executions that were deleted at least `ms` ago, and whose database is not known to have forgotten them; at most `limit`. */
  forgottenFor(ms: number, limit: number): Promise<ForgottenExecution[]>;
  /** The database has forgotten it too. */
  purged(execution: ForgottenExecution): Promise<void>;
}

export type Forgotten = 'running' | 'unsettled' | 'gone' | 'more' | 'done';

/** A deleted execution, of which the database may still hold something. */
export interface ForgottenExecution {
  uuid: ExecutionUuid;
  instanceUuid: ExecutionUuid;
  /** Whether it was the last one of its instance. */
  instanceGone: boolean;
}

/** What the settlement of ended executions asks: one that has ended otherwise than COMPLETED is unsettled at first. */
export interface SettlementStore {
  load(execution: ExecutionRef): Promise<ControlledExecution | undefined>;
  /** Executions that ended so long ago and are unsettled still, the longest first, at most `limit`. */
  unsettledFor(ms: number, limit: number): Promise<ExecutionRef[]>;
  /** Unsettled executions of an instance that are older than this one. */
  unsettledBefore(instanceId: InstanceId, id: ExecutionId): Promise<ExecutionRef[]>;
  /** A step's counts, over its partitions. */
  stepCounts(execution: ExecutionRef, step: number): Promise<Counts>;
  /** Sets a partition's counts to what its sink has committed. A running execution is left alone. */
  settle(ref: PartitionRef, stepName: string, counts: Counts, now: number): Promise<void>;
  /** Ends the settlement, unless a step's counts are (again) below what its sink has committed. */
  settled(execution: ExecutionRef, steps: readonly { step: number; counts: Counts }[]): Promise<void>;
}

/** What the sweeper asks. */
export interface RecoveryStore {
  /** Running executions without progress for so long, the longest first, at most `limit`. */
  silentFor(ms: number, limit: number): Promise<ExecutionRef[]>;
}
