import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, type ExecutionView } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { withQueue } from '../support/queues.js';
import { blockAt } from '../support/roadblock.js';
import { IMPORT, SmallImport } from '../support/small-import.js';

const ROWS = 2_000;
const ROWS_PER_PARTITION = 250;
const PARTITIONS = ROWS / ROWS_PER_PARTITION;
const CHUNK = 50;

let fleet: Fleet;
let endpoint: Endpoint;
let small: SmallImport;
/** What the import leaves that nobody disturbs. */
let expected: Awaited<ReturnType<SmallImport['undisturbed']>>;

beforeAll(async () => {
  fleet = await Fleet.start({
    workers: 2,
    env: {
      // A worker runs one partition at a time, so two partitions that are under way have two workers.
      WORKER_CONCURRENCY: '1',
      LOCK_DURATION_MS: '2000',
      STALLED_INTERVAL_MS: '500',
      SWEEP_INTERVAL_MS: '500',
    },
  });
  endpoint = Endpoint.of(fleet);
  small = await SmallImport.prepare(fleet, ROWS);
  expected = await small.undisturbed();
});

afterAll(() => fleet?.stop());

const living = () => fleet.workers.filter(({ alive }) => alive);

/** Has exactly so many workers living. */
async function haveWorkers(count: number): Promise<void> {
  for (const worker of living().slice(count)) await fleet.kill(worker, 'SIGTERM');
  while (living().length < count) await fleet.startWorker();
}

/** Begins the import anew, with a worker held up at each of these rows: all in different partitions. */
async function heldAt(...rows: number[]) {
  await small.empty();
  const roadblocks = await Promise.all(rows.map((row) => blockAt(fleet.database, small.resources[row]!)));
  const id = await small.begin();
  for (const roadblock of roadblocks) await roadblock.reached();
  return { id, roadblocks };
}

async function liftAll(roadblocks: Awaited<ReturnType<typeof heldAt>>['roadblocks']): Promise<void> {
  for (const roadblock of roadblocks) await roadblock.lift();
}

const done = ({ progress }: ExecutionView): number => progress.partitions.done;

describe('two workers', () => {
  it('share one import', async () => {
    const { id, roadblocks } = await heldAt(5, 255);
    const { stepExecutions } = await endpoint.view(IMPORT, id);
    expect(stepExecutions.map(({ stepName, status }) => [stepName, status])).toEqual([
      ['bulkImportProcessingStep', 'STARTED'],
      [expect.stringContaining(':FILE0:Rows '), 'STARTED'],
      [expect.stringContaining(':FILE0:Rows '), 'STARTED'],
    ]);
    await liftAll(roadblocks);
    expect(await small.outcome(await small.ended(id))).toEqual(expected);
  });

  it('stop one after the other, and the execution with the last', async () => {
    const { id, roadblocks } = await heldAt(5, 255);
    const [first, last] = roadblocks;
    await endpoint.stop(id);
    await first!.lift();
    const left = await endpoint.until('one to leave', IMPORT, id, ({ stepExecutions }) =>
      stepExecutions.some(({ status }) => status === 'STOPPED'),
    );
    expect(left).toMatchObject({ status: 'STOPPING', running: true });
    expect(left.stepExecutions.map(({ status }) => status).toSorted()).toEqual(['STARTED', 'STARTED', 'STOPPED']);
    await last!.lift();
    expect(await small.ended(id)).toMatchObject({ status: 'STOPPED', recordWriteCount: 2 * CHUNK });
    const next = await small.outcome(await small.ended(await endpoint.restart(id)));
    expect(next.told).toMatchObject({ status: 'COMPLETED', recordWriteCount: ROWS - 2 * CHUNK });
    expect([next.table, next.written]).toEqual([expected.table, expected.written]);
  });

  it('end a small job long before a huge one that was started first', async () => {
    await small.empty();
    const huge = await endpoint.start('noopJob', { partitions: 100_000, busyMs: 2 });
    const before = await endpoint.until(
      'the huge job to be in full swing',
      'noopJob',
      huge,
      (view) => done(view) > 300,
    );
    expect(await small.outcome(await small.ended(await small.begin()))).toEqual(expected);
    const after = await endpoint.view('noopJob', huge);
    expect(after.running).toBe(true);
    // By default 64 of its partitions stand in the queue at a time: the small one waits for a few such windows.
    expect(done(after) - done(before)).toBeLessThan(2_000);
    await endpoint.forceStop(huge);
  });
});

describe('a worker that is killed in the middle', () => {
  it('leaves the same rows and counts, by the hand of the other', async () => {
    await haveWorkers(2);
    const { id, roadblocks } = await heldAt(137, 352);
    await fleet.kill(living()[0]!, 'SIGKILL');
    await liftAll(roadblocks);
    expect(await small.outcome(await small.ended(id))).toEqual(expected);
    expect(living()).toHaveLength(1);
  });
});

describe('a worker that is started later', () => {
  it('joins in', async () => {
    await haveWorkers(1);
    const { id, roadblocks } = await heldAt(5);
    await haveWorkers(2);
    const others = await endpoint.until('all partitions but one', IMPORT, id, (view) => done(view) === PARTITIONS - 1);
    expect(others).toMatchObject({ status: 'STARTED', recordWriteCount: ROWS - ROWS_PER_PARTITION });
    await liftAll(roadblocks);
    expect(await small.outcome(await small.ended(id))).toEqual(expected);
  });
});

describe('a worker that gets SIGTERM', () => {
  it('hands its partition back at the chunk boundary, and spends no attempt', async () => {
    await haveWorkers(1);
    const [worker] = living();
    const { id, roadblocks } = await heldAt(44);
    const gone = fleet.kill(worker!, 'SIGTERM');
    await worker!.line((line) => line.includes('Worker is leaving'), 10_000);
    await liftAll(roadblocks);
    await gone;
    expect(await worker!.exited).toBe('exit code 0');

    expect(await endpoint.view(IMPORT, id)).toMatchObject({ status: 'STARTED', recordWriteCount: CHUNK });
    const waiting = await withQueue(fleet, 'partitions', (queue) => queue.getJobs(['waiting']));
    expect(waiting.map(({ attemptsMade }) => attemptsMade)).toEqual(Array<number>(PARTITIONS).fill(0));
    expect(waiting.filter(({ attemptsStarted }) => attemptsStarted > 0)).toHaveLength(1);

    await haveWorkers(1);
    expect(await small.outcome(await small.ended(id))).toEqual(expected);
  });

  it('leaves within its deadline, even where it is held up', async () => {
    await haveWorkers(0);
    const worker = await fleet.startWorker({ SHUTDOWN_DEADLINE_MS: '1000' });
    const { id, roadblocks } = await heldAt(44);
    const asked = Date.now();
    await fleet.kill(worker, 'SIGTERM');
    // The deadline, then two seconds for what may still let go; by default it would be twenty.
    expect(Date.now() - asked).toBeLessThan(8_000);
    expect(await worker.exited).toBe('exit code 1');
    expect((await endpoint.view(IMPORT, id)).status).toBe('STARTED');
    await liftAll(roadblocks);

    await haveWorkers(1);
    expect(await small.outcome(await small.ended(id))).toEqual(expected);
  });
});
