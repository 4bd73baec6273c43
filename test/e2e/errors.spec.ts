import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT, type Given } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { problemIn } from '../support/problems.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { blockAt, type Roadblock } from '../support/roadblock.js';

// 401, 403 and 429 are the business of auth.spec.ts, 503 that of outage.spec.ts.

const COLLEAGUE = { username: 'colleague', password: 'a second pair of hands' };

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  const permissions = [{ permission: 'VIEW_BATCH_JOBS' }, { permission: 'MANAGE_BATCH_JOBS' }];
  fleet = await Fleet.start({ users: [{ ...COLLEAGUE, permissions }] });
  endpoint = Endpoint.of(fleet);
  writeSource(fleet.importDirectory, 'rows.ndjson', ndjson(numbered('errors', 10)));
});

afterAll(() => fleet?.stop());

const start = (jobName: string, jobParameters?: unknown) =>
  endpoint.post(`${ROOT}/${jobName}/start`, { jobParameters });

describe('400 names every bad field', () => {
  const LIST = `${ROOT}/noopJob`;

  it.each([
    ['a start below 0', `${LIST}?start=-1`, ['start']],
    ['a fraction', `${LIST}?start=1.5`, ['start']],
    ['an exponent', `${LIST}?start=1e3`, ['start']],
    ['a sign', `${LIST}?start=%2B1`, ['start']],
    ['a number given twice', `${LIST}?start=1&start=2`, ['start']],
    ['a number beyond 2^53', `${LIST}?start=9007199254740993`, ['start']],
    ['no results at all', `${LIST}?count=0`, ['count']],
    ['more than 1000 results', `${LIST}?count=1001`, ['count']],
    ['an empty number', `${LIST}?count=`, ['count']],
    ['half a UUID', `${LIST}?executionUUID=7cafdc19`, ['executionUUID']],
    ['no status of ours', `${LIST}?status=DONE`, ['status']],
    ['one such among others', `${LIST}?status=STOPPED,DONE`, ['status']],
    ['what it does not know', `${LIST}?colour=red`, ['colour']],
    ['a name from the prototype', `${LIST}?__proto__=1&constructor=2`, ['__proto__', 'constructor']],
    ['names that are none', '/batch-job/a.b/no!job', ['module_id', 'job_name']],
    ['a step page', `${LIST}/1?stepStart=x&stepCount=1001`, ['stepStart', 'stepCount']],
    ['an execution that is no number', `${LIST}/first`, ['job_execution_id']],
    ['execution 0', `${LIST}/0`, ['job_execution_id']],
    [
      'all at once',
      '/batch-job/a.b/no!job?executionUUID=x&start=-1&count=0&status=DONE&colour=red',
      ['module_id', 'job_name', 'executionUUID', 'start', 'count', 'status', 'colour'],
    ],
  ])('of a reading: %s', async (_, path, fields) => {
    expect(problemIn(await endpoint.get(path))).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      detail: expect.stringMatching(/^Request refused: /),
      fields: fields.toSorted(),
    });
  });

  it.each([
    ['stop', `${ROOT}/1/stop?force=yes`, ['force']],
    ['stop', `${ROOT}/1/stop?force=true&force=false`, ['force']],
    ['stop', `${ROOT}/x/stop?force=maybe&now=1`, ['job_execution_id', 'force', 'now']],
    ['restart', `${ROOT}/0/restart`, ['job_execution_id']],
    ['restart', `${ROOT}/1/restart?force=true`, ['force']],
    ['abandon', `${ROOT}/-1/abandon?x=1`, ['job_execution_id', 'x']],
  ] as const)('of a %s: %s', async (operation, path, fields) => {
    expect(problemIn(await endpoint.post(path))).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      operation,
      fields: fields.toSorted(),
    });
  });

  it('of a body that an operation does not take', async () => {
    const response = await endpoint.post(`${ROOT}/1/stop`, { force: true });
    expect(problemIn(response)).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      operation: 'stop',
      fields: ['force'],
    });
  });

  it.each([
    ['parameters that are a list', { jobParameters: [] }, ['jobParameters']],
    ['parameters that are null', { jobParameters: null }, ['jobParameters']],
    ['an unknown field', { parameters: {} }, ['parameters']],
    ['a list for a body', [], ['body']],
    [
      'values that are neither text nor number nor truth',
      { jobParameters: { a: null, b: {}, c: [1] }, colour: 'red' },
      ['a', 'b', 'c', 'colour'],
    ],
    ['a name that is none', { jobParameters: { '1x': 1 } }, ['1x']],
    ['a value that is too long', { jobParameters: { a: 'x'.repeat(4_097) } }, ['a']],
    [
      'too many',
      { jobParameters: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, 1])) },
      ['jobParameters'],
    ],
  ])('of a start with %s', async (_, body, fields) => {
    const response = await endpoint.post(`${ROOT}/noopJob/start`, body);
    expect(problemIn(response)).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      operation: 'start',
      fields: fields.toSorted(),
    });
  });

  it.each([
    ['an empty', ''],
    ['a long', 'x'.repeat(256)],
  ])('of a start with %s idempotency key', async (_, key) => {
    const response = await endpoint.post(`${ROOT}/noopJob/start`).set('Idempotency-Key', key);
    expect(problemIn(response)).toMatchObject({
      status: 400,
      code: 'INVALID_REQUEST',
      operation: 'start',
      fields: ['Idempotency-Key'],
    });
  });

  it.each([
    ['a missing one', 'bulkImportJob', {}, ['source']],
    ['an unknown one', 'bulkImportJob', { source: 'rows.ndjson', colour: 'red' }, ['colour']],
    ['a source that is not there', 'bulkImportJob', { source: 'missing.ndjson' }, ['source']],
    [
      'all of them',
      'bulkImportJob',
      { commitInterval: 0, rowsPerPartition: 'many', skipLimit: -1, jobDescription: 'x'.repeat(256), colour: 'red' },
      ['source', 'commitInterval', 'rowsPerPartition', 'skipLimit', 'jobDescription', 'colour'],
    ],
    ['numbers', 'noopJob', { partitions: 0, chunks: 1.5, busyMs: '' }, ['partitions', 'chunks', 'busyMs']],
  ])("of a job's parameters: %s", async (_, jobName, parameters, fields) => {
    expect(problemIn(await start(jobName, parameters))).toMatchObject({
      status: 400,
      code: 'INVALID_PARAMETERS',
      detail: expect.stringMatching(`^Parameters of ${jobName} refused: `),
      operation: 'start',
      fields: fields.toSorted(),
    });
  });

  it('or says that the body is no JSON', async () => {
    const response = await endpoint.post(`${ROOT}/noopJob/start`).type('json').send('{"jobParameters":');
    expect(problemIn(response)).toMatchObject({ status: 400, code: 'INVALID_REQUEST', operation: 'start' });
  });
});

describe('404 says what is unknown', () => {
  it.each([
    ['get', '/batch-job/archive'],
    ['get', '/batch-job/archive/noopJob'],
    ['get', '/batch-job/archive/noopJob/1'],
    ['post', '/batch-job/archive/noopJob/start'],
    ['post', '/batch-job/archive/1/stop'],
    ['post', '/batch-job/archive/1/restart'],
    ['post', '/batch-job/archive/1/abandon'],
  ] as const)('the module: %s %s', async (method, path) => {
    expect(problemIn(await endpoint[method](path))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_MODULE',
      detail: 'Module archive is unknown here.',
      operation: operationIn(path),
    });
  });

  it.each([
    ['get', `${ROOT}/exportJob`],
    ['get', `${ROOT}/exportJob/1`],
    ['post', `${ROOT}/exportJob/start`],
  ] as const)('the job: %s %s', async (method, path) => {
    expect(problemIn(await endpoint[method](path))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_JOB',
      detail: 'Job exportJob is unknown in module persistence. Its jobs: bulkImportJob, noopJob.',
      operation: operationIn(path),
    });
  });

  it.each([
    ['get', `${ROOT}/noopJob/987654`],
    ['post', `${ROOT}/987654/stop`],
    ['post', `${ROOT}/987654/stop?force=true`],
    ['post', `${ROOT}/987654/restart`],
    ['post', `${ROOT}/987654/abandon`],
  ] as const)('the execution: %s %s', async (method, path) => {
    expect(problemIn(await endpoint[method](path))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_EXECUTION',
      detail: expect.stringContaining('execution 987654'),
      operation: operationIn(path),
    });
  });

  it('the execution, where it is one of another job', async () => {
    const { id } = await endpoint.run('noopJob');
    expect(problemIn(await endpoint.get(`${ROOT}/bulkImportJob/${id}`))).toMatchObject({
      status: 404,
      code: 'UNKNOWN_EXECUTION',
      detail: `Job bulkImportJob has no execution ${id} in module persistence.`,
    });
  });

  it.each([
    ['GET', '/'],
    ['GET', '/batch-job'],
    ['GET', '/batch-jobs/persistence'],
    ['GET', `${ROOT}/noopJob/1/steps`],
    ['POST', `${ROOT}/1/pause`],
    ['DELETE', `${ROOT}/noopJob/1/steps`],
    ['PUT', `${ROOT}/noopJob/1/steps`],
    ['GET', `${ROOT}/noopJob/1/stop/`],
  ])('the route: %s %s', async (method, path) => {
    const anonymous = request(fleet.url);
    const call = { GET: () => anonymous.get(path), POST: () => anonymous.post(path) };
    const others = { PUT: () => anonymous.put(path), DELETE: () => anonymous.delete(path) };
    const response = await { ...call, ...others }[method]!();
    expect(problemIn(response)).toMatchObject({ status: 404, code: 'UNKNOWN_ROUTE' });
  });
});

/** An execution that was stopped before its end. */
async function stopped(): Promise<number> {
  const id = await endpoint.start('noopJob', { partitions: 1_000, busyMs: 10 });
  await endpoint.stop(id);
  await endpoint.ended('noopJob', id);
  return id;
}

describe('409 says why not, and what to do instead', () => {
  const executions = { completed: 0, abandoned: 0, older: 0, latest: 0, running: 0 };
  let roadblock: Roadblock;

  beforeAll(async () => {
    executions.completed = (await endpoint.run('noopJob')).id;
    executions.abandoned = await stopped();
    await endpoint.post(`${ROOT}/${executions.abandoned}/abandon`).expect(200);
    executions.older = await stopped();
    executions.latest = await endpoint.restart(executions.older);
    await endpoint.stop(executions.latest);
    await endpoint.ended('noopJob', executions.latest);
    roadblock = await blockAt(fleet.database, numbered('errors', 10)[3]!);
    executions.running = await endpoint.start('bulkImportJob', { source: 'rows.ndjson' });
    await roadblock.reached();
  });

  afterAll(async () => {
    await roadblock.lift();
    await endpoint.ended('bulkImportJob', executions.running);
  });

  /** The sentence behind "Execution 33 …". */
  const REFUSALS: readonly [keyof typeof executions, operation: string, code: string, sentence: string][] = [
    ['completed', 'stop', 'EXECUTION_NOT_RUNNING', 'is not running: it is COMPLETED. There is nothing to stop.'],
    ['abandoned', 'stop', 'EXECUTION_NOT_RUNNING', 'is not running: it is ABANDONED. There is nothing to stop.'],
    ['latest', 'stop', 'EXECUTION_NOT_RUNNING', 'is not running: it is STOPPED. There is nothing to stop.'],
    ['running', 'restart', 'EXECUTION_STILL_RUNNING', 'is still running. Stop it first, then restart it.'],
    ['running', 'abandon', 'EXECUTION_STILL_RUNNING', 'is still running. Stop it first, then abandon it.'],
    [
      'completed',
      'restart',
      'EXECUTION_ALREADY_COMPLETED',
      'has COMPLETED, so there is nothing to restart. Start the job anew instead.',
    ],
    ['completed', 'abandon', 'EXECUTION_ALREADY_COMPLETED', 'has COMPLETED, so there is nothing to abandon.'],
    [
      'abandoned',
      'restart',
      'EXECUTION_ABANDONED',
      'was abandoned and can never be restarted. Start the job anew instead.',
    ],
    [
      'older',
      'restart',
      'EXECUTION_NOT_LATEST',
      'is not the latest of its instance. Restart execution {latest} instead.',
    ],
  ];

  it.each(REFUSALS)('the %s one: %s', async (which, operation, code, sentence) => {
    const id = executions[which];
    const detail = `Execution ${id} ${sentence.replace('{latest}', String(executions.latest))}`;
    const response = await endpoint.post(`${ROOT}/${id}/${operation}`);
    expect(problemIn(response)).toMatchObject({ status: 409, code, detail, operation });
  });

  it('the stopping one: restart', async () => {
    await endpoint.stop(executions.running);
    expect(problemIn(await endpoint.post(`${ROOT}/${executions.running}/restart`))).toMatchObject({
      status: 409,
      code: 'EXECUTION_STILL_RUNNING',
      detail: `Execution ${executions.running} is still stopping. Wait until it is STOPPED, then restart it.`,
      operation: 'restart',
    });
  });
});

describe('413 and 415 refuse a body', () => {
  it('of more than 256 KB', async () => {
    const response = await start('noopJob', { a: 'x'.repeat(256 * 1_024) });
    expect(problemIn(response)).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE', operation: 'start' });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])('of type %s', async (type) => {
    const response = await endpoint.post(`${ROOT}/noopJob/start`).type(type).send('partitions=1');
    expect(problemIn(response)).toMatchObject({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: `The body must be application/json, not ${type}.`,
      operation: 'start',
    });
  });
});

const startWith = (key: string, jobParameters: Given, who = endpoint, jobName = 'noopJob') =>
  who.post(`${ROOT}/${jobName}/start`, { jobParameters }).set('Idempotency-Key', key);

describe('Idempotency-Key', () => {
  it('has a repeated start return the same execution', async () => {
    const first = await startWith('once', { partitions: 2 }).expect(202);
    const again = await startWith('once', { partitions: '2' }).expect(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers.location).toBe(first.headers.location);
    await endpoint.ended('noopJob', first.body.jobExecutionId as number);
    expect((await startWith('once', { partitions: 2 }).expect(202)).body).toEqual(first.body);
  });

  it('has twenty starts at the same instant start one', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => startWith('at once', { partitions: 3 })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map(({ body }) => body.jobExecutionId as number)).size).toBe(1);
  });

  it('refuses another start under the same key', async () => {
    await startWith('reused', { partitions: 2 }).expect(202);
    const expected = {
      status: 422,
      code: 'IDEMPOTENCY_KEY_REUSED',
      detail: 'This Idempotency-Key was used for another request. Use a new key for a new start.',
      operation: 'start',
    } as const;
    expect(problemIn(await startWith('reused', { partitions: 3 }))).toMatchObject(expected);
    expect(problemIn(await startWith('reused', { source: 'rows.ndjson' }, endpoint, 'bulkImportJob'))).toMatchObject(
      expected,
    );
  });

  it('starts nothing again once its execution was deleted', async () => {
    const id = (await startWith('deleted', { partitions: 1 }).expect(202)).body.jobExecutionId as number;
    await endpoint.ended('noopJob', id);
    await endpoint.delete(`${ROOT}/noopJob/${id}`).expect(200);
    expect(problemIn(await startWith('deleted', { partitions: 1 }))).toMatchObject({
      status: 409,
      code: 'EXECUTION_DELETED',
      detail: `This Idempotency-Key has started execution ${id}, which was deleted since. Use a new key for a new start.`,
    });
  });

  it("is a user's own", async () => {
    const mine = await startWith('mine', {}).expect(202);
    const theirs = await startWith('mine', {}, endpoint.as(COLLEAGUE)).expect(202);
    expect(theirs.body.jobExecutionId).not.toBe(mine.body.jobExecutionId);
  });

  it('is not used up by a refused start', async () => {
    const answers = [await startWith('retried', { partitions: 0 }), await startWith('retried', { partitions: 1 })];
    expect(answers.map(({ status }) => status)).toEqual([400, 202]);
  });

  it('is not needed: without one, each start is another', async () => {
    expect(await endpoint.start('noopJob')).not.toBe(await endpoint.start('noopJob'));
  });
});

/** The operation that a path ends with, where it does. */
const operationIn = (path: string): string | undefined => /\/(start|stop|restart|abandon)(\?|$)/.exec(path)?.[1];
