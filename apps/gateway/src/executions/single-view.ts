import { isRunning, paceOf } from '#domain';
import type { ExecutionRecord, StepExecutionRecord } from '#engine';
import { isoTime, isoTimeIfAny } from '../schema/iso-time.js';
import {
  anything,
  count,
  counts,
  decimal,
  described,
  id,
  list,
  map,
  named,
  object,
  status,
  text,
  time,
  type ValueOf,
} from '../schema/schema.js';
import { warning } from './nobody-there.js';
import { executionFacts, executionFactsJson, executionTimes, exitCode, exitStatus } from './list-view.js';

const progress = object({ total: count, done: count });

const STEP_EXECUTION = object(
  { stepName: text, status, exitCode, startTime: time, lastUpdatedTime: time, counts },
  { endTime: time, failure: text },
);

/** `GET /batch-job/{module_id}/{job_name}/{job_execution_id}`: a listing's fields, and more for an operator. */
export const EXECUTION = named(
  'JobExecution',
  object(
    {
      ...executionFacts,
      exitStatus: object(exitStatus, { exitDescription: text }),
      instanceId: id,
      jobVersion: described(text, 'Version of the job as it was when the execution began'),
      counts,
      progress: object({ partitions: progress, rows: progress }),
      failures: list(object({ stepName: text, message: text, time })),
      results: map(anything),
      stepExecutionCount: described(count, 'How many steps there are'),
      stepStart: described(count, 'Index of the first step of this page'),
      stepCount: described(count, 'Most steps of this page'),
      stepExecutions: list(STEP_EXECUTION),
    },
    {
      ...executionTimes,
      handedBack: described(
        object({ since: time, reason: text }),
        'Where no worker has the job of the execution: since when its work is handed back, and why',
      ),
      databaseWentBack: described(
        time,
        'When the database was found to have been put back to a state before the end: verify the execution',
      ),
      rowsPerSecond: decimal,
      estimatedEndTime: time,
      warning,
    },
  ),
);

export type ExecutionJson = ValueOf<typeof EXECUTION>;

export interface StepPage {
  stepStart: number;
  stepCount: number;
  steps: readonly StepExecutionRecord[];
}

export function executionJson(
  moduleId: string,
  execution: ExecutionRecord,
  { stepStart, stepCount, steps }: StepPage,
  warned?: string,
): ExecutionJson {
  const facts = executionFactsJson(moduleId, execution);
  const { partitionsTotal, partitionsDone, rowsTotal, rowsDone } = execution.progress;
  const { rowsPerSecond, estimatedEndTime } = paceOfExecution(execution);
  return {
    ...facts,
    exitStatus: { ...facts.exitStatus, exitDescription: execution.exitDescription },
    instanceId: execution.instanceId,
    jobVersion: execution.definition.version,
    counts: execution.counts,
    progress: {
      partitions: { total: partitionsTotal, done: partitionsDone },
      rows: { total: rowsTotal, done: rowsDone },
    },
    handedBack: handedBackJson(execution),
    databaseWentBack: isoTimeIfAny(execution.databaseWentBack),
    rowsPerSecond,
    estimatedEndTime: isoTimeIfAny(estimatedEndTime),
    warning: warned,
    failures: execution.failures.map(({ stepName, message, time: at }) => ({ stepName, message, time: isoTime(at) })),
    results: execution.results,
    stepExecutionCount: execution.stepCount,
    stepStart,
    stepCount,
    stepExecutions: steps.map(stepExecutionJson),
  };
}

const handedBackJson = ({ handedBack }: ExecutionRecord) =>
  handedBack && { since: isoTime(handedBack.since), reason: handedBack.reason };

/** The pace is that of the rows that this execution has read itself; the remaining rows are the instance's. */
function paceOfExecution({ counts: { readCount }, progress: { rowsTotal, rowsDone }, ...execution }: ExecutionRecord) {
  return paceOf({
    done: readCount,
    left: Math.max(0, rowsTotal - rowsDone),
    startTime: execution.startTime,
    until: execution.endTime ?? execution.readAt,
    running: isRunning(execution.status),
  });
}

const stepExecutionJson = (step: StepExecutionRecord): ValueOf<typeof STEP_EXECUTION> => ({
  stepName: step.stepName,
  status: step.status,
  exitCode: step.exitCode,
  startTime: isoTime(step.startTime),
  lastUpdatedTime: isoTime(step.lastUpdatedTime),
  endTime: isoTimeIfAny(step.endTime),
  counts: step.counts,
  failure: step.failure,
});
