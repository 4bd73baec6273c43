import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { blockAt } from '../support/roadblock.js';
import { IMPORT, SmallImport } from '../support/small-import.js';
import { TcpProxy } from '../testbed/tcp-proxy.js';
import { until } from '../support/until.js';

const ROWS = 10_000;
const PARTITIONS = ROWS / 250;
/** When an import is in full swing: rows written. */
const MIDDLE = 2_000;

let postgres: PrivateServer;
let proxy: TcpProxy;
let database: TestDatabase;
let fleet: Fleet;
let endpoint: Endpoint;
let small: SmallImport;
let expected: Awaited<ReturnType<SmallImport['undisturbed']>>;

beforeAll(async () => {
  postgres = await PrivateServer.start('postgres');
  proxy = await TcpProxy.before(postgres.url);
  database = await createDatabase(postgres.url);
  fleet = await Fleet.start({
    workers: 2,
    env: {
      DATABASE_URL: proxy.through(database.url),
      LOG_LEVEL: 'debug',
      LOCK_DURATION_MS: '1000',
      STALLED_INTERVAL_MS: '300',
      SWEEP_INTERVAL_MS: '300',
      RETRY_BACKOFF_MS: '200',
    },
  });
  endpoint = Endpoint.of(fleet);
  small = await SmallImport.prepare(fleet, ROWS, database);
  expected = await small.undisturbed();
});

afterAll(async () => {
  await fleet?.stop();
  await proxy?.close();
  await postgres?.close();
});

async function underWay(): Promise<number> {
  const id = await small.start();
  expect(await small.under(id, MIDDLE)).toMatchObject({ running: true });
  return id;
}

/** What an import leaves, when it has ended. */
const leftBy = async (id: number) => small.outcome(await small.ended(id));

/** How often workers have failed in these words, and mean to try again. An outage is told once: only debug lines tell each hand-back. */
const failures = (words: string): number =>
  fleet.workers.flatMap(({ lines }) =>
    lines.filter((line) => /Job failed|Work handed back/.test(line) && line.includes(words)),
  ).length;

/** Does something, and waits until a worker has failed for it, and means to try again. */
async function untilTriedAgain<T>(words: string, work: () => Promise<T>): Promise<T> {
  const before = failures(words);
  const done = await work();
  await until(
    `a failure: ${words}`,
    async () => failures(words),
    (count) => count > before,
  );
  return done;
}

describe('a PostgreSQL that restarts in mid-import', () => {
  it.each([
    ['in good order', 'SIGINT'],
    ['from a crash', 'SIGQUIT'],
  ] as const)('%s', async (_, signal) => {
    const id = await underWay();
    await untilTriedAgain('', () => postgres.end(signal));
    await postgres.begin();
    expect(await leftBy(id)).toEqual(expected);
  });
});

describe('connections that are cut', () => {
  it('anywhere', async () => {
    const id = await small.start();
    for (const rows of [1, 800, 1_600, 2_400]) {
      await small.under(id, rows);
      proxy.cut();
    }
    expect(await leftBy(id)).toEqual(expected);
  });

  it.each([
    ['has committed, which nobody was told', true],
    ['has not been asked to commit', false],
  ])('in mid-commit: the database %s', async (_, delivered) => {
    await small.empty();
    const roadblock = await blockAt(database, small.resources[620]!);
    const id = await small.begin();
    await roadblock.reached();
    // From here on there is but one attempt left, and the next commit is that of its chunk.
    await endpoint.until('the others', IMPORT, id, ({ progress }) => progress.partitions.done === PARTITIONS - 1);
    const cut = proxy.cutAt('COMMIT', delivered);
    await roadblock.lift();
    await cut;
    expect(await leftBy(id)).toEqual(expected);
  });
});

/** Something in the way of every row, until it is removed. */
async function obstruct(body: string, when = 'true'): Promise<void> {
  await database.query(`
    CREATE OR REPLACE FUNCTION obstacle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$;
    CREATE OR REPLACE TRIGGER obstacle BEFORE INSERT ON resource FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION obstacle()`);
}

/** Has the database end each statement that takes longer, in ms; 0 for no limit. */
async function limitStatements(ms: number): Promise<void> {
  const name = new URL(database.url).pathname.slice(1);
  await database.query(`ALTER DATABASE ${name} SET statement_timeout = ${ms}`);
  // A connection keeps the settings that it was opened with.
  proxy.cut();
}

/** Takes the obstacle away, however long somebody else holds the table. */
const clear = () => database.query('SET statement_timeout = 0; DROP TRIGGER obstacle ON resource');

describe('what goes away by itself is waited for', () => {
  it('a lock that somebody else holds', async () => {
    await small.empty();
    const somebody = new Client({ connectionString: database.url });
    await somebody.connect();
    await somebody.query('BEGIN; LOCK TABLE partition_checkpoint IN SHARE MODE');
    const id = await untilTriedAgain('lock timeout', () => small.begin());
    await somebody.end();
    expect(await leftBy(id)).toEqual(expected);
  });

  it.each([
    ['a full disk', "RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'", 'No space left'],
    ['a deadlock', "RAISE 'deadlock detected' USING ERRCODE = '40P01'", 'deadlock detected'],
    ['a statement that takes too long', 'PERFORM pg_sleep(1)', 'statement timeout'],
  ])('%s', async (_, body, words) => {
    await small.empty();
    await limitStatements(400);
    await obstruct(body, "NEW.id = 'small-620'");
    const id = await untilTriedAgain(words, () => small.begin());
    await clear();
    await limitStatements(0);
    expect(await leftBy(id)).toEqual(expected);
  });
});

describe('what does not go away fails the partition', () => {
  it('with the words of the database, and a restart completes it after the repair', async () => {
    await small.empty();
    await obstruct("RAISE 'the books are closed'", "NEW.id = 'small-620'");
    const failed = await small.ended(await small.begin());
    expect(failed).toMatchObject({ status: 'FAILED', running: false, recordWriteCount: ROWS - 150 });
    expect(failed.failures).toMatchObject([
      { stepName: 'bulkImportProcessingStep:FILE0:Rows 500 - 749', message: 'the books are closed' },
    ]);
    expect(failed.stepExecutions.filter(({ status }) => status === 'STARTED')).toEqual([]);
    await clear();
    const restarted = await small.ended(await endpoint.restart(failed.id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: 150 });
    expect(await small.outcome(restarted)).toMatchObject({ table: expected.table, written: expected.written });
  });

  it('where it goes away too late, too', async () => {
    await Promise.all(fleet.workers.filter(({ alive }) => alive).map((worker) => fleet.kill(worker, 'SIGTERM')));
    await fleet.startWorker({ PARTITION_ATTEMPTS: '2' });
    await small.empty();
    await limitStatements(400);
    await obstruct('PERFORM pg_sleep(1)', "NEW.id = 'small-620'");
    const failed = await small.ended(await small.begin());
    expect(failed).toMatchObject({ status: 'FAILED', recordWriteCount: ROWS - 150 });
    expect(failed.failures).toMatchObject([{ message: 'canceling statement due to statement timeout' }]);
    await clear();
    await limitStatements(0);
    const restarted = await small.ended(await endpoint.restart(failed.id));
    expect(restarted).toMatchObject({ status: 'COMPLETED', recordWriteCount: 150 });
    expect(await small.outcome(restarted)).toMatchObject({ table: expected.table, written: expected.written });
  });
});
