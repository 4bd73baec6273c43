import { isRunning, type ExitCode } from '#domain';
import type { ExecutionRecord, InstanceRecord, ListedExecution } from '#engine';
import { isoTime, isoTimeIfAny } from '../schema/iso-time.js';
import {
  count,
  described,
  id,
  list,
  map,
  named,
  object,
  status,
  text,
  time,
  truth,
  uuid,
  type Schema,
  type ValueOf,
} from '../schema/schema.js';

export const exitCode: Schema<ExitCode> = text;

/** What a listing and the view of a single execution have in common, in the contract's names (33.2.2). */
export const executionFacts = {
  id,
  moduleId: text,
  jobName: text,
  executionUUID: uuid,
  jobParameters: map(text),
  createTime: time,
  lastUpdatedTime: time,
  status,
  running: truth,
  recordWriteCount: count,
};
export const executionTimes = { startTime: time, endTime: time };
export const exitStatus = { exitCode, running: truth };

const EXECUTION_FACTS = object({ ...executionFacts, exitStatus: object(exitStatus) }, executionTimes);

const LISTED_EXECUTION = object(
  {
    ...executionFacts,
    exitStatus: object(exitStatus),
    stepExecutions: list(object({ stepName: text, exitCode })),
  },
  {
    ...executionTimes,
    stepExecutionCount: described(count, 'How many steps there are, where they are more than are listed'),
  },
);

/** `GET /batch-job/{module_id}` */
export const JOBS = named('Jobs', object({ jobs: list(object({ name: text })) }));

/** `GET /batch-job/{module_id}/{job_name}` */
export const INSTANCES = named(
  'JobInstances',
  object({
    jobInstances: list(
      object(
        { jobName: text, jobExecutions: list(LISTED_EXECUTION) },
        {
          olderExecutions: described(
            truth,
            'true where the list was cut: ask again with `beforeExecution` and the last number in it',
          ),
        },
      ),
    ),
  }),
);

export type InstancesJson = ValueOf<typeof INSTANCES>;

export const jobsJson = (names: readonly string[]): ValueOf<typeof JOBS> => ({ jobs: names.map((name) => ({ name })) });

export const instancesJson = (moduleId: string, instances: readonly InstanceRecord[]): InstancesJson => ({
  jobInstances: instances.map(({ jobName, executions, isCut }) => ({
    jobName,
    jobExecutions: executions.map((execution) => listedExecutionJson(moduleId, execution)),
    olderExecutions: isCut || undefined,
  })),
});

const listedExecutionJson = (moduleId: string, execution: ListedExecution): ValueOf<typeof LISTED_EXECUTION> => ({
  ...executionFactsJson(moduleId, execution),
  stepExecutionCount: execution.stepCount > execution.steps.length ? execution.stepCount : undefined,
  stepExecutions: execution.steps.map(({ stepName, exitCode: code }) => ({ stepName, exitCode: code })),
});

/** The common facts, in the contract's order. Both `running` are derived from the status. */
export function executionFactsJson(moduleId: string, execution: ExecutionRecord): ValueOf<typeof EXECUTION_FACTS> {
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
