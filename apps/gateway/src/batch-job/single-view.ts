import { paceOf, isRunning, type BatchStatus, type Counts, type ExitCode, type Json } from '#domain';
import type { ExecutionRecord, StepExecutionRecord } from '#engine';
import { isoTime, isoTimeIfAny } from './times.js';
import { executionFactsJson, type ExecutionFactsJson } from './view.js';

interface Progress {
  total: number;
  done: number;
}

/** `GET /batch-job/{module_id}/{job_name}/{job_execution_id}`: a listing's fields, then what an operator asks. */
export interface SingleExecutionJson extends ExecutionFactsJson {
  exitStatus: ExecutionFactsJson['exitStatus'] & { exitDescription: string | undefined };
  instanceId: number;
  counts: Counts;
  progress: { partitions: Progress; rows: Progress };
  rowsPerSecond: number | undefined;
  estimatedEndTime: string | undefined;
  failures: { stepName: string; message: string; time: string }[];
  results: Record<string, Json>;
  /** How many steps there are. */
  stepExecutionCount: number;
  /** The page: index of the first step in it, and the most it may hold. */
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
  endTime: string | undefined;
  counts: Counts;
  failure: string | undefined;
}

export interface StepPage {
  stepStart: number;
  stepCount: number;
  steps: readonly StepExecutionRecord[];
}

/** @param now milliseconds since the epoch */
export function singleExecutionJson(
  moduleId: string,
  execution: ExecutionRecord,
  { stepStart, stepCount, steps }: StepPage,
  now: number,
): SingleExecutionJson {
  const facts = executionFactsJson(moduleId, execution);
  const { partitionsTotal, partitionsDone, rowsTotal, rowsDone } = execution.progress;
  const { rowsPerSecond, estimatedEndTime } = paceOfExecution(execution, now);
  return {
    ...facts,
    exitStatus: { ...facts.exitStatus, exitDescription: execution.exitDescription },
    instanceId: execution.instanceId,
    counts: execution.counts,
    progress: {
      partitions: { total: partitionsTotal, done: partitionsDone },
      rows: { total: rowsTotal, done: rowsDone },
    },
    rowsPerSecond,
    estimatedEndTime: isoTimeIfAny(estimatedEndTime),
    failures: execution.failures.map(({ stepName, message, time }) => ({ stepName, message, time: isoTime(time) })),
    results: execution.results,
    stepExecutionCount: execution.stepCount,
    stepStart,
    stepCount,
    stepExecutions: steps.map(stepExecutionJson),
  };
}

/** The pace goes by what this execution has read itself; what is left is the instance's. */
function paceOfExecution({ counts, progress, startTime, endTime, status }: ExecutionRecord, now: number) {
  return paceOf({
    done: counts.readCount,
    left: Math.max(0, progress.rowsTotal - progress.rowsDone),
    startTime,
    until: endTime ?? now,
    running: isRunning(status),
  });
}

const stepExecutionJson = (step: StepExecutionRecord): StepExecutionJson => ({
  stepName: step.stepName,
  status: step.status,
  exitCode: step.exitCode,
  startTime: isoTime(step.startTime),
  lastUpdatedTime: isoTime(step.lastUpdatedTime),
  endTime: isoTimeIfAny(step.endTime),
  counts: step.counts,
  failure: step.failure,
});
