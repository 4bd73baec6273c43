import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, type ExecutionView } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { withQueue } from '../support/queues.js';
import { ndjson, numbered, writeSource, type Resource } from '../support/resources.js';
import { blockAt } from '../support/roadblock.js';
import { noteWrites, storedRows, timesWritten } from '../support/stored.js';

const JOB = 'bulkImportJob';
const STEP = 'bulkImportProcessingStep';
const RESOURCES = numbered('fleet', 1_000);
/** Ten partitions of ten chunks. */
const PARAMETERS = { source: 'fleet.ndjson', commitInterval: 10, rowsPerPartition: 100 };

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({
    workers: 2,
    env: {
      WORKER_CONCURRENCY: '1',
      LOCK_DURATION_MS: '2000',
      STALLED_INTERVAL_MS: '500',
      SWEEP_INTERVAL_MS: '500',
    },
  });
  endpoint = Endpoint.of(fleet);
  await noteWrites(fleet.database);
  writeSource(fleet.importDirectory, PARAMETERS.source, ndjson(RESOURCES));
});

afterAll(() => fleet?.stop());

const living = () => fleet.workers.filter(({ alive }) => alive);

/** Has exactly so many workers living. */
async function haveWorkers(count: number): Promise<void> {
  for (const worker of living().slice(count)) await fleet.kill(worker, 'SIGTERM');
  while (living().length < count) await fleet.startWorker();
}

const emptyTables = () => fleet.database.query('TRUNCATE resource, written');

const block = (row: number) => blockAt(fleet.database, RESOURCES[row] as Resource);

/** What an import has left, whoever did it and in whatever order. */
async function outcome(view: ExecutionView) {
  const { status, exitStatus, recordWriteCount, counts, progress, results, stepExecutions } = view;
  return {
    told: { status, exitStatus, recordWriteCount, counts, progress, results },
    steps: stepExecutions
      .map(({ stepName, exitCode, counts: ofStep }) => ({ stepName, exitCode, ofStep }))
      .toSorted((a, b) => (a.stepName < b.stepName ? -1 : 1)),
    rows: await storedRows(fleet.database),
    times: await timesWritten(fleet.database, RESOURCES),
  };
}

/** What an import leaves that nobody disturbs. */
async function undisturbed() {
  await emptyTables();
  const found = await outcome(await endpoint.run(JOB, PARAMETERS));
  expect(found.told.status).toBe('COMPLETED');
  expect(found.times).toEqual(RESOURCES.map(() => 1));
  await emptyTables();
  return found;
}

describe('two workers', () => {
  it('share one import', async () => {
    const expected = await undisturbed();
    const roadblocks = [await block(5), await block(105)];
    const id = await endpoint.start(JOB, PARAMETERS);
    // A worker runs one partition at a time, so two partitions that are under way have two workers.
    for (const roadblock of roadblocks) await roadblock.reached();
    const { stepExecutions } = await endpoint.view(JOB, id);
    expect(stepExecutions.map(({ stepName, status }) => [stepName, status])).toEqual([
      [STEP, 'STARTED'],
      [expect.stringContaining(':FILE0:Rows '), 'STARTED'],
      [expect.stringContaining(':FILE0:Rows '), 'STARTED'],
    ]);
    for (const roadblock of roadblocks) await roadblock.lift();
    expect(await outcome(await endpoint.ended(JOB, id))).toEqual(expected);
  });

  it('stop one after the other, and the execution with the last', async () => {
    await emptyTables();
    const [first, last] = [await block(5), await block(105)];
    const id = await endpoint.start(JOB, PARAMETERS);
    for (const roadblock of [first, last]) await roadblock.reached();
    await endpoint.stop(id);
    await first.lift();
    const left = await endpoint.until('one to leave', JOB, id, ({ stepExecutions }) =>
      stepExecutions.some(({ status }) => status === 'STOPPED'),
    );
    expect(left).toMatchObject({ status: 'STOPPING', running: true });
    expect(left.stepExecutions.map(({ status }) => status).toSorted()).toEqual(['STARTED', 'STARTED', 'STOPPED']);
    await last.lift();
    expect(await endpoint.ended(JOB, id)).toMatchObject({ status: 'STOPPED', recordWriteCount: 20 });
    const next = await endpoint.ended(JOB, await endpoint.restart(id));
    expect(next).toMatchObject({ status: 'COMPLETED', recordWriteCount: 980 });
    expect(await timesWritten(fleet.database, RESOURCES)).toEqual(RESOURCES.map(() => 1));
  });

  it('end a small job long before a huge one that was started first', async () => {
    await emptyTables();
    const huge = await endpoint.start('noopJob', { partitions: 100_000, busyMs: 5 });
    await endpoint.until('the huge job to be under way', 'noopJob', huge, ({ counts }) => counts.writeCount > 0);
    const small = await endpoint.run(JOB, PARAMETERS);
    expect(small).toMatchObject({ status: 'COMPLETED', recordWriteCount: 1_000 });
    expect(await endpoint.view('noopJob', huge)).toMatchObject({ status: 'STARTED', running: true });
    await endpoint.forceStop(huge);
  });
});

describe('a worker that is killed in the middle', () => {
  it('leaves the same rows and counts, by the hand of the other', async () => {
    await haveWorkers(2);
    const expected = await undisturbed();
    const roadblocks = [await block(37), await block(152)];
    const id = await endpoint.start(JOB, PARAMETERS);
    for (const roadblock of roadblocks) await roadblock.reached();
    await fleet.kill(living()[0]!, 'SIGKILL');
    for (const roadblock of roadblocks) await roadblock.lift();
    expect(await outcome(await endpoint.ended(JOB, id))).toEqual(expected);
    expect(living()).toHaveLength(1);
  });
});

describe('a worker that is started later', () => {
  it('joins in', async () => {
    await haveWorkers(1);
    await emptyTables();
    const roadblock = await block(5);
    const id = await endpoint.start(JOB, PARAMETERS);
    await roadblock.reached();
    await haveWorkers(2);
    const others = await endpoint.until(
      'all partitions but one',
      JOB,
      id,
      ({ progress }) => progress.partitions.done === 9,
    );
    expect(others).toMatchObject({ status: 'STARTED', recordWriteCount: 900 });
    await roadblock.lift();
    expect(await endpoint.ended(JOB, id)).toMatchObject({ status: 'COMPLETED', recordWriteCount: 1_000 });
    expect(await timesWritten(fleet.database, RESOURCES)).toEqual(RESOURCES.map(() => 1));
  });
});

describe('a worker that gets SIGTERM', () => {
  it('hands its partition back at the chunk boundary, and spends no attempt', async () => {
    const expected = await undisturbed();
    await haveWorkers(1);
    const [worker] = living();
    const roadblock = await block(44);
    const id = await endpoint.start(JOB, PARAMETERS);
    await roadblock.reached();
    const gone = fleet.kill(worker!, 'SIGTERM');
    await worker!.line((line) => line.includes('Worker is leaving'), 10_000);
    await roadblock.lift();
    await gone;
    expect(await worker!.exited).toBe('exit code 0');

    expect(await endpoint.view(JOB, id)).toMatchObject({ status: 'STARTED', recordWriteCount: 50 });
    const waiting = await withQueue(fleet, 'partitions', (queue) => queue.getJobs(['waiting']));
    expect(waiting).toHaveLength(10);
    expect(waiting.map(({ attemptsMade }) => attemptsMade)).toEqual(waiting.map(() => 0));
    expect(waiting.map(({ attemptsStarted }) => attemptsStarted).toSorted()).toEqual([...Array<number>(9).fill(0), 1]);

    await haveWorkers(1);
    expect(await outcome(await endpoint.ended(JOB, id))).toEqual(expected);
  });

  it('leaves within its deadline, even where it is held up', async () => {
    await haveWorkers(0);
    await emptyTables();
    const worker = await fleet.startWorker({ SHUTDOWN_DEADLINE_MS: '1000' });
    const roadblock = await block(44);
    const id = await endpoint.start(JOB, PARAMETERS);
    await roadblock.reached();
    const asked = Date.now();
    await fleet.kill(worker, 'SIGTERM');
    // The deadline, then two seconds for what may still let go; by default it would be twenty.
    expect(Date.now() - asked).toBeLessThan(8_000);
    expect(await worker.exited).toBe('exit code 1');
    expect((await endpoint.view(JOB, id)).status).toBe('STARTED');
    await roadblock.lift();

    await haveWorkers(1);
    expect(await endpoint.ended(JOB, id)).toMatchObject({ status: 'COMPLETED', recordWriteCount: 1_000 });
    expect(await timesWritten(fleet.database, RESOURCES)).toEqual(RESOURCES.map(() => 1));
  });
});
