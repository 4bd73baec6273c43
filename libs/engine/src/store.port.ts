import type {
  BatchStatus,
  ControlFacts,
  Counts,
  ExecutionId,
  ExecutionUuid,
  ExitCode,
  InstanceId,
  JobDefinition,
  Json,
  StepDefinition,
} from '#domain';
import type { DatabaseMark, JobParameters, Partition, PartitionRange } from '#job-kit';
import type { ExecutionRecord } from './records.js';

/*
 * All times are Redis's own, in ms since the epoch: a process whose clock is wrong can neither store a wrong time nor
 * compare by one. A step is known by its name.
 */

/** Names one execution. The UUID guards against a Redis that lost a second and hands a number out again. */
export interface ExecutionRef {
  id: ExecutionId;
  uuid: ExecutionUuid;
}

/** Names one step of one execution. */
export interface StepRef extends ExecutionRef {
  step: string;
}

/** Names one partition of one execution. */
export interface PartitionRef extends StepRef {
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
  definition: JobDefinition;
  parameters: JobParameters;
  /** Hash of the identifying parameters; undefined where every start is a new instance. */
  identity: string | undefined;
  /** The instance to run again, as it was seen; undefined for a new instance. Refused as `changed` if it was abandoned. */
  restarts: ExpectedLatest | undefined;
  idempotency: { key: string; fingerprint: string } | undefined;
  /** Of the request that asks for it: events and log carry it. */
  requestId?: string | undefined;
}

export type LaunchOutcome =
  | { kind: 'launched'; id: ExecutionId; uuid: ExecutionUuid }
  /** The idempotency key had been used for the same request. */
  | { kind: 'repeated'; id: ExecutionId; uuid: ExecutionUuid }
  /** The idempotency key had been used for the same request, and its execution was deleted since. */
  | { kind: 'key-deleted'; id: ExecutionId; uuid: ExecutionUuid }
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
  /** Whether it was deleted since. */
  deleted: boolean;
}

/** What the executions of an instance have done of a step. */
export interface StepHistory {
  completed: boolean;
  startCount: number;
}

/** What operators ask of executions. Every change is a compare-and-set. */
export interface OperationStore {
  findExecution(id: ExecutionId): Promise<ExecutionRecord | undefined>;
  /** Newest execution of an instance. */
  findLatest(instanceId: InstanceId): Promise<ExecutionRecord | undefined>;
  /** Newest execution of the instance with these identifying parameters. */
  findByIdentity(jobName: string, identity: string): Promise<ExecutionRecord | undefined>;
  /** In the order of `steps`. */
  stepHistory(instanceId: InstanceId, steps: readonly string[]): Promise<StepHistory[]>;
  launch(launch: Launch): Promise<LaunchOutcome>;
  /** STARTING, STARTED → STOPPING; work that no worker has begun is taken back. False if the status had changed. */
  stop(id: ExecutionId, requestId?: string): Promise<boolean>;
  /** The execution that an idempotency key has started within its life, a day. */
  findByKey(key: string): Promise<KeyedExecution | undefined>;
  /** Whatever it was → STOPPED, its unfinished steps too; undefined if there is none such. Its counts are then to be settled. */
  forceStop(execution: ExecutionRef, by: string, requestId?: string): Promise<ForceStopped | undefined>;
  /** STOPPED, FAILED → ABANDONED, for good for the instance. False if the status had changed. */
  abandon(id: ExecutionId, requestId?: string): Promise<boolean>;
}

/** What a running execution is, to those who work on it. */
export interface ControlledExecution extends ExecutionRef {
  instanceId: InstanceId;
  instanceUuid: ExecutionUuid;
  jobName: string;
  definition: JobDefinition;
  parameters: JobParameters;
  /** Whether it restarts an earlier execution of its instance. */
  isRestart: boolean;
}

export type Acquired =
  | {
      kind: 'acquired';
      /** How often in a row, this time included, the lease was taken and not given back: an execution that kills its controllers is recognised by it. */
      attempts: number;
    }
  | { kind: 'busy' | 'gone' };

/** A controller's lease on an execution: while it is held, no other controller acts on it. */
export interface Lease extends ExecutionRef {
  token: string;
}

/** What a change has come to: `unchanged` where the state no longer allows it, so that the caller looks again. */
export type Change = 'changed' | 'unchanged';

/** What is handed out of a step, and must stand in the queue. */
export interface HandedOut {
  /** The step's own work: its tasklet, or its planning. */
  work: boolean;
  /** Indexes in its plan, ascending. */
  partitions: number[];
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
  /** The facts that the next actions are decided on, `queued` always false. `rerun`: its COMPLETED is not passed over. */
  facts(lease: Lease, steps: readonly (StepDefinition & { rerun: boolean })[]): Promise<ControlFacts>;

  beginExecution(lease: Lease): Promise<Change>;
  beginStep(lease: Lease, step: string): Promise<Change>;
  /**
   * Hands out what may run of a STARTED step: its own work if it is a tasklet or not planned yet, else as many partitions
   * as the window has room for. While the execution is not STARTED nothing new is handed out.
   */
  handOut(lease: Lease, step: StepDefinition, window: number): Promise<HandedOut>;
  /** Refused as `unchanged` where a partition of a step that would be COMPLETED is not. */
  endStep(lease: Lease, step: string, end: StepEnd): Promise<Change>;
  /** @param seals what the databases said when they noted that it has COMPLETED */
  endExecution(lease: Lease, end: StepEnd, seals?: readonly Seal[]): Promise<Change>;
  /**
   * Takes partitions that count as COMPLETED, and are not, out of what is done, so that they are handed out again; the
   * step with them.
   *
   * @returns how many partitions these were, and how often the step was reopened in this execution, this time included
   */
  reopen(lease: Lease, step: string, partitions: readonly PartitionRange[]): Promise<Reopened>;
}

export interface Reopened {
  partitions: number;
  times: number;
}

export interface StepEnd {
  status: 'COMPLETED' | 'STOPPED' | 'FAILED';
  exitCode: ExitCode;
  /** Why it failed. */
  failure?: { stepName: string; message: string };
}

/** What the database of this name said when it noted that an execution has COMPLETED. */
export interface Seal extends DatabaseMark {
  ledger: string;
}

/** Another controller took over, or the execution was force-stopped: leave quietly. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** A claim on a step's own work. */
export type StepClaim =
  /** `attempts`: in a row, this one included, that have not come to an end: work that kills its workers is recognised by it. */
  | { kind: 'run'; fence: number; attempts: number }
  /** The execution is stopping: end the work STOPPED with this fence. */
  | { kind: 'stopping'; fence: number }
  /** It had ended; the attempt that ended it may have died before it announced that. */
  | { kind: 'finished' }
  /** Nobody waits for it any more. */
  | { kind: 'gone' };

/** How a step's own work ended: its tasklet, or its planning (`planned`: the step itself goes on). */
export type StepWorkEnd = { status: 'PLANNED' } | StepEnd;

/** What the runner of a step's own work does. Each change is a compare-and-set on the fence. */
export interface StepWorkStore {
  /** Undefined if there is no such execution (any more). */
  load(execution: ExecutionRef): Promise<ControlledExecution | undefined>;
  claimStep(ref: StepRef): Promise<StepClaim>;
  /** Whether to go on. Also says that the work is alive. */
  stepAlive(ref: StepRef, fence: number): Promise<'go-on' | 'stop' | 'superseded'>;
  /** The attempt leaves in good order, and is not counted with those that died. Does nothing once superseded. */
  leaveStep(ref: StepRef, fence: number): Promise<void>;
  /** Throws away what is stored of an unfinished plan. */
  beginPlan(ref: StepRef, fence: number): Promise<'go-on' | 'stop' | 'superseded'>;
  /** @param offset how many partitions are stored already */
  appendPlan(
    ref: StepRef,
    fence: number,
    offset: number,
    partitions: readonly Partition[],
  ): Promise<'go-on' | 'stop' | 'superseded'>;
  /** False once superseded. Setting a result again replaces it. */
  setResult(ref: StepRef, fence: number, name: string, value: Json): Promise<boolean>;
  /**
   * Ends the work. `PLANNED` seals the plan, and fills the window at once; refused (undefined) unless it holds so many
   * partitions.
   *
   * @returns the partitions that were handed out and must be queued, or undefined once superseded
   */
  finishStep(
    ref: StepRef,
    fence: number,
    end: StepWorkEnd,
    plan?: { partitions: number; window: number },
  ): Promise<number[] | undefined>;
}

export type Claim =
  | {
      kind: 'run';
      fence: number;
      /** Attempts in a row, this one included, since a chunk was last committed: a partition that kills its workers is recognised by it. */
      attempts: number;
      partition: Partition;
      position: Json | undefined;
      counts: Counts;
    }
  /** The execution is stopping: report the partition STOPPED with this fence. */
  | { kind: 'stopping'; fence: number; counts: Counts }
  /** It had finished; `announcement` is what the finisher may not have lived to announce. */
  | { kind: 'finished'; announcement: Announcement }
  /** Nobody waits for this partition any more. */
  | { kind: 'gone' }
  /** A newer attempt has it. */
  | { kind: 'superseded' };

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
  claim(ref: PartitionRef, fence: number | undefined): Promise<Claim>;
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
    checkpoint?: { position: Json; skipLimit: number },
  ): Promise<'go-on' | 'stop' | 'superseded' | 'skip-limit'>;
  /** As in OperationStore: for an execution whose gate turns out to be closed. */
  stopIfRunning(execution: ExecutionRef, by: string): Promise<ForceStopped | undefined>;
  /** Marks the end; undefined if a newer attempt has the partition. */
  finish(ref: PartitionRef, fence: number, end: PartitionEnd): Promise<Announcement | undefined>;
}

/** What a worker says that was delivered work it cannot do. */
export interface HandBackStore {
  /**
   * Whether what is delivered of the execution takes a worker that has its job: not once it is stopping, has ended or is
   * gone, since the work is then left, for which nobody needs the job.
   */
  needsJob(execution: ExecutionRef): Promise<boolean>;
  /**
   * Notes with a running execution that its work was handed back, until a worker takes it up. Is no sign of progress.
   *
   * @param reason e.g. `this worker has job x in version 2, not 1`
   */
  noteHandedBack(execution: ExecutionRef, reason: string): Promise<void>;
}

/** A step's plan, and how much of it counts as done, over all executions of the instance. */
export interface PlanProgress {
  planned: boolean;
  partitions: number;
  completed: number;
}

/** What a verification asks. */
export interface VerifyStore {
  planProgress(instanceId: InstanceId, step: string): Promise<PlanProgress>;
  stepCounts(ref: StepRef): Promise<Counts>;
}

/** What retention asks. */
export interface RetentionStore {
  /** Executions of this status that ended more than `ageMs` ago, or that stand beyond the newest `keep`; oldest first, at most `limit`. */
  expired(status: BatchStatus, ageMs: number, keep: number, limit: number): Promise<ExecutionId[]>;
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
  /** Executions that ended so long ago and are unsettled still, the longest waiting first, at most `limit`. */
  unsettledFor(ms: number, limit: number): Promise<ExecutionRef[]>;
  /** Has one that could not be settled wait behind the others. */
  settleLater(execution: ExecutionRef): Promise<void>;
  /** Unsettled executions of an instance that are older than this one. */
  unsettledBefore(instanceId: InstanceId, id: ExecutionId): Promise<ExecutionRef[]>;
  /** A step's counts, over its partitions. */
  stepCounts(ref: StepRef): Promise<Counts>;
  /** Sets a partition's counts to what its sink has committed. A running execution is left alone. */
  settle(ref: PartitionRef, counts: Counts): Promise<void>;
  /** Ends the settlement, unless a step's counts are (again) below what its sink has committed. */
  settled(execution: ExecutionRef, steps: readonly { step: string; counts: Counts }[]): Promise<void>;
}

/** A running execution without progress. */
export interface SilentExecution extends ExecutionRef {
  /** Since its last progress, in ms. */
  silentMs: number;
  /** Where its work was handed back by every worker that got it: since when, in ms, and the last one's reason. */
  handedBack: { forMs: number; reason: string } | undefined;
}

/** What the sweeper asks. */
export interface RecoveryStore {
  /** Running executions without progress for so long, the longest silent first, at most `limit`. */
  silentFor(ms: number, limit: number): Promise<SilentExecution[]>;
  /** Any running status → FAILED, its unfinished steps too, without a controller. Is then to be settled. */
  fail(execution: ExecutionRef, failure: { stepName: string; message: string }): Promise<Change>;
}

/** Turns at maintenance, one worker of the fleet at a time. */
export interface MaintenanceStore {
  /** Whether nobody has taken a turn at the task for so long; this one has then. */
  takeTurn(task: string, everyMs: number): Promise<boolean>;
  /** How long ago the last turn at the task was taken, in ms; undefined if never. */
  lastTurn(task: string): Promise<number | undefined>;
}

/**
 * Where each database of the module was last seen to stand. To notice one that went back, ask for what is known *before*
 * asking the database: its mark only grows, so one that is then below, or another database, has gone back.
 */
export interface DatabaseStore {
  /** The highest mark of a seal; undefined before the first. */
  knownMark(ledger: string): Promise<DatabaseMark | undefined>;
  /**
   * Marks COMPLETED executions that were sealed behind `now`, or in another database, and takes `now` for what is known.
   *
   * @returns how many were marked; at most 1,000 a call, so call again while there are any
   */
  databaseWentBack(ledger: string, now: DatabaseMark): Promise<number>;
}
