import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { BATCH_STATUSES, executionId, executionUuid, instanceId, isRunning } from '#domain';
import type { ListedExecution } from '#engine';
import { isoTime } from '../schema/iso-time.js';
import type { NamedSchema } from '../schema/schema.js';
import { INSTANCES, instancesJson, JOBS, jobsJson } from './list-view.js';
import { EXECUTION, executionJson } from './single-view.js';

const created = Date.UTC(2021, 4, 29, 22, 36, 13, 627);
const uuid = executionUuid('7cafdc19-0eeb-48d9-a0b8-edfcc0ea2cc4');
const counts = { readCount: 100, writeCount: 99, filterCount: 0, skipCount: 1, commitCount: 20, rollbackCount: 0 };

const running: ListedExecution = {
  id: executionId(33),
  uuid,
  instanceId: instanceId(7),
  instanceUuid: uuid,
  latest: executionId(33),
  abandoned: false,
  definition: { version: '1', steps: [{ name: 'bulkImportProcessingStep', kind: 'transactional-chunk' }] },
  handedBack: undefined,
  databaseWentBack: undefined,
  readAt: created + 11_000,
  jobName: 'bulkImportJob',
  parameters: { commitInterval: '5' },
  status: 'STARTED',
  exitCode: 'EXECUTING',
  exitDescription: undefined,
  createTime: created,
  startTime: created + 1_000,
  lastUpdatedTime: created + 3_000,
  endTime: undefined,
  counts,
  progress: { partitionsTotal: 4, partitionsDone: 2, rowsTotal: 400, rowsDone: 200 },
  failures: [],
  results: {},
  stepCount: 1,
  steps: [{ stepName: 'bulkImportProcessingStep', exitCode: 'EXECUTING' }],
};
const ended: ListedExecution = {
  ...running,
  status: 'FAILED',
  exitCode: 'FAILED',
  exitDescription: 'a.ndjson, row 17: is not valid JSON',
  endTime: created + 3_000,
  failures: [{ stepName: 'bulkImportProcessingStep', message: 'is not valid JSON', time: created + 2_000 }],
  results: { Patient: 12 },
};

const ajv = addFormats.default(new Ajv2020({ strict: false }));

/** What a caller gets, held against the schema that is published for it. */
function served<T>({ schema }: NamedSchema, value: T): T {
  const json = JSON.parse(JSON.stringify(value)) as T;
  ajv.validate(schema, json);
  expect(ajv.errors).toBeNull();
  return json;
}

const listed = (execution: ListedExecution) => {
  const instances = [{ id: execution.instanceId, jobName: execution.jobName, executions: [execution], isCut: false }];
  return served(INSTANCES, instancesJson('persistence', instances)).jobInstances[0]?.jobExecutions[0];
};

const single = (execution: ListedExecution) => {
  const step = { stepName: 's', status: 'STARTED' as const, exitCode: 'EXECUTING', counts, failure: undefined };
  const steps = [{ ...step, startTime: created, lastUpdatedTime: created, endTime: undefined }];
  return served(EXECUTION, executionJson('persistence', execution, { stepStart: 0, stepCount: 100, steps }));
};

describe('jobsJson', () => {
  it('is the contract’s shape', () => {
    expect(served(JOBS, jobsJson(['bulkImportJob']))).toEqual({ jobs: [{ name: 'bulkImportJob' }] });
  });
});

describe('instancesJson', () => {
  it('says that an instance has older executions only where its list was cut', () => {
    const instance = { id: running.instanceId, jobName: running.jobName, executions: [running], isCut: false };
    const [whole, cut] = served(INSTANCES, instancesJson('m', [instance, { ...instance, isCut: true }])).jobInstances;
    expect(whole).not.toHaveProperty('olderExecutions');
    expect(cut?.olderExecutions).toBe(true);
  });

  it('has the contract’s fields in the contract’s order', () => {
    expect(Object.keys(listed(ended) ?? {})).toEqual([
      'id',
      'moduleId',
      'jobName',
      'executionUUID',
      'jobParameters',
      'createTime',
      'startTime',
      'lastUpdatedTime',
      'endTime',
      'status',
      'exitStatus',
      'running',
      'recordWriteCount',
      'stepExecutions',
    ]);
  });

  it('leaves out what has no value yet', () => {
    const json = listed({ ...running, status: 'STARTING', startTime: undefined });
    expect(json).not.toHaveProperty('startTime');
    expect(json).not.toHaveProperty('endTime');
  });

  it.each(BATCH_STATUSES)('derives both running fields from %s', (status) => {
    const json = listed({ ...running, status });
    expect(json).toMatchObject({ running: isRunning(status), exitStatus: { running: isRunning(status) } });
  });

  it('says how many steps there are only where not all are listed', () => {
    expect(listed({ ...running, stepCount: 1 })).not.toHaveProperty('stepExecutionCount');
    expect(listed({ ...running, stepCount: 2 })?.stepExecutionCount).toBe(2);
    expect(listed({ ...running, steps: [], stepCount: 2 })?.stepExecutionCount).toBe(2);
  });
});

describe('executionJson', () => {
  it('shows everything a listing shows, its steps in full', () => {
    const { stepExecutions: _, exitStatus, ...rest } = listed(ended) ?? {};
    expect(single(ended)).toMatchObject({ ...rest, exitStatus: exitStatus ?? {} });
  });

  it('tells pace and end from this execution’s own rows and what the instance has left', () => {
    expect(single(running)).toMatchObject({
      rowsPerSecond: 10,
      estimatedEndTime: isoTime(created + 31_000),
      progress: { partitions: { total: 4, done: 2 }, rows: { total: 400, done: 200 } },
    });
  });

  it('tells of an ended one its pace, its failures and results, but no end to come', () => {
    const json = single(ended);
    expect(json).not.toHaveProperty('estimatedEndTime');
    expect(json).toMatchObject({
      rowsPerSecond: 50,
      exitStatus: { exitDescription: 'a.ndjson, row 17: is not valid JSON' },
      failures: [{ stepName: 'bulkImportProcessingStep', time: isoTime(created + 2_000) }],
      results: { Patient: 12 },
    });
  });
});
