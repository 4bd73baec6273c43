import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { IMPORT, SmallImport } from '../support/small-import.js';
import { Endpoint } from '../support/endpoint.js';
import { until } from '../support/until.js';

const ROWS = 10_000;
const MIDDLE = 2_000;
const WORKERS = 2;
/** Tries that a transient fault may spend: fewer than an outage makes necessary. */
const TRIES = 2;
/** Deliveries of one partition during an outage: with so many every try would be spent, twice over. */
const DELIVERIES = 2 * TRIES;
/** Lines at level `warn` or above that one worker may write about one outage, whatever it holds. */
const MOST_LINES = 12;
const WARN = 40;

let postgres: PrivateServer;
let database: TestDatabase;
let fleet: Fleet;
let endpoint: Endpoint;
let small: SmallImport;
let expected: Awaited<ReturnType<SmallImport['undisturbed']>>;

beforeAll(async () => {
  postgres = await PrivateServer.start('postgres');
  database = await createDatabase(postgres.url);
  fleet = await Fleet.start({
    workers: WORKERS,
    env: {
      DATABASE_URL: database.url,
      PARTITION_ATTEMPTS: String(TRIES),
      LOCK_DURATION_MS: '1000',
      STALLED_INTERVAL_MS: '300',
      SWEEP_INTERVAL_MS: '300',
      RETRY_BACKOFF_MS: '50',
      LOG_LEVEL: 'debug',
    },
  });
  endpoint = Endpoint.of(fleet);
  small = await SmallImport.prepare(fleet, ROWS, database);
  expected = await small.undisturbed();
});

afterAll(async () => {
  await fleet?.stop();
  await postgres?.close();
});

interface Line {
  level: number;
  msg: string;
  jobId?: string;
}

const linesOf = (worker: { lines: readonly string[] }): Line[] =>
  worker.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);

/** Jobs that were handed back, each as often as it was, by all workers. */
const handedBack = (): string[] =>
  fleet.workers
    .flatMap(linesOf)
    .filter(({ msg }) => msg === 'Work handed back')
    .map(({ jobId = '' }) => jobId);

/** How often the job that was handed back most often was. */
function mostHandedBack(): number {
  const times = new Map<string, number>();
  for (const jobId of handedBack()) times.set(jobId, (times.get(jobId) ?? 0) + 1);
  return Math.max(0, ...times.values());
}

const loud = (): number[] => fleet.workers.map((worker) => linesOf(worker).filter(({ level }) => level >= WARN).length);

describe('a PostgreSQL that is unavailable for longer than all tries would take', () => {
  it('fails nothing, spends no try, is told of in a few lines, and work goes on by itself', async () => {
    const id = await small.start();
    expect(await small.under(id, MIDDLE)).toMatchObject({ running: true });
    const before = loud();
    await postgres.end('SIGQUIT');
    await until(
      'many deliveries',
      async () => mostHandedBack(),
      (most) => most >= DELIVERIES,
      45_000,
    );
    expect((await endpoint.view(IMPORT, id)).status).toBe('STARTED');
    await postgres.begin();
    expect(await small.outcome(await small.ended(id))).toEqual(expected);
    for (const [index, lines] of loud().entries()) expect(lines - before[index]!).toBeLessThanOrEqual(MOST_LINES);
  });

  it('keeps nobody from starting, and what was started meanwhile is done afterwards', async () => {
    await small.empty();
    const before = handedBack().length;
    await postgres.end('SIGQUIT');
    const id = await endpoint.start('noopJob', { partitions: 3 });
    expect((await endpoint.ended('noopJob', id)).status).toBe('COMPLETED');
    const waiting = await small.begin();
    await until(
      'a delivery',
      async () => handedBack().length,
      (times) => times > before,
    );
    await postgres.begin();
    expect((await small.ended(waiting)).status).toBe('COMPLETED');
  });
});
