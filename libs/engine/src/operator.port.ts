import type { ExecutionId, ExecutionUuid } from '#domain';
import type { JobParameters } from '#job-kit';

export interface StartRequest {
  jobName: string;
  parameters: JobParameters;
  /** A repeated start with the same key (from the same user) returns the same execution; kept for a day. */
  idempotencyKey?: string;
  /** Who asks; stands in the execution's descriptions. */
  requestedBy: string;
}

export interface Started {
  executionId: ExecutionId;
  executionUuid: ExecutionUuid;
  /** Whether the idempotency key had been used: the execution was already there. */
  repeated: boolean;
}

/** What one may do with a module's jobs. Refusals are thrown as LongshoreError. */
export interface JobOperations {
  /** @throws INVALID_PARAMETERS, UNKNOWN_JOB, INSTANCE_*, IDEMPOTENCY_KEY_REUSED */
  start(request: StartRequest): Promise<Started>;
  /** Asks the workers to stop at the next chunk boundary. @throws UNKNOWN_EXECUTION, EXECUTION_NOT_RUNNING */
  stop(id: ExecutionId, requestedBy: string): Promise<void>;
  /** STOPPED at once, whatever it was; no worker commits another row. @throws UNKNOWN_EXECUTION */
  forceStop(id: ExecutionId, requestedBy: string): Promise<void>;
  /** A new execution of the same instance. @throws UNKNOWN_EXECUTION or the reason from `decideRestart` */
  restart(id: ExecutionId, requestedBy: string): Promise<Started>;
  /** @throws UNKNOWN_EXECUTION, EXECUTION_STILL_RUNNING, EXECUTION_ALREADY_COMPLETED, EXECUTION_NOT_RESTARTABLE */
  abandon(id: ExecutionId, requestedBy: string): Promise<void>;
  /** Deletes an execution that has ended, with its steps; what it has imported stays. @throws UNKNOWN_EXECUTION, EXECUTION_STILL_RUNNING */
  delete(id: ExecutionId, requestedBy: string): Promise<void>;
}
