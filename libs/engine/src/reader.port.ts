import type { BatchStatus, ExecutionId, ExecutionUuid } from '#domain';
import type { ExecutionRecord, InstanceRecord, StepExecutionRecord } from './records.js';

export interface InstanceQuery {
  /** Index of the first instance, from 0. */
  start: number;
  /** Most instances to return: 1 to 1000. */
  count: number;
  /** Only executions with one of these statuses, and instances that have one; empty for all. */
  statuses: readonly BatchStatus[];
  /** Only executions with a lower number than this one. */
  before?: ExecutionId | undefined;
}

/** Questions about a module's executions. Their cost depends on what is returned, never on what is stored. */
export interface ExecutionReader {
  /** Newest instance first. */
  listInstances(jobName: string, query: InstanceQuery): Promise<InstanceRecord[]>;
  /** The instance of this execution, with that execution alone; undefined if the job has none such. */
  findByUuid(jobName: string, uuid: ExecutionUuid): Promise<InstanceRecord | undefined>;
  findExecution(id: ExecutionId): Promise<ExecutionRecord | undefined>;
  /** Steps of an execution in start order, from index `start`. */
  listSteps(id: ExecutionId, start: number, count: number): Promise<StepExecutionRecord[]>;
}
