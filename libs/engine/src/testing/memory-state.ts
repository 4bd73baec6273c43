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
import type { DatabaseMark, JobParameters, Partition } from '#job-kit';
import type { Failure } from '../records.js';

/** Everything that the store holds, as plain data, so that a copy of it is a snapshot. */
export interface State {
  lastExecutionId: number;
  lastInstanceId: number;
  executions: Map<ExecutionId, ExecutionState>;
  instances: Map<InstanceId, InstanceState>;
  /** Job and identity → instance. */
  identities: Map<string, InstanceId>;
  idempotencyKeys: Map<string, { fingerprint: string; id: ExecutionId; uuid: ExecutionUuid }>;
  /** Deleted executions that their database still knows. */
  forgotten: Map<ExecutionUuid, { instanceUuid: ExecutionUuid; instanceGone: boolean; since: number }>;
  /** Ledger → where its database was last seen to stand. */
  databases: Map<string, DatabaseMark>;
  /** Maintenance task → time of its last turn. */
  turns: Map<string, number>;
}

export interface InstanceState {
  id: InstanceId;
  uuid: ExecutionUuid;
  jobName: string;
  identity: string | undefined;
  abandoned: boolean;
  /** Ascending; the last one is the newest. */
  executions: ExecutionId[];
  steps: Map<string, InstanceStep>;
}

/** What the executions of an instance have done of a step. */
export interface InstanceStep {
  completed: boolean;
  startCount: number;
  planned: boolean;
  plan: Partition[];
  /** Partitions that are COMPLETED. */
  done: Set<number>;
  positions: Map<number, Json>;
  rowsDone: number;
}

export interface ExecutionState {
  id: ExecutionId;
  uuid: ExecutionUuid;
  instanceId: InstanceId;
  jobName: string;
  definition: JobDefinition;
  parameters: JobParameters;
  isRestart: boolean;
  status: BatchStatus;
  exitCode: ExitCode;
  exitDescription: string | undefined;
  createTime: number;
  startTime: number | undefined;
  lastUpdatedTime: number;
  endTime: number | undefined;
  failures: Failure[];
  results: Map<string, Json>;
  /** In start order. */
  steps: Map<string, StepState>;
  lease: { token: string; until: number } | undefined;
  /** Word was left for the lease's holder. */
  nudged: boolean;
  /** How often in a row the lease was taken and not given back. */
  attempts: number;
  /** Time of the last progress. */
  progressAt: number;
  /** Time at which it reached its status. */
  statusAt: number;
  unsettledSince: number | undefined;
  handedBack: { since: number; reason: string } | undefined;
  /** Ledger → what it said when it noted that the execution has COMPLETED. */
  seals: Map<string, DatabaseMark>;
  databaseWentBack: number | undefined;
}

/** What steps and partitions have in common. */
export interface Attempted {
  status: BatchStatus;
  startTime: number;
  lastUpdatedTime: number;
  endTime: number | undefined;
  failure: string | undefined;
  fence: number;
  /** In a row that have come to nothing. */
  attempts: number;
}

export interface StepState extends Attempted {
  exitCode: ExitCode | undefined;
  /** Whether its own work is handed out, and a worker has begun it. */
  work: 'none' | 'waiting' | 'begun';
  /** Where the next partition is looked for. */
  cursor: number;
  inFlight: Set<number>;
  /** In start order. */
  partitions: Map<number, PartitionState>;
  /** How often partitions of it were reopened. */
  reopened: number;
}

export interface PartitionState extends Attempted {
  label: string;
  counts: Counts;
  successor: number | undefined;
}

export const emptyState = (): State => ({
  lastExecutionId: 0,
  lastInstanceId: 0,
  executions: new Map(),
  instances: new Map(),
  identities: new Map(),
  idempotencyKeys: new Map(),
  forgotten: new Map(),
  databases: new Map(),
  turns: new Map(),
});

export const emptyInstanceStep = (): InstanceStep => ({
  completed: false,
  startCount: 0,
  planned: false,
  plan: [],
  done: new Set(),
  positions: new Map(),
  rowsDone: 0,
});

const begun = (now: number): Attempted => ({
  status: 'STARTED',
  startTime: now,
  lastUpdatedTime: now,
  endTime: undefined,
  failure: undefined,
  fence: 0,
  attempts: 0,
});

export const begunStep = (now: number): StepState => ({
  ...begun(now),
  exitCode: undefined,
  work: 'none',
  cursor: 0,
  inFlight: new Set(),
  partitions: new Map(),
  reopened: 0,
});

export const begunPartition = (now: number, label: string, counts: Counts): PartitionState => ({
  ...begun(now),
  label,
  counts,
  successor: undefined,
});
