import type {
  BatchStatus,
  Counts,
  ExecutionId,
  ExecutionUuid,
  ExitCode,
  InstanceId,
  JobDefinition,
  Json,
} from '#domain';
import type { JobParameters } from '#job-kit';

/** Times in records are milliseconds since the epoch. A field without a value yet is undefined. */
export interface ExecutionRecord {
  id: ExecutionId;
  uuid: ExecutionUuid;
  instanceId: InstanceId;
  /** UUID of the instance's first execution. */
  instanceUuid: ExecutionUuid;
  /** The newest execution of the instance. */
  latest: ExecutionId;
  /** Whether an execution of the instance was ever abandoned. */
  abandoned: boolean;
  jobName: string;
  /** The job as it was when this execution began. */
  definition: JobDefinition;
  parameters: JobParameters;
  status: BatchStatus;
  exitCode: ExitCode;
  exitDescription: string | undefined;
  createTime: number;
  startTime: number | undefined;
  lastUpdatedTime: number;
  endTime: number | undefined;
  /** Over all steps of this execution. */
  counts: Counts;
  /** Of the instance: what the plan holds, and what all its executions have done of it. */
  progress: { partitionsTotal: number; partitionsDone: number; rowsTotal: number; rowsDone: number };
  /** The first ones, oldest first, at most `LIMITS.failures`. */
  failures: Failure[];
  /** What tasklets have left, by name. */
  results: Record<string, Json>;
  /** Step executions in start order: how many there are. */
  stepCount: number;
  /** Where no worker has its job: since when its work is handed back, and why. */
  handedBack: { since: number; reason: string } | undefined;
  /** When its database was found to have been put back to a state before its end; undefined as a rule. */
  databaseWentBack: number | undefined;
  /** Redis's time when this was read. */
  readAt: number;
}

export interface Failure {
  stepName: string;
  message: string;
  time: number;
}

/** One attempt at a step or partition. */
export interface StepExecutionRecord {
  stepName: string;
  status: BatchStatus;
  exitCode: ExitCode;
  startTime: number;
  lastUpdatedTime: number;
  endTime: number | undefined;
  counts: Counts;
  failure: string | undefined;
}

/** What a listing shows of a step. */
export interface StepSummary {
  stepName: string;
  exitCode: ExitCode;
}

/** An execution in a listing: with its first {@link LISTED_STEPS} steps in start order. A step's partitions follow it. */
export interface ListedExecution extends ExecutionRecord {
  steps: StepSummary[];
}

/** Most steps that a listing shows of one execution; the single-execution view pages through all of them. */
export const LISTED_STEPS = 1_000;
/** Most steps that a listing shows in all: executions for which no room is left are listed without theirs. */
export const LISTING_STEPS = 20_000;
/** Most executions that a listing shows of one instance; `before` asks for those behind. */
export const LISTED_EXECUTIONS = 100;

export interface InstanceRecord {
  id: InstanceId;
  jobName: string;
  /** Newest first, at most {@link LISTED_EXECUTIONS}. */
  executions: ListedExecution[];
  /** Whether there may be more behind. */
  isCut: boolean;
}
