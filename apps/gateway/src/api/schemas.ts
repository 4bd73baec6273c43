import { BATCH_STATUSES, COUNT_NAMES } from '#domain';
import { OPERATIONS, STATUS_OF, type Operation } from '../problem.js';

/** A JSON Schema, as OpenAPI 3.1 takes it. */
export type Schema = { readonly [key: string]: unknown };

const object = (required: Record<string, Schema>, optional: Record<string, Schema> = {}): Schema => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});

const list = (items: Schema): Schema => ({ type: 'array', items });
const map = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
const constant = (value: unknown): Schema => ({ const: value });
const text: Schema = { type: 'string' };
const truth: Schema = { type: 'boolean' };
const count: Schema = { type: 'integer', minimum: 0 };
const id: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const streamId: Schema = { type: 'string', pattern: '^\\d{1,16}-\\d{1,16}$' };
const uuid: Schema = { type: 'string', format: 'uuid' };
const status: Schema = { enum: BATCH_STATUSES };
const time: Schema = {
  type: 'string',
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}[+-]\\d\\d:\\d\\d$',
  description: 'ISO 8601 with milliseconds and a numeric offset',
};
const counts = object(Object.fromEntries(COUNT_NAMES.map((name) => [name, count])));
const progress = object({ total: count, done: count });
const jobParameters = map(text);

/** The facts of an execution that every view shows. */
const executionFacts = {
  id,
  moduleId: text,
  jobName: text,
  executionUUID: uuid,
  jobParameters,
  createTime: time,
  lastUpdatedTime: time,
  status,
  running: truth,
  recordWriteCount: count,
};
const executionTimes = { startTime: time, endTime: time };

const listedExecution = object(
  {
    ...executionFacts,
    exitStatus: object({ exitCode: text, running: truth }),
    stepExecutions: list(object({ stepName: text, exitCode: text })),
  },
  {
    ...executionTimes,
    stepExecutionCount: { ...count, description: 'How many steps there are, where they are more than are listed' },
  },
);

const stepExecution = object(
  { stepName: text, status, exitCode: text, startTime: time, lastUpdatedTime: time, counts },
  { endTime: time, failure: text },
);

const singleExecution = object(
  {
    ...executionFacts,
    exitStatus: object({ exitCode: text, running: truth }, { exitDescription: text }),
    instanceId: id,
    counts,
    progress: object({ partitions: progress, rows: progress }),
    failures: list(object({ stepName: text, message: text, time })),
    results: map({}),
    stepExecutionCount: { ...count, description: 'How many steps there are' },
    stepStart: { ...count, description: 'Index of the first step of this page' },
    stepCount: { ...count, description: 'Most steps of this page' },
    stepExecutions: list(stepExecution),
  },
  { ...executionTimes, rowsPerSecond: { type: 'number' }, estimatedEndTime: time },
);

const operationDone = (operation: Operation, more: Record<string, Schema> = {}): Schema =>
  object({ operation: constant(operation), success: constant(true), message: text, ...more });

const auditEntry = object(
  {
    id: { ...streamId, description: 'Grows with time; hand it over as `before` to go on behind it' },
    time,
    username: text,
    remoteAddress: text,
    operation: { enum: ['start', 'stop', 'force-stop', 'restart', 'abandon', 'delete'] },
    outcome: { type: 'string', description: '`OK`, or the code of the refusal' },
    message: text,
  },
  { jobName: text, executionId: id },
);

const problem = object(
  {
    type: { type: 'string', format: 'uri' },
    title: text,
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'What is wrong, and what to do instead' },
    instance: { type: 'string', description: 'Path of the request' },
    code: { enum: Object.keys(STATUS_OF), description: 'Stable: programs may branch on it' },
  },
  {
    errors: list(object({ field: text, message: text })),
    requestId: { type: 'string', description: 'Where the log tells more (500 only)' },
    operation: { enum: OPERATIONS },
    success: constant(false),
    message: text,
  },
);

/** Every shape that is served or taken, by name. */
export const SCHEMAS = {
  Jobs: object({ jobs: list(object({ name: text })) }),
  JobInstances: object({ jobInstances: list(object({ jobName: text, jobExecutions: list(listedExecution) })) }),
  JobExecution: singleExecution,
  StartRequest: object({}, { jobParameters: map({ type: ['string', 'number', 'boolean'] }) }),
  Started: operationDone('start', { jobExecutionId: id, executionUUID: uuid }),
  Stopped: operationDone('stop'),
  Restarted: operationDone('restart'),
  Abandoned: operationDone('abandon'),
  Deleted: operationDone('delete'),
  Audit: object({ entries: list(auditEntry) }),
  Alive: object({ status: constant('ok') }),
  Readiness: object({
    status: { enum: ['ok', 'unavailable'] },
    dependencies: map({ enum: ['up', 'down'] }),
  }),
  Problem: problem,
} as const satisfies Record<string, Schema>;

export type SchemaName = keyof typeof SCHEMAS;

/** Parameters of paths and queries, by name. */
export const PARAMETERS = {
  module_id: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
  job_name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,100}$' },
  job_execution_id: id,
  executionUUID: uuid,
  start: { ...count, default: 0 },
  count: { type: 'integer', minimum: 1, maximum: 1_000, default: 20 },
  status: list(status),
  force: { type: 'boolean', default: false },
  before: streamId,
  stepStart: { ...count, default: 0 },
  stepCount: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
} as const satisfies Record<string, Schema>;

export type ParameterName = keyof typeof PARAMETERS;
