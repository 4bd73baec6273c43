import type { BatchStatus, Counts, ExitCode, Json } from '#domain';

/** The answer to a start. */
export interface StartedJson {
  jobExecutionId: number;
  executionUUID: string;
  /** Where no worker serves the module. */
  warning?: string | undefined;
}

/** What a listing and the view of a single execution have in common. Times are ISO 8601. */
export interface ExecutionJson {
  id: number;
  moduleId: string;
  jobName: string;
  executionUUID: string;
  jobParameters: Readonly<Record<string, string>>;
  createTime: string;
  /** Absent until the first controller has taken the execution up. */
  startTime?: string | undefined;
  lastUpdatedTime: string;
  /** Absent while it is running. */
  endTime?: string | undefined;
  status: BatchStatus;
  exitStatus: { exitCode: ExitCode; running: boolean };
  running: boolean;
  recordWriteCount: number;
}

/** An execution in a listing, with its first steps. */
export interface ListedExecutionJson extends ExecutionJson {
  /** How many steps there are, where they are more than are listed. */
  stepExecutionCount?: number | undefined;
  stepExecutions: { stepName: string; exitCode: ExitCode }[];
}

/** An instance in a listing. */
export interface InstanceJson {
  jobName: string;
  /** The newest first. */
  jobExecutions: ListedExecutionJson[];
}

/** One execution with a page of its steps. */
export interface SingleExecutionJson extends ExecutionJson {
  exitStatus: ExecutionJson['exitStatus'] & { exitDescription?: string | undefined };
  instanceId: number;
  /** Version of the job as it was when the execution began. */
  jobVersion: string;
  counts: Counts;
  progress: Record<'partitions' | 'rows', { total: number; done: number }>;
  rowsPerSecond?: number | undefined;
  /** Absent where it cannot be estimated. */
  estimatedEndTime?: string | undefined;
  /** Where no worker serves the module of one that runs. */
  warning?: string | undefined;
  failures: { stepName: string; message: string; time: string }[];
  results: Record<string, Json>;
  stepExecutionCount: number;
  stepStart: number;
  stepCount: number;
  stepExecutions: StepExecutionJson[];
}

export interface StepExecutionJson {
  stepName: string;
  status: BatchStatus;
  exitCode: ExitCode;
  startTime: string;
  lastUpdatedTime: string;
  endTime?: string | undefined;
  counts: Counts;
  failure?: string | undefined;
}

/** One operation that was requested, and its outcome: `OK` or the code of the problem. */
export interface AuditEntryJson {
  /** Identifies the entry; `before` of the next page. */
  id: string;
  time: string;
  username: string;
  remoteAddress: string;
  operation: string;
  jobName?: string;
  executionId?: number;
  outcome: string;
  message: string;
}
