import { partitionStepName, type ExecutionId, type ExecutionUuid } from '#domain';
import type { ExecutionReader, InstanceQuery } from '../reader.port.js';
import {
  LISTED_EXECUTIONS,
  LISTED_STEPS,
  type ExecutionRecord,
  type InstanceRecord,
  type ListedExecution,
  type StepExecutionRecord,
} from '../records.js';
import type { Memory } from './memory.js';
import type { ExecutionState, InstanceState, StepState } from './memory-state.js';

/** An execution as it is shown. */
export function recordOf(memory: Memory, execution: ExecutionState): ExecutionRecord {
  const instance = memory.instanceOf(execution);
  const { id, uuid, instanceId, jobName, definition, parameters, status, exitCode, exitDescription } = execution;
  const { createTime, startTime, lastUpdatedTime, endTime, failures, handedBack, databaseWentBack } = execution;
  return structuredClone({
    id,
    uuid,
    instanceId,
    instanceUuid: instance.uuid,
    latest: memory.latestOf(instance),
    abandoned: instance.abandoned,
    jobName,
    definition,
    parameters,
    status,
    exitCode,
    exitDescription,
    createTime,
    startTime,
    lastUpdatedTime,
    endTime,
    counts: memory.countsOf(execution),
    progress: progressOf(instance),
    failures,
    results: Object.fromEntries(execution.results),
    stepCount: [...execution.steps.values()].reduce((sum, { partitions }) => sum + 1 + partitions.size, 0),
    handedBack,
    databaseWentBack,
    readAt: memory.now,
  });
}

function progressOf({ steps }: InstanceState): ExecutionRecord['progress'] {
  const progress = { partitionsTotal: 0, partitionsDone: 0, rowsTotal: 0, rowsDone: 0 };
  for (const { planned, plan, done, rowsDone } of steps.values()) {
    if (!planned) continue;
    progress.partitionsTotal += plan.length;
    progress.partitionsDone += done.size;
    progress.rowsTotal += plan.reduce((sum, { rows }) => sum + rows, 0);
    progress.rowsDone += rowsDone;
  }
  return progress;
}

/** Step executions: each step before its partitions, both in start order. */
function stepsOf(memory: Memory, { steps }: ExecutionState): StepExecutionRecord[] {
  return [...steps].flatMap(([name, step]) => [
    stepRecord(memory, name, step),
    ...partitionRecords(memory, name, step),
  ]);
}

function stepRecord(memory: Memory, stepName: string, step: StepState): StepExecutionRecord {
  const { status, startTime, lastUpdatedTime, endTime, failure } = step;
  const exitCode = memory.exitCodeOf(step);
  return {
    stepName,
    status,
    exitCode,
    startTime,
    lastUpdatedTime,
    endTime,
    counts: memory.countsOfStep(step),
    failure,
  };
}

function partitionRecords(memory: Memory, name: string, { partitions }: StepState): StepExecutionRecord[] {
  return [...partitions.values()].map(({ label, status, startTime, lastUpdatedTime, endTime, counts, failure }) => ({
    stepName: partitionStepName(name, label),
    status,
    exitCode: memory.exitCodeOf({ status } as StepState),
    startTime,
    lastUpdatedTime,
    endTime,
    counts: { ...counts },
    failure,
  }));
}

/** Questions about a module's executions. */
export function memoryReader(memory: Memory): ExecutionReader {
  const listed = (execution: ExecutionState): ListedExecution => ({
    ...recordOf(memory, execution),
    steps: stepsOf(memory, execution)
      .slice(0, LISTED_STEPS)
      .map(({ stepName, exitCode }) => ({ stepName, exitCode })),
  });
  const instance = (
    { id, jobName, executions }: InstanceState,
    wanted: (one: ExecutionState) => boolean,
  ): InstanceRecord => {
    const found = executions.map((execution) => memory.find({ id: execution })!).filter(wanted);
    return {
      id,
      jobName,
      executions: found.slice(-LISTED_EXECUTIONS).map(listed).toReversed(),
      isCut: found.length > LISTED_EXECUTIONS,
    };
  };
  return {
    async findExecution(id) {
      const found = memory.find({ id });
      return found && recordOf(memory, found);
    },
    async listSteps(id, start, count) {
      const found = memory.find({ id });
      return found ? stepsOf(memory, found).slice(start, start + count) : [];
    },
    async findByUuid(jobName: string, uuid: ExecutionUuid) {
      const found = [...memory.state.executions.values()].find((one) => one.uuid === uuid && one.jobName === jobName);
      return found && instance(memory.instanceOf(found), (one) => one === found);
    },
    async listInstances(jobName: string, { start, count, statuses, before = Infinity as ExecutionId }: InstanceQuery) {
      const wanted = ({ id, status }: ExecutionState) =>
        id < before && (statuses.length === 0 || statuses.includes(status));
      return [...memory.state.instances.values()]
        .filter((one) => one.jobName === jobName && one.executions.some((id) => wanted(memory.find({ id })!)))
        .toReversed()
        .slice(start, start + count)
        .map((one) => instance(one, wanted));
    },
  };
}
