import {
  COUNT_NAMES,
  executionId,
  executionUuid,
  exitCodeOf,
  instanceId,
  partitionStepName,
  type BatchStatus,
  type Counts,
  type ExecutionId,
  type ExecutionUuid,
  type JobDefinition,
  type Json,
} from '#domain';
import type { ControlledExecution, ExecutionRecord, ExecutionRef, Failure, StepExecutionRecord } from '#engine';
import type { JobParameters, Partition } from '#job-kit';

/** A Redis hash as it is read: names and values in turn. */
export type Hash = Map<string, string>;

export function hashOf(flat: readonly string[]): Hash {
  const hash: Hash = new Map();
  for (let i = 0; i + 1 < flat.length; i += 2) hash.set(flat[i]!, flat[i + 1]!);
  return hash;
}

const text = (hash: Hash, field: string): string => hash.get(field) ?? '';
const number = (hash: Hash, field: string): number => Number(hash.get(field) ?? 0);
const optionalNumber = (hash: Hash, field: string): number | undefined => {
  const value = hash.get(field);
  return value === undefined ? undefined : Number(value);
};

/** JSON that must break no reader, whatever stored it: undefined where it cannot be parsed. */
function parsed(json: string | undefined): Json | undefined {
  try {
    return json === undefined ? undefined : (JSON.parse(json) as Json);
  } catch {
    return undefined;
  }
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Counts in the order of COUNT_NAMES, as scripts take and return them. */
export const countsOf = (values: readonly unknown[]): Counts =>
  Object.fromEntries(COUNT_NAMES.map((name, i) => [name, Number(values[i] ?? 0)])) as unknown as Counts;
export const countValues = (counts: Counts): number[] => COUNT_NAMES.map((name) => counts[name]);

const countsIn = (hash: Hash): Counts => countsOf(COUNT_NAMES.map((name) => hash.get(name)));

const RESULT = 'result:';

export const refOf = (id: string | number, uuid: string): ExecutionRef => ({
  id: executionId(Number(id)),
  uuid: executionUuid(uuid),
});

/**
 * Hashes of an execution and of its instance → the record.
 *
 * @param readAt Redis's time when they were read
 */
export function decodeExecution(execution: Hash, instance: Hash, readAt: number): ExecutionRecord {
  return {
    ...identityIn(execution),
    latest: executionId(number(instance, 'latest')),
    abandoned: instance.has('abandoned'),
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
    failures: decodeFailures(execution),
    results: decodeResults(execution),
    stepCount: number(execution, 'stepCount'),
    handedBack: handedBackIn(execution),
    databaseWentBack: optionalNumber(execution, 'databaseWentBack'),
    readAt,
  };
}

/** What an execution is, to those who work on it. */
export const decodeControlled = (execution: Hash): ControlledExecution => ({
  ...identityIn(execution),
  isRestart: execution.has('restart'),
});

const identityIn = (execution: Hash) => ({
  id: executionId(number(execution, 'id')) satisfies ExecutionId,
  uuid: executionUuid(text(execution, 'uuid')) satisfies ExecutionUuid,
  instanceId: instanceId(number(execution, 'instanceId')),
  instanceUuid: executionUuid(text(execution, 'instanceUuid')),
  jobName: text(execution, 'jobName'),
  definition: decodeDefinition(execution),
  parameters: decodeParameters(execution),
});

function decodeDefinition(execution: Hash): JobDefinition {
  const definition = parsed(execution.get('definition'));
  const isReadable = isObject(definition) && typeof definition.version === 'string' && Array.isArray(definition.steps);
  return isReadable ? (definition as unknown as JobDefinition) : { version: '', steps: [] };
}

function decodeParameters(execution: Hash): JobParameters {
  const parameters = parsed(execution.get('parameters'));
  return isObject(parameters) ? (parameters as JobParameters) : {};
}

function decodeFailures(execution: Hash): Failure[] {
  const failures = parsed(execution.get('failures'));
  if (!Array.isArray(failures)) return [];
  return failures.filter(isObject).map(({ stepName, message, time }) => ({
    stepName: String(stepName ?? ''),
    message: String(message ?? ''),
    time: Number(time ?? 0),
  }));
}

function decodeResults(execution: Hash): Record<string, Json> {
  const results = [...execution].filter(([field]) => field.startsWith(RESULT));
  return Object.fromEntries(results.map(([field, value]) => [field.slice(RESULT.length), parsed(value) ?? null]));
}

function handedBackIn(execution: Hash): ExecutionRecord['handedBack'] {
  const since = optionalNumber(execution, 'handedBackSince');
  return since === undefined ? undefined : { since, reason: text(execution, 'handedBackReason') };
}

/**
 * A hash of a step or of a partition → the record. It leaves out what follows from the rest: the exit code of its status, and
 * that its last update was its end, or its beginning.
 */
export function decodeStep(stepName: string, isPartition: boolean, step: Hash): StepExecutionRecord {
  const status = text(step, 'status') as BatchStatus;
  const startTime = number(step, 'startTime');
  const endTime = optionalNumber(step, 'endTime');
  return {
    stepName: isPartition ? partitionStepName(stepName, text(step, 'label')) : stepName,
    status,
    exitCode: step.get('exitCode') ?? exitCodeOf(status),
    startTime,
    lastUpdatedTime: optionalNumber(step, 'lastUpdatedTime') ?? endTime ?? startTime,
    endTime,
    counts: countsIn(step),
    failure: step.get('failure'),
  };
}

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
