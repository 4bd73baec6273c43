import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT, type ExecutionView } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { queueSizes } from '../support/queues.js';
import { ndjson, numbered, writeSource, type Resource } from '../support/resources.js';
import { blockAt } from '../support/roadblock.js';
import { rowsOf, storedRows } from '../support/stored.js';
import { logWrites, timesWritten } from '../testbed/write-log.js';
import { until } from '../support/until.js';

const JOB = 'bulkImportJob';
const STEP = 'bulkImportProcessingStep';
const ROWS = 300;
const ROWS_PER_PARTITION = 100;
const CHUNK = 10;

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  // One partition at a time, so that it is known what is done when a worker reaches a roadblock.
  fleet = await Fleet.start({ env: { WORKER_CONCURRENCY: '1' } });
  endpoint = Endpoint.of(fleet);
  await logWrites(fleet.database);
});

afterAll(() => fleet?.stop());

/** Writes a source of its own, of three partitions with ten chunks each. */
function source(name: string): { parameters: Record<string, string | number>; resources: Resource[] } {
  const resources = numbered(name, ROWS);
  writeSource(fleet.importDirectory, `${name}.ndjson`, ndjson(resources));
  const parameters = { source: `${name}.ndjson`, commitInterval: CHUNK, rowsPerPartition: ROWS_PER_PARTITION };
  return { parameters, resources };
}

/** Starts an import that a worker is held up in, at a row. */
async function heldAt(name: string, row: number) {
  const { parameters, resources } = source(name);
  const roadblock = await blockAt(fleet.database, resources[row]!);
  const id = await endpoint.start(JOB, parameters);
  await roadblock.reached();
  return { id, resources, roadblock };
}

const partitionNames = Array.from(
  { length: ROWS / ROWS_PER_PARTITION },
  (_, i) => `${STEP}:FILE0:Rows ${i * ROWS_PER_PARTITION} - ${(i + 1) * ROWS_PER_PARTITION - 1}`,
);

const statusesOf = ({ stepExecutions }: ExecutionView) =>
  stepExecutions.map(({ stepName, status }) => [stepName, status]);

async function expectImportedOnce(resources: readonly Resource[]): Promise<void> {
  const name = resources[0]!.id.replace(/-0$/, '');
  const stored = (await storedRows(fleet.database)).filter((row) => row.startsWith(`Basic/${name}-`));
  expect(stored).toEqual(rowsOf(resources));
  expect(await timesWritten(fleet.database, resources)).toEqual(resources.map(() => 1));
}

describe('stop, then restart', () => {
  it.each([
    { at: 0, written: 10, completed: 0, resumed: 90 },
    { at: 57, written: 60, completed: 0, resumed: 40 },
    { at: 99, written: 100, completed: 1, resumed: 0 },
    { at: 100, written: 110, completed: 1, resumed: 90 },
    { at: 285, written: 290, completed: 2, resumed: 10 },
  ])('repeats nothing and loses nothing, held at row $at', async ({ at, written, completed, resumed }) => {
    const { id, resources, roadblock } = await heldAt(`stop${at}`, at);
    await endpoint.stop(id);
    expect(await endpoint.view(JOB, id)).toMatchObject({ status: 'STOPPING', running: true });
    await roadblock.lift();

    const stopped = await endpoint.ended(JOB, id);
    expect(stopped).toMatchObject({
      status: 'STOPPED',
      exitStatus: { exitCode: 'STOPPED', running: false },
      recordWriteCount: written,
    });
    expect(await timesWritten(fleet.database, resources)).toEqual(resources.map((_, row) => (row < written ? 1 : 0)));
    const begun = at === 99 ? partitionNames.slice(0, 1) : partitionNames.slice(0, completed + 1);
    expect(statusesOf(stopped)).toEqual([
      [STEP, 'STOPPED'],
      ...begun.map((name, i) => [name, i < completed ? 'COMPLETED' : 'STOPPED']),
    ]);

    const restarted = await endpoint.ended(JOB, await endpoint.restart(id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', instanceId: stopped.instanceId });
    expect(restarted.recordWriteCount).toBe(ROWS - written);
    expect(statusesOf(restarted)).toEqual([
      [STEP, 'COMPLETED'],
      ...partitionNames.slice(completed).map((name) => [name, 'COMPLETED']),
      ['bulkImportCloseJobStep', 'COMPLETED'],
    ]);
    const firstOfRestart = restarted.stepExecutions[1]!;
    expect(firstOfRestart.counts.writeCount).toBe(resumed === 0 ? ROWS_PER_PARTITION : resumed);
    expect(restarted.progress).toEqual({ partitions: { total: 3, done: 3 }, rows: { total: ROWS, done: ROWS } });
    expect(restarted.results).toEqual({ totalsByResourceType: { Basic: ROWS } });
    await expectImportedOnce(resources);
  });

  it('goes on from stop to stop until all is done', async () => {
    const { id, resources, roadblock } = await heldAt('often', 42);
    const executions = [id];
    let blocked = roadblock;
    for (const next of [43 + CHUNK, 150, 299]) {
      await endpoint.stop(executions.at(-1)!);
      const ahead = await blockAt(fleet.database, resources[next]!);
      await blocked.lift();
      expect((await endpoint.ended(JOB, executions.at(-1)!)).status).toBe('STOPPED');
      executions.push(await endpoint.restart(executions.at(-1)!));
      blocked = ahead;
      await blocked.reached();
    }
    await blocked.lift();
    expect((await endpoint.ended(JOB, executions.at(-1)!)).status).toBe('COMPLETED');

    const [views] = await endpoint.list(JOB, '?count=1');
    expect(views!.map((view) => view.id)).toEqual(executions.toReversed());
    expect(views!.map((view) => view.recordWriteCount)).toEqual([140, 100, 10, 50]);
    await expectImportedOnce(resources);
  });

  it('is STOPPING until its worker has left it, however often it is stopped', async () => {
    const { id, resources, roadblock } = await heldAt('patient', 5);
    await endpoint.stop(id);
    const { body } = await endpoint.post(`${ROOT}/${id}/stop`).expect(200);
    expect(body).toEqual({ operation: 'stop', success: true, message: `Batch Job ${id} stopping.` });
    const view = await endpoint.view(JOB, id);
    expect(view).toMatchObject({ status: 'STOPPING', exitStatus: { running: true }, running: true });
    expect(view.endTime).toBeUndefined();
    await roadblock.lift();
    expect((await endpoint.ended(JOB, id)).status).toBe('STOPPED');
    expect(await timesWritten(fleet.database, resources)).toEqual(resources.map((_, row) => (row < CHUNK ? 1 : 0)));
  });

  it('stops what no worker has begun', async () => {
    const [worker] = fleet.workers;
    await fleet.kill(worker!, 'SIGTERM');
    const { parameters, resources } = source('unbegun');
    const id = await endpoint.start(JOB, parameters);
    await endpoint.stop(id);
    expect((await endpoint.view(JOB, id)).status).toBe('STOPPING');
    await fleet.startWorker();
    expect(await endpoint.ended(JOB, id)).toMatchObject({ status: 'STOPPED', recordWriteCount: 0 });
    expect((await endpoint.ended(JOB, await endpoint.restart(id))).status).toBe('COMPLETED');
    await expectImportedOnce(resources);
  });
});

describe('failure, then restart', () => {
  it('takes up the failed partition where it stood, with the fault gone', async () => {
    const { parameters, resources } = source('faulty');
    // The database refuses row 155 for a reason that blames no row: its chunk fails, and its partition with it.
    await fleet.database.query('ALTER TABLE resource ADD CONSTRAINT unlike UNIQUE (id)');
    await fleet.database.query("INSERT INTO resource (resource_type, id, body) VALUES ('Other', $1, '{}')", [
      resources[155]!.id,
    ]);

    const failed = await endpoint.run(JOB, parameters);
    expect(failed).toMatchObject({
      status: 'FAILED',
      exitStatus: { exitCode: 'FAILED', running: false },
      recordWriteCount: 250,
    });
    expect(failed.failures).toMatchObject([
      { stepName: partitionNames[1], message: expect.stringContaining('unlike') },
    ]);
    expect(failed.exitStatus.exitDescription).toContain(partitionNames[1]);
    expect(statusesOf(failed)).toEqual([
      [STEP, 'FAILED'],
      [partitionNames[0], 'COMPLETED'],
      [partitionNames[1], 'FAILED'],
      [partitionNames[2], 'COMPLETED'],
    ]);

    await fleet.database.query("DELETE FROM resource WHERE resource_type = 'Other'");
    await fleet.database.query("DELETE FROM write_log WHERE resource_type = 'Other'");
    await fleet.database.query('ALTER TABLE resource DROP CONSTRAINT unlike');
    const restarted = await endpoint.ended(JOB, await endpoint.restart(failed.id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: 50 });
    expect(statusesOf(restarted)).toEqual([
      [STEP, 'COMPLETED'],
      [partitionNames[1], 'COMPLETED'],
      ['bulkImportCloseJobStep', 'COMPLETED'],
    ]);
    await expectImportedOnce(resources);
  });
});

describe('force stop', () => {
  it('reads STOPPED at once, commits no row afterwards, and can be restarted', async () => {
    const { id, resources, roadblock } = await heldAt('forced', 137);
    await endpoint.forceStop(id);
    const stopped = await endpoint.view(JOB, id);
    expect(stopped).toMatchObject({
      status: 'STOPPED',
      running: false,
      exitStatus: {
        exitCode: 'STOPPED',
        running: false,
        exitDescription: 'Force-stopped by operator from STARTED',
      },
      recordWriteCount: 130,
    });
    expect(stopped.endTime).toBeDefined();
    expect(stopped.stepExecutions.map(({ status, exitCode }) => [status, exitCode])).toEqual([
      ['STOPPED', 'STOPPED'],
      ['COMPLETED', 'COMPLETED'],
      ['STOPPED', 'STOPPED'],
    ]);
    expect(stopped.stepExecutions.every(({ endTime }) => endTime !== undefined)).toBe(true);

    await roadblock.lift();
    // The worker is rid of it, and the queues are too: nothing can write any more.
    await until(
      'empty queues',
      () => queueSizes(fleet),
      ({ executions, partitions }) => executions + partitions === 0,
    );
    expect(await endpoint.view(JOB, id)).toEqual(stopped);
    expect(await timesWritten(fleet.database, resources)).toEqual(resources.map((_, row) => (row < 130 ? 1 : 0)));

    const restarted = await endpoint.ended(JOB, await endpoint.restart(id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: ROWS - 130 });
    await expectImportedOnce(resources);
  });

  it('lets a restart go on at once from the last chunk', async () => {
    const { id, resources, roadblock } = await heldAt('impatient', 30);
    await endpoint.forceStop(id);
    const next = await endpoint.restart(id);
    await roadblock.reached();
    expect((await endpoint.view(JOB, id)).status).toBe('STOPPED');
    await roadblock.lift();
    expect(await endpoint.ended(JOB, next)).toMatchObject({ status: 'COMPLETED', recordWriteCount: ROWS - 30 });
    await expectImportedOnce(resources);
  });

  it('tells from which status: STOPPING', async () => {
    const { id, roadblock } = await heldAt('twice', 3);
    await endpoint.stop(id);
    await endpoint.forceStop(id);
    const view = await endpoint.view(JOB, id);
    expect(view.status).toBe('STOPPED');
    expect(view.exitStatus.exitDescription).toBe('Force-stopped by operator from STOPPING');
    await endpoint.forceStop(id);
    expect(await endpoint.view(JOB, id)).toEqual(view);
    await roadblock.lift();
  });

  it('of a failed execution keeps its end, and a restart of it skips what is done', async () => {
    writeSource(fleet.importDirectory, 'spoilt.ndjson', `${ndjson(numbered('spoilt', 20))}no JSON\n`);
    const parameters = { source: 'spoilt.ndjson', commitInterval: 10, rowsPerPartition: 10 };
    const failed = await endpoint.run(JOB, parameters);
    expect(failed.status).toBe('FAILED');
    await endpoint.forceStop(failed.id);
    expect(await endpoint.view(JOB, failed.id)).toMatchObject({ status: 'STOPPED', endTime: failed.endTime });
    const again = await endpoint.ended(JOB, await endpoint.restart(failed.id));
    expect(again).toMatchObject({ status: 'FAILED', recordWriteCount: 0 });
    expect(again.stepExecutions.map(({ stepName }) => stepName)).toEqual([STEP, `${STEP}:FILE0:Rows 20 - 20`]);
  });
});

describe('restart at the same instant', () => {
  it('is won by exactly one', async () => {
    const { id, resources, roadblock } = await heldAt('race', 20);
    await endpoint.stop(id);
    await roadblock.lift();
    await endpoint.ended(JOB, id);
    const answers = await Promise.all(Array.from({ length: 8 }, () => endpoint.post(`${ROOT}/${id}/restart`)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(7).fill(409)]);
    const [executions] = await endpoint.list(JOB, '?count=1');
    expect(executions).toHaveLength(2);
    expect((await endpoint.ended(JOB, executions![0]!.id)).status).toBe('COMPLETED');
    await expectImportedOnce(resources);
  });
});
