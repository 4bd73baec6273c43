import { once } from 'node:events';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '#platform';
import { openPostgres } from '#postgres';
import { TransientError } from '#job-kit';
import { chunkOf, newAttempt, testStore, type TestStore, gateOf } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { signal } from '../support/signal.js';
import { TcpProxy } from '../testbed/tcp-proxy.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let store: TestStore;

beforeAll(async () => {
  database = await createDatabase();
  // A single connection: one that is not given back, or given back broken, fails the next test.
  store = testStore(database.url, 1);
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

const raise = (code: string) => `DO $$ BEGIN RAISE EXCEPTION 'told by the database' USING ERRCODE = '${code}'; END $$`;

/** Commits a chunk whose writing runs this SQL. */
async function commitRunning(sql: string): Promise<unknown> {
  const attempt = newAttempt();
  await store.gate.open(gateOf(attempt));
  const session = await store
    .sinkFor<number>({
      writeChunk: async (client) => {
        await client.query(sql);
      },
    })
    .open(attempt);
  try {
    return await session.commit(chunkOf([1]));
  } finally {
    await session.close();
  }
}

describe('faults', () => {
  it.each(['40001', '40P01', '53100', '53300', '55P03', '57014', '57P01', '57P03', '08006', '25P03'])(
    'SQLSTATE %s may go away, and keeps the message of the database',
    async (code) => {
      const commit = commitRunning(raise(code));
      await expect(commit).rejects.toThrow(TransientError);
      await expect(commit).rejects.toThrow('told by the database');
    },
  );

  it.each(['42P01', '42501', '23505', '22012', '23514', 'XX000'])('SQLSTATE %s passes as it is', async (code) => {
    const commit = commitRunning(raise(code));
    await expect(commit).rejects.toThrow('told by the database');
    await expect(commit).rejects.not.toBeInstanceOf(TransientError);
  });

  it('a backend that is terminated in mid-transaction is transient, and its connection is replaced', async () => {
    await expect(commitRunning('SELECT pg_terminate_backend(pg_backend_pid())')).rejects.toThrow(TransientError);
    await expect(commitRunning('SELECT 1')).resolves.toMatchObject({ commitCount: 1 });
  });

  it('a transaction left idle for too long is ended by the server, and tells why', async () => {
    const attempt = newAttempt();
    await store.gate.open(gateOf(attempt));
    const session = await store
      .sinkFor<number>({
        writeChunk: async (client) => {
          const ended = once(client, 'error');
          await client.query("SET LOCAL idle_in_transaction_session_timeout = '50ms'");
          await ended;
        },
      })
      .open(attempt);
    const commit = session.commit(chunkOf([1]));
    await expect(commit).rejects.toThrow(TransientError);
    await expect(commit).rejects.toThrow('idle-in-transaction timeout');
    await session.close();
    await expect(commitRunning('SELECT 1')).resolves.toMatchObject({ commitCount: 1 });
  });

  it('an idle connection that is lost ends nothing', async () => {
    const lost = signal<string>();
    const log = { ...createLogger('test', 'silent'), warn: lost.give };
    const other = openPostgres({ databaseUrl: database.url, maxConnections: 1, log });
    await other.ping();
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query = 'SELECT 1'`,
    );
    expect(await lost.given).toBe('An idle database connection was lost');
    await other.ping();
    await other.close();
  });

  it('a database that falls silent does not answer a ping, and holds no connection for it', async () => {
    const proxy = await TcpProxy.before(database.url);
    const silent = testStore(proxy.through(database.url), 1);
    await silent.ping();
    proxy.blackhole();
    await expect(silent.ping()).rejects.toThrow(TransientError);
    // The next one opens a connection of its own.
    await silent.ping();
    await silent.close();
    await proxy.close();
    // The server never learns that the first one is gone.
    await database.query(
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query = 'SELECT 1'`,
    );
  });

  it('a database that is away is transient', async () => {
    const nowhere = testStore('postgres://nobody@127.0.0.1:1/none', 1);
    await expect(nowhere.ping()).rejects.toThrow(TransientError);
    await expect(nowhere.gate.close(gateOf(newAttempt()))).rejects.toThrow(TransientError);
    await expect(nowhere.sink.open(newAttempt())).rejects.toThrow(TransientError);
    await nowhere.close();
  });
});

const applied = (to: TestDatabase) => to.query('SELECT owner, id FROM applied_migration ORDER BY owner, id');

describe('migrate', () => {
  it('may run in many processes at once, and again', async () => {
    const fresh = await createDatabase();
    const stores = Array.from({ length: 6 }, () => testStore(fresh.url));
    await Promise.all(stores.map((one) => one.migrate()));
    await stores[0]?.migrate();
    expect(await applied(fresh)).toEqual(await applied(database));
    await Promise.all(stores.map((one) => one.close()));
    await fresh.drop();
  });

  it('fails, and ends nothing else, when its connection is lost', async () => {
    const holder = new Client({ connectionString: database.url });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE applied_migration');
    await Promise.all([
      expect(store.migrate()).rejects.toThrow('terminating connection'),
      until(
        'a migration that waits, to be ended',
        () =>
          database.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
             AND application_name = 'longshore migrations' AND wait_event_type = 'Lock'`,
          ),
        (ended) => ended.length === 1,
      ),
    ]);
    await holder.end();
    await store.migrate();
  });

  it('uses the default schema of the connection', async () => {
    const fresh = await createDatabase();
    await fresh.query('CREATE SCHEMA imports');
    const url = new URL(fresh.url);
    url.searchParams.set('options', '-c search_path=imports');
    const one = testStore(url.href);
    await one.migrate();
    const tables = await fresh.query('SELECT DISTINCT schemaname FROM pg_stat_user_tables');
    expect(tables).toEqual([{ schemaname: 'imports' }]);
    await one.close();
    await fresh.drop();
  });
});
