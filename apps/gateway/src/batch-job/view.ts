import { isRunning, type BatchStatus, type ExitCode } from '#domain';
import {
  LISTED_STEPS,
  type ExecutionRecord,
  type InstanceRecord,
  type ListedExecution,
  type StepSummary,
} from '#engine';
import type { JobParameters } from '#job-kit';
import { isoTime, isoTimeIfAny } from './times.js';

/** An execution's facts, in the contract's names and order (33.2.2). Undefined fields are left out of the JSON. */
export interface ExecutionFactsJson {
  id: number;
  moduleId: string;
  jobName: string;
  executionUUID: string;
  jobParameters: JobParameters;
  createTime: string;
  startTime: string | undefined;
  lastUpdatedTime: string;
  endTime: string | undefined;
  status: BatchStatus;
  exitStatus: { exitCode: ExitCode; running: boolean };
  running: boolean;
  recordWriteCount: number;
}

/** An execution in a listing. */
export interface ListedExecutionJson extends ExecutionFactsJson {
  /** How many steps there are, where they are more than are listed. */
  stepExecutionCount: number | undefined;
  stepExecutions: StepSummary[];
}

export interface InstancesJson {
  jobInstances: { jobName: string; jobExecutions: ListedExecutionJson[] }[];
}

/** `GET /batch-job/{module_id}` */
export const jobsJson = (names: readonly string[]) => ({ jobs: names.map((name) => ({ name })) });

/** `GET /batch-job/{module_id}/{job_name}` */
export const instancesJson = (moduleId: string, instances: readonly InstanceRecord[]): InstancesJson => ({
  jobInstances: instances.map(({ jobName, executions }) => ({
    jobName,
    jobExecutions: executions.map((execution) => listedExecutionJson(moduleId, execution)),
  })),
});

const listedExecutionJson = (moduleId: string, execution: ListedExecution): ListedExecutionJson => ({
  ...executionFactsJson(moduleId, execution),
  stepExecutionCount: execution.stepCount > LISTED_STEPS ? execution.stepCount : undefined,
  stepExecutions: execution.steps.map(({ stepName, exitCode }) => ({ stepName, exitCode })),
});

/** What a listing and the single view have in common. Both `running` are derived from the status. */
export function executionFactsJson(moduleId: string, execution: ExecutionRecord): ExecutionFactsJson {
  const running = isRunning(execution.status);
  return {
    id: execution.id,
    moduleId,
    jobName: execution.jobName,
    executionUUID: execution.uuid,
    jobParameters: execution.parameters,
    createTime: isoTime(execution.createTime),
    startTime: isoTimeIfAny(execution.startTime),
    lastUpdatedTime: isoTime(execution.lastUpdatedTime),
    endTime: isoTimeIfAny(execution.endTime),
    status: execution.status,
    exitStatus: { exitCode: execution.exitCode, running },
    running,
    recordWriteCount: execution.counts.writeCount,
  };
}
