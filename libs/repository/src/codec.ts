import {
  COUNT_NAMES,
  executionId,
  executionUuid,
  exitCodeOf,
  instanceId,
  type BatchStatus,
  type Counts,
  type Json,
} from '#domain';
import type { ExecutionRecord, Failure, StepExecutionRecord } from '#engine';
import type { JobParameters, Partition } from '#job-kit';

/** A Redis hash as it is read: names and values in turn. */
export type Hash = Map<string, string>;

export function hashOf(flat: readonly string[]): Hash {
  const hash: Hash = new Map();
  for (let i = 0; i + 1 < flat.length; i += 2) hash.set(flat[i]!, flat[i + 1]!);
  return hash;
}

const text = (hash: Hash, field: string): string => {
  const value = hash.get(field);
  if (value === undefined) throw new Error(`Redis hash lacks the field ${field}.`);
  return value;
};
const number = (hash: Hash, field: string): number => Number(hash.get(field) ?? 0);
const optionalNumber = (hash: Hash, field: string): number | undefined => {
  const value = hash.get(field);
  return value === undefined ? undefined : Number(value);
};

/** Counts in the order of COUNT_NAMES, as scripts take and return them. */
export const countsOf = (values: readonly unknown[]): Counts =>
  Object.fromEntries(COUNT_NAMES.map((name, i) => [name, Number(values[i] ?? 0)])) as unknown as Counts;
export const countValues = (counts: Counts): number[] => COUNT_NAMES.map((name) => counts[name]);

const countsIn = (hash: Hash): Counts => countsOf(COUNT_NAMES.map((name) => hash.get(name)));

const RESULT = 'result:';

/** Hashes of an execution and of its instance → the record. */
export function decodeExecution(execution: Hash, instance: Hash): ExecutionRecord {
  return {
    id: executionId(number(execution, 'id')),
    uuid: executionUuid(text(execution, 'uuid')),
    instanceId: instanceId(number(execution, 'instanceId')),
    instanceUuid: executionUuid(text(execution, 'instanceUuid')),
    jobName: text(execution, 'jobName'),
    parameters: decodeParameters(execution),
    status: text(execution, 'status') as BatchStatus,
    exitCode: text(execution, 'exitCode'),
    exitDescription: execution.get('exitDescription'),
    createTime: number(execution, 'createTime'),
    startTime: optionalNumber(execution, 'startTime'),
    lastUpdatedTime: number(execution, 'lastUpdatedTime'),
    endTime: optionalNumber(execution, 'endTime'),
    counts: countsIn(execution),
    progress: {
      partitionsTotal: number(instance, 'partitionsTotal'),
      partitionsDone: number(instance, 'partitionsDone'),
      rowsTotal: number(instance, 'rowsTotal'),
      rowsDone: number(instance, 'rowsDone'),
    },
    failures: JSON.parse(execution.get('failures') ?? '[]') as Failure[],
    results: decodeResults(execution),
    stepCount: number(execution, 'stepCount'),
  };
}

export const decodeParameters = (execution: Hash): JobParameters =>
  JSON.parse(text(execution, 'parameters')) as JobParameters;

function decodeResults(execution: Hash): Record<string, Json> {
  const results: Record<string, Json> = {};
  for (const [field, value] of execution) {
    if (field.startsWith(RESULT)) results[field.slice(RESULT.length)] = JSON.parse(value) as Json;
  }
  return results;
}

/** A step's hash leaves out what follows from the rest: the exit code of its status, and that its last update was its end, or its beginning. */
export function decodeStep(stepName: string, step: Hash): StepExecutionRecord {
  const status = text(step, 'status') as BatchStatus;
  const startTime = number(step, 'startTime');
  const endTime = optionalNumber(step, 'endTime');
  return {
    stepName,
    status,
    exitCode: step.get('exitCode') ?? exitCodeOf(status),
    startTime,
    lastUpdatedTime: optionalNumber(step, 'lastUpdatedTime') ?? endTime ?? startTime,
    endTime,
    counts: countsIn(step),
    failure: step.get('failure'),
  };
}

/** An instance's executions, oldest first. */
export const executionIds = (instance: Hash): string[] => (instance.get('executions') ?? '').split(',').filter(Boolean);

/**
 * A partition as it stands in a plan: its label, which Lua reads, a line feed, which no label holds, and the rest as JSON,
 * which Lua might not be able to read.
 */
export const encodePartition = ({ label, rows, data }: Partition): string =>
  `${label}\n${JSON.stringify([rows, data])}`;

export function decodePartition(entry: string): Partition {
  const end = entry.indexOf('\n');
  const [rows, data] = JSON.parse(entry.slice(end)) as [number, Json];
  return { label: entry.slice(0, end), rows, data };
}
