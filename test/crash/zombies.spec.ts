import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalProcess } from '../../scripts/local/processes.js';
import { Endpoint, type ExecutionView } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { queueSizes } from '../support/queues.js';
import { blockAt } from '../support/roadblock.js';
import { account, IMPORT, SmallImport } from '../support/small-import.js';
import { until } from '../support/until.js';

const LOCK_MS = 1_000;
const STOPPED = 'Crash point reached';
/** Of a partition. A controller that slept in the same process has lost its lease too, and says so in its own words. */
const SUPERSEDED = '"msg":"Superseded: this attempt leaves';

let fleet: Fleet;
let endpoint: Endpoint;
let small: SmallImport;
let expected: Awaited<ReturnType<SmallImport['undisturbed']>>;

beforeAll(async () => {
  fleet = await Fleet.start({
    env: {
      WORKER_CONCURRENCY: '1',
      LOCK_DURATION_MS: String(LOCK_MS),
      STALLED_INTERVAL_MS: '300',
      SWEEP_INTERVAL_MS: '300',
      RETRY_BACKOFF_MS: '50',
    },
  });
  endpoint = Endpoint.of(fleet);
  small = await SmallImport.prepare(fleet);
  expected = await small.undisturbed();
});

afterAll(() => fleet?.stop());

beforeEach(async () => {
  await Promise.all(fleet.workers.filter(({ alive }) => alive).map((worker) => fleet.kill(worker, 'SIGTERM')));
});

const saying = (worker: LocalProcess, words: string) => worker.lines.filter((line) => line.includes(words));

const withoutProgress = (view: ExecutionView) => {
  const { told, steps } = account(view);
  return { told: { ...told, progress: undefined }, steps };
};

/** An import one of whose workers sleeps: at the third chunk of its hand. */
async function asleep(point: string) {
  const zombie = await fleet.startWorker({ CRASH_AT: `${point}:3:stop` });
  const id = await small.start();
  await zombie.line((line) => line.includes(STOPPED), 20_000);
  return { zombie, id };
}

/** Wakes the zombie up, and waits until it has nothing in hand any more. */
async function wake(zombie: LocalProcess): Promise<void> {
  zombie.kill('SIGCONT');
  await zombie.line((line) => line.includes(SUPERSEDED), 20_000);
  // It leaves in good order, and therefore after whatever else it had to say.
  await fleet.kill(zombie, 'SIGTERM');
  expect(await zombie.exited).toBe('exit code 0');
}

describe.each(['rows-written-not-committed', 'committed-not-mirrored'])('a worker that sleeps at %s', (point) => {
  it('until its partition has finished elsewhere commits nothing, and says so once', async () => {
    const { zombie, id } = await asleep(point);
    await fleet.startWorker();
    const view = await small.ended(id, LOCK_MS + 15_000);
    expect(await small.outcome(view)).toEqual(expected);
    await wake(zombie);
    expect(saying(zombie, SUPERSEDED)).toHaveLength(1);
    expect(await small.outcome(await endpoint.view(IMPORT, id))).toEqual(expected);
  });

  it('through a force stop commits nothing, and says so once', async () => {
    const { zombie, id } = await asleep(point);
    await endpoint.forceStop(id);
    const stopped = await endpoint.view(IMPORT, id);
    expect(stopped).toMatchObject({ status: 'STOPPED', running: false });
    expect(stopped.stepExecutions.filter(({ status }) => status === 'STARTED')).toEqual([]);
    const left = await small.outcome(stopped);
    expect(left.table).toMatchObject({ rows: stopped.recordWriteCount, surplus: [] });
    await wake(zombie);
    expect(saying(zombie, SUPERSEDED)).toHaveLength(1);
    expect(await small.outcome(await endpoint.view(IMPORT, id))).toEqual(left);

    await fleet.startWorker();
    const restarted = await small.ended(await endpoint.restart(id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: 2_000 - stopped.recordWriteCount });
    expect(await small.outcome(restarted)).toMatchObject({ table: expected.table, written: expected.written });
  });

  it('through a force stop and a restart commits nothing, and says so once', async () => {
    const { zombie, id } = await asleep(point);
    await endpoint.forceStop(id);
    const stopped = await endpoint.view(IMPORT, id);
    await fleet.startWorker();
    const restarted = await small.ended(await endpoint.restart(id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: 2_000 - stopped.recordWriteCount });
    const left = await small.outcome(restarted);
    expect(left).toMatchObject({ table: expected.table, written: expected.written });
    await wake(zombie);
    expect(saying(zombie, SUPERSEDED)).toHaveLength(1);
    expect(await small.outcome(await endpoint.view(IMPORT, restarted.id))).toEqual(left);
    // Progress is the instance's.
    expect(withoutProgress(await endpoint.view(IMPORT, id))).toEqual(withoutProgress(stopped));
  });
});

describe('a worker whose event loop is blocked for longer than its lock', () => {
  it('has lost its partition when it comes to, and counts nothing', async () => {
    // The other worker has its one hand full, so that the partition is certain to be taken by the one that blocks; and
    // its own lock outlasts the same chunk.
    const other = await fleet.startWorker({ LOCK_DURATION_MS: '30000' });
    await fleet.database.query('TRUNCATE resource');
    const roadblock = await blockAt(fleet.database, small.resources[1_999]!);
    const one = await endpoint.start(IMPORT, { ...small.parameters, rowsPerPartition: 2_000 });
    await roadblock.reached();
    const blocked = await fleet.startWorker();
    const id = await endpoint.start('noopJob', { partitions: 1, chunks: 1, busyMs: 4_000 });
    await endpoint.until('its start', 'noopJob', id, ({ stepExecutions }) => stepExecutions.length === 2);
    await roadblock.lift();
    await small.ended(one);

    const view = await endpoint.ended('noopJob', id);
    expect(view).toMatchObject({ status: 'COMPLETED', counts: { readCount: 1, writeCount: 1, commitCount: 1 } });
    expect(saying(blocked, SUPERSEDED)).toHaveLength(1);
    expect(saying(other, SUPERSEDED)).toEqual([]);
    await until(
      'empty queues',
      () => queueSizes(fleet),
      ({ partitions }) => partitions === 0,
    );
  });
});
