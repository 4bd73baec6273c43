import { afterAll, beforeAll, describe } from 'vitest';
import type { TransactionalSink } from '#job-kit';
import { sinkContract, type SinkUnderTest } from '#job-kit/sink-contract';
import type { ItemTable } from '#postgres';
import { fhirRow, testStore, type TestStore } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { DatabaseHistory } from '../support/model/database-history.js';
import { TcpProxy } from '../testbed/tcp-proxy.js';

interface Entry {
  instance: string;
  entry: number;
}

/** Without a key: what is written twice is there twice. */
const entries: ItemTable<Entry> = {
  writeChunk: async (client, items) => {
    await client.query('INSERT INTO entries SELECT * FROM unnest($1::uuid[], $2::integer[])', [
      items.map(({ instance }) => instance),
      items.map(({ entry }) => entry),
    ]);
  },
};

let database: TestDatabase;
let proxy: TcpProxy;
let store: TestStore;

beforeAll(async () => {
  database = await createDatabase();
  proxy = await TcpProxy.before(database.url);
  store = testStore(proxy.through(database.url));
  await store.migrate();
  await database.query('CREATE TABLE entries (instance uuid, entry integer)');
});

afterAll(async () => {
  await store.close();
  await proxy.close();
  await database.drop();
});

/** @param stored SQL for numbers, in ascending order, of what $1 has written */
function inPostgres<O>(
  sink: TransactionalSink<O>,
  item: SinkUnderTest<O>['item'],
  stored: string,
): Promise<SinkUnderTest<O>> {
  return Promise.resolve({
    sink,
    item,
    stored: async (instanceUuid) =>
      (await database.query<{ number: number }>(stored, [instanceUuid])).map(({ number }) => number),
    disconnect: async () => {
      proxy.refuse();
      return async () => proxy.restore();
    },
    backup: async () => {
      const history = new DatabaseHistory(database, store);
      await history.keep();
      return () => history.putBack();
    },
  });
}

describe('the sink of PostgreSQL, with a plain table', () => {
  sinkContract(() =>
    inPostgres(
      store.sinkFor(entries),
      (instance, entry) => ({ instance, entry }),
      'SELECT entry AS number FROM entries WHERE instance = $1 ORDER BY entry',
    ),
  );
});

describe('the sink of PostgreSQL, with FHIR resources', () => {
  sinkContract(() =>
    inPostgres(
      store.sink,
      (instance, number) => fhirRow({ resourceType: 'Patient', id: `${instance}.${number}` }, number),
      `SELECT split_part(id, '.', 2)::integer AS number FROM resource WHERE id LIKE $1 || '.%' ORDER BY number`,
    ),
  );
});
