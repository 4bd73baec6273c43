import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT, type ListedExecution } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { blockAt } from '../support/roadblock.js';

// The contract: Smile CDR's Batch Job Endpoint, sections 33.2.1 to 33.2.4. Fields are compared in its order too.

let fleet: Fleet;
let endpoint: Endpoint;

/** An import of 300 rows, a hundred of them in each partition. */
const IMPORT = {
  commitInterval: 5,
  jobDescription: 'ETL Import Job: (unnamed)',
  source: 'contract',
  rowsPerPartition: 100,
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** As the contract shows them, in the gateway's time zone: New York's. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[45]:00$/;

/** Every file has rows of its own, so that imports of different tests do not meet. */
const resources = (file: string, count: number) => numbered(`contract-${file}`, count);

beforeAll(async () => {
  fleet = await Fleet.start({
    // One partition at a time, so that the order of the steps is known.
    workers: 0,
    env: { WORKER_CONCURRENCY: '1' },
    gatewayEnv: { TZ: 'America/New_York' },
  });
  endpoint = Endpoint.of(fleet);
  writeSource(fleet.importDirectory, 'contract/a.ndjson', ndjson(resources('a', 200)));
  writeSource(fleet.importDirectory, 'contract/b.ndjson', ndjson(resources('b', 0)));
  writeSource(fleet.importDirectory, 'contract/c.ndjson', ndjson(resources('c', 100)));
  writeSource(fleet.importDirectory, 'held.ndjson', ndjson(resources('held', 20)));
});

afterAll(() => fleet?.stop());

async function listed(jobName: string, executionUUID: string): Promise<ListedExecution> {
  const [executions] = await endpoint.list(jobName, `?executionUUID=${executionUUID}`);
  return executions![0]!;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const LISTED_FIELDS = words(`
  id moduleId jobName executionUUID jobParameters createTime startTime lastUpdatedTime endTime status exitStatus running
  recordWriteCount stepExecutions`);
const without = (fields: readonly string[], ...left: string[]) => fields.filter((field) => !left.includes(field));

describe('33.2.1 Fetch Batch Job Names', () => {
  it('names the jobs of the module', async () => {
    const { text, headers } = await endpoint.get(ROOT).expect(200);
    expect(text).toBe('{"jobs":[{"name":"bulkImportJob"},{"name":"noopJob"}]}');
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
  });
});

describe('start', () => {
  it('answers 202 with the new execution and where it is', async () => {
    const { body, headers } = await endpoint.post(`${ROOT}/noopJob/start`, { jobParameters: {} }).expect(202);
    const id = body.jobExecutionId as number;
    expect(Object.entries(body)).toEqual([
      ['operation', 'start'],
      ['success', true],
      ['message', `Started job noopJob with execution ID ${id}`],
      ['jobExecutionId', id],
      ['executionUUID', expect.stringMatching(UUID)],
      // Ours: this fleet has no worker yet.
      ['warning', 'No worker serves module persistence: its executions wait until one is started.'],
    ]);
    expect(headers.location).toBe(`${ROOT}/noopJob/${id}`);
    expect((await endpoint.get(headers.location as string).expect(200)).body.executionUUID).toBe(body.executionUUID);
  });

  it('takes no body for no parameters', async () => {
    const { body } = await endpoint.post(`${ROOT}/noopJob/start`).expect(202);
    expect(body.operation).toBe('start');
  });
});

describe('an execution that no worker has ever come for', () => {
  it('can be stopped by force, and deleted', async () => {
    const id = await endpoint.start('noopJob');
    await endpoint.forceStop(id);
    expect((await endpoint.view('noopJob', id)).exitStatus.exitDescription).toBe(
      'Force-stopped by operator from STARTING',
    );
    const { text } = await endpoint.delete(`${ROOT}/noopJob/${id}`).expect(200);
    expect(text).toBe(`{"operation":"delete","success":true,"message":"Batch Job ${id} deleted."}`);
  });
});

describe('33.2.2 Fetch All Instances', () => {
  it('leaves out what an execution that waits for a worker has not yet', async () => {
    expect(fleet.workers).toHaveLength(0);
    const [[execution]] = (await endpoint.list('noopJob', '?count=1')) as [[ListedExecution]];
    expect(Object.keys(execution)).toEqual(without(LISTED_FIELDS, 'startTime', 'endTime'));
    expect(execution).toMatchObject({
      status: 'STARTING',
      exitStatus: { exitCode: 'UNKNOWN', running: true },
      running: true,
      recordWriteCount: 0,
      stepExecutions: [],
    });
  });

  it('shows a completed execution as the contract does', async () => {
    await fleet.startWorker();
    const { executionUUID, id } = await endpoint.run('bulkImportJob', IMPORT);
    const { text } = await endpoint.get(`${ROOT}/bulkImportJob?executionUUID=${executionUUID}`).expect(200);
    const { createTime, startTime, lastUpdatedTime, endTime } = await listed('bulkImportJob', executionUUID);
    const expected = {
      jobInstances: [
        {
          jobName: 'bulkImportJob',
          jobExecutions: [
            {
              id,
              moduleId: 'persistence',
              jobName: 'bulkImportJob',
              executionUUID,
              jobParameters: {
                commitInterval: '5',
                jobDescription: 'ETL Import Job: (unnamed)',
                source: 'contract',
                rowsPerPartition: '100',
                skipLimit: '0',
                onConflict: 'source-order',
              },
              createTime,
              startTime,
              lastUpdatedTime,
              endTime,
              status: 'COMPLETED',
              exitStatus: { exitCode: 'COMPLETED', running: false },
              running: false,
              recordWriteCount: 300,
              stepExecutions: [
                { stepName: 'bulkImportProcessingStep', exitCode: 'COMPLETED' },
                { stepName: 'bulkImportProcessingStep:FILE0:Rows 0 - 99', exitCode: 'COMPLETED' },
                { stepName: 'bulkImportProcessingStep:FILE0:Rows 100 - 199', exitCode: 'COMPLETED' },
                { stepName: 'bulkImportProcessingStep:FILE2:Rows 0 - 99', exitCode: 'COMPLETED' },
                { stepName: 'bulkImportCloseJobStep', exitCode: 'COMPLETED' },
              ],
            },
          ],
        },
      ],
    };
    expect(text).toBe(JSON.stringify(expected));
  });

  it('writes times with milliseconds and a numeric offset, in the order of events', async () => {
    const { executionUUID } = await endpoint.run('noopJob');
    const execution = await listed('noopJob', executionUUID);
    const times = [execution.createTime, execution.startTime!, execution.endTime!];
    for (const time of [...times, execution.lastUpdatedTime]) expect(time).toMatch(TIME);
    const moments = times.map((time) => Date.parse(time));
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    expect(execution.lastUpdatedTime).toBe(execution.endTime);
    expect(Math.abs(Date.now() - Date.parse(execution.endTime!))).toBeLessThan(60_000);
  });

  it('leaves out the end of a running execution', async () => {
    const roadblock = await blockAt(fleet.database, resources('held', 20)[12]!);
    const id = await endpoint.start('bulkImportJob', { source: 'held.ndjson', commitInterval: 5 });
    await roadblock.reached();
    const [[execution]] = (await endpoint.list('bulkImportJob', '?count=1')) as [[ListedExecution]];
    expect(Object.keys(execution)).toEqual(without(LISTED_FIELDS, 'endTime'));
    expect(execution).toMatchObject({
      id,
      status: 'STARTED',
      exitStatus: { exitCode: 'EXECUTING', running: true },
      running: true,
      recordWriteCount: 10,
      stepExecutions: [
        { stepName: 'bulkImportProcessingStep', exitCode: 'EXECUTING' },
        { stepName: 'bulkImportProcessingStep:FILE0:Rows 0 - 19', exitCode: 'EXECUTING' },
      ],
    });
    await roadblock.lift();
    expect((await endpoint.ended('bulkImportJob', id)).recordWriteCount).toBe(20);
  });

  it('lists the newest instance first, and the newest execution first inside', async () => {
    const stopped = await endpoint.startStopped();
    const restarted = await endpoint.restart(stopped);
    await endpoint.ended('noopJob', restarted);
    const later = (await endpoint.run('noopJob')).id;
    const ids = (await endpoint.list('noopJob', '?count=2')).map((executions) => executions.map(({ id }) => id));
    expect(ids).toEqual([[later], [restarted, stopped]]);
  });

  it('returns by executionUUID that execution alone, of whatever instance, and only for its job', async () => {
    const stopped = await endpoint.view('noopJob', await endpoint.startStopped());
    const newer = await endpoint.view('noopJob', await endpoint.restart(stopped.id));
    for (const { id, executionUUID } of [stopped, newer]) {
      const found = await endpoint.list('noopJob', `?executionUUID=${executionUUID.toUpperCase()}`);
      expect(found.map((executions) => executions.map((execution) => execution.id))).toEqual([[id]]);
    }
    const nobody = '00000000-0000-4000-8000-000000000000';
    expect(await endpoint.list('noopJob', `?executionUUID=${nobody}`)).toEqual([]);
    expect(await endpoint.list('bulkImportJob', `?executionUUID=${stopped.executionUUID}`)).toEqual([]);
    await endpoint.ended('noopJob', newer.id);
  });

  it('pages by start and count, 20 at a time by default', async () => {
    for (let i = 0; i < 22; i++) await endpoint.start('noopJob');
    const all = (await endpoint.list('noopJob', '?count=1000')).map(([newest]) => newest!.id);
    expect(all.length).toBeGreaterThan(22);
    const page = async (query: string) => (await endpoint.list('noopJob', query)).map(([newest]) => newest!.id);
    expect(await page('')).toEqual(all.slice(0, 20));
    expect(await page('?start=3&count=4')).toEqual(all.slice(3, 7));
    expect(await page(`?start=${all.length - 1}&count=20`)).toEqual(all.slice(-1));
    expect(await page(`?start=${all.length}`)).toEqual([]);
  });

  it('filters by status, also by several', async () => {
    const stopped = await endpoint.startStopped();
    const done = (await endpoint.run('noopJob')).id;
    const statuses = async (query: string) =>
      (await endpoint.list('noopJob', query)).map((executions) => executions.map(({ id, status }) => [id, status]));
    expect(await statuses('?status=STOPPED&count=1')).toEqual([[[stopped, 'STOPPED']]]);
    const both = [[[done, 'COMPLETED']], [[stopped, 'STOPPED']]];
    expect(await statuses('?status=STOPPED&status=COMPLETED&count=2')).toEqual(both);
    expect(await statuses('?status=STOPPED,COMPLETED&count=2')).toEqual(both);
    expect(await statuses('?status=ABANDONED')).toEqual([]);
    expect(await statuses(`?beforeExecution=${stopped}`)).not.toEqual(await statuses(''));
    expect((await statuses(`?beforeExecution=${stopped}`)).flat().every(([id]) => Number(id) < stopped)).toBe(true);
  });
});

describe('33.2.3 Stop Job Execution', () => {
  it('stops, and says so', async () => {
    const id = await endpoint.start('noopJob', { partitions: 1_000, busyMs: 100 });
    const { text } = await endpoint.post(`${ROOT}/${id}/stop`).expect(200);
    expect(text).toBe(`{"operation":"stop","success":true,"message":"Batch Job ${id} stopping."}`);
    expect(await endpoint.ended('noopJob', id)).toMatchObject({
      status: 'STOPPED',
      exitStatus: { exitCode: 'STOPPED', running: false },
    });
  });

  it("force-stops in the contract's words", async () => {
    const id = await endpoint.start('noopJob', { partitions: 1_000, busyMs: 100 });
    const { text } = await endpoint.post(`${ROOT}/${id}/stop?force=true`).expect(200);
    expect(text).toBe(`{"operation":"stop","success":true,"message":"Batch Job ${id} force-stopped."}`);
    expect((await endpoint.view('noopJob', id)).status).toBe('STOPPED');
  });

  it('force-stops a completed execution too, as it takes any state', async () => {
    const before = await endpoint.run('noopJob');
    await endpoint.forceStop(before.id);
    const after = await endpoint.view('noopJob', before.id);
    expect(after).toMatchObject({ status: 'STOPPED', endTime: before.endTime, recordWriteCount: 1 });
    expect(after.exitStatus.exitDescription).toBe('Force-stopped by operator from COMPLETED');
  });
});

describe('33.2.4 Restart Job Execution', () => {
  it("restarts in the contract's words, and tells where the new execution is", async () => {
    const id = await endpoint.startStopped();
    const { text, headers } = await endpoint.post(`${ROOT}/${id}/restart`).expect(200);
    const next = Number(/(\d+)"}$/.exec(text)?.[1]);
    expect(next).toBeGreaterThan(id);
    expect(text).toBe(
      `{"operation":"restart","success":true,"message":"Restarted job execution with ID ${id} - New execution ID is: ${next}"}`,
    );
    expect(headers.location).toBe(`${ROOT}/noopJob/${next}`);
    const [before, after] = [await endpoint.view('noopJob', id), await endpoint.ended('noopJob', next)];
    expect(after).toMatchObject({ status: 'COMPLETED', instanceId: before.instanceId });
    expect(after.jobParameters).toEqual(before.jobParameters);
    expect(before.status).toBe('STOPPED');
  });
});

describe('abandon', () => {
  it('gives an execution up', async () => {
    const id = await endpoint.startStopped();
    const { text } = await endpoint.post(`${ROOT}/${id}/abandon`).expect(200);
    expect(text).toBe(`{"operation":"abandon","success":true,"message":"Batch Job ${id} abandoned."}`);
    expect((await endpoint.view('noopJob', id)).status).toBe('ABANDONED');
    await endpoint.post(`${ROOT}/${id}/abandon`).expect(200);
  });
});

describe('delete', () => {
  it('forgets an execution that has ended, and leaves its neighbours', async () => {
    const [first, second] = [await endpoint.run('noopJob'), await endpoint.run('noopJob')];
    await endpoint.delete(`${ROOT}/noopJob/${first.id}`).expect(200);
    await endpoint.get(`${ROOT}/noopJob/${first.id}`).expect(404);
    expect(await endpoint.list('noopJob', `?executionUUID=${first.executionUUID}`)).toEqual([]);
    const [[newest], ...others] = (await endpoint.list('noopJob', '?count=1000')) as [[ListedExecution]];
    expect(newest.id).toBe(second.id);
    expect(others.flat().map(({ id }) => id)).not.toContain(first.id);
  });

  it('leaves what was imported', async () => {
    const { id } = await endpoint.run('bulkImportJob', IMPORT);
    await endpoint.delete(`${ROOT}/bulkImportJob/${id}`).expect(200);
    const rows = await fleet.database.query("SELECT 1 FROM resource WHERE id LIKE 'contract-a-%'");
    expect(rows).toHaveLength(200);
  });
});

describe('one execution', () => {
  const counts = { readCount: 300, writeCount: 300, filterCount: 0, skipCount: 0, commitCount: 60, rollbackCount: 0 };

  it("tells a listing's fields, then what an operator asks", async () => {
    const view = await endpoint.run('bulkImportJob', IMPORT);
    expect(Object.keys(view)).toEqual([
      ...without(LISTED_FIELDS, 'stepExecutions'),
      ...words('instanceId jobVersion counts progress rowsPerSecond failures results'),
      ...words('stepExecutionCount stepStart stepCount stepExecutions'),
    ]);
    expect(view).toMatchObject({
      counts,
      progress: { partitions: { total: 3, done: 3 }, rows: { total: 300, done: 300 } },
      failures: [],
      results: { totalsByResourceType: { Basic: 300 } },
      stepExecutionCount: 5,
      stepStart: 0,
      stepCount: 1_000,
    });
    expect(view.rowsPerSecond).toBeGreaterThan(0);
    const [step, partition] = view.stepExecutions;
    expect(Object.keys(step!)).toEqual(words('stepName status exitCode startTime lastUpdatedTime endTime counts'));
    expect(step).toMatchObject({ stepName: 'bulkImportProcessingStep', status: 'COMPLETED', counts });
    expect(partition?.counts).toMatchObject({ readCount: 100, writeCount: 100, commitCount: 20 });
    for (const time of [step?.startTime, step?.lastUpdatedTime, step?.endTime]) expect(time).toMatch(TIME);
  });

  it('pages its steps', async () => {
    const { id } = await endpoint.run('noopJob', { partitions: 150 });
    const page = async (query: string) => {
      const { body } = await endpoint.get(`${ROOT}/noopJob/${id}${query}`).expect(200);
      const names = (body.stepExecutions as { stepName: string }[]).map(({ stepName }) => stepName);
      return { names, told: [body.stepExecutionCount, body.stepStart, body.stepCount] };
    };
    const all = (await page('?stepCount=1000')).names;
    expect(all).toEqual(['noopStep', ...Array.from({ length: 150 }, (_, i) => `noopStep:PART${i}`)]);
    expect(await page('')).toEqual({ names: all.slice(0, 100), told: [151, 0, 100] });
    expect(await page('?stepStart=149&stepCount=5')).toEqual({ names: all.slice(149), told: [151, 149, 5] });
  });

  it('estimates the end while it runs', async () => {
    const id = await endpoint.start('noopJob', { partitions: 1_000, busyMs: 20 });
    const view = await endpoint.until('an estimate', 'noopJob', id, (v) => v.estimatedEndTime !== undefined);
    expect(view.estimatedEndTime).toMatch(TIME);
    expect(Date.parse(view.estimatedEndTime!)).toBeGreaterThan(Date.parse(view.lastUpdatedTime));
    expect(view.progress.partitions.total).toBe(1_000);
    expect(view.endTime).toBeUndefined();
    await endpoint.forceStop(id);
  });
});
