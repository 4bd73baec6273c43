import type { ExecutionId, ExecutionUuid } from '#domain';
import type { JobParameters } from '#job-kit';

export interface StartRequest {
  jobName: string;
  parameters: JobParameters;
  /** A repeated start with the same key (from the same user) returns the same execution; kept for a day. */
  idempotencyKey?: string;
  /** Who asks; stands in the execution's descriptions. */
  requestedBy: string;
  /** Of the request that asks; events and log carry it. */
  requestId?: string | undefined;
}

export interface Started {
  executionId: ExecutionId;
  executionUuid: ExecutionUuid;
  /** Whether the idempotency key had been used: the execution was already there. */
  repeated: boolean;
}

/** What one may do with a module's jobs. Refusals are thrown as LongshoreError. */
export interface JobOperations {
  /** @throws INVALID_PARAMETERS, UNKNOWN_JOB, INSTANCE_*, IDEMPOTENCY_KEY_REUSED, EXECUTION_DELETED */
  start(request: StartRequest): Promise<Started>;
  /** Asks the workers to stop at the next chunk boundary. @throws UNKNOWN_EXECUTION, EXECUTION_NOT_RUNNING */
  stop(id: ExecutionId, requestedBy: string, requestId?: string): Promise<void>;
  /** STOPPED at once, whatever it was; no worker commits another row. @throws UNKNOWN_EXECUTION */
  forceStop(id: ExecutionId, requestedBy: string, requestId?: string): Promise<void>;
  /** A new execution of the same instance. @throws UNKNOWN_EXECUTION or the reason from `decideRestart` */
  restart(id: ExecutionId, requestedBy: string, requestId?: string): Promise<Started>;
  /** @throws UNKNOWN_EXECUTION, EXECUTION_STILL_RUNNING, EXECUTION_ALREADY_COMPLETED, EXECUTION_NOT_RESTARTABLE */
  abandon(id: ExecutionId, requestedBy: string, requestId?: string): Promise<void>;
  /** Deletes an execution that has ended, with its steps; what it has imported stays. @throws UNKNOWN_EXECUTION, EXECUTION_STILL_RUNNING */
  delete(id: ExecutionId, requestedBy: string): Promise<void>;
  /** Compares what an execution says with what its databases hold. @throws UNKNOWN_EXECUTION */
  verify(id: ExecutionId): Promise<VerifyReport>;
}

/** What comparing an execution with its databases has shown. */
export interface VerifyReport {
  /** Whether nothing is wrong. */
  verified: boolean;
  steps: VerifiedStep[];
  /** What is wrong, a sentence each that says what to do. */
  findings: string[];
}

/** A step that writes in transactions, as Redis and its database have it. */
export interface VerifiedStep {
  stepName: string;
  /** How many the plan holds, how many count as COMPLETED, and how many the database knows as finished. */
  partitions: { total: number; completed: number; finished: number };
  /** What this execution says it has written, and what the database says of it. */
  writeCount: { execution: number; database: number };
}
