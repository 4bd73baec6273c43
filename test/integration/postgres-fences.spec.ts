import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ItemTable } from '#postgres';
import { TransientError, type PartitionAttempt } from '#job-kit';
import { chunkOf, newAttempt, testStore, type TestStore, gateOf } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { signal } from '../support/signal.js';

let database: TestDatabase;
let store: TestStore;

beforeAll(async () => {
  database = await createDatabase();
  store = testStore(database.url);
  await store.migrate();
  await database.query('CREATE TABLE ledger (instance uuid, entry integer)');
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

interface Entry {
  instance: string;
  entry: number;
}

/** Without a key: what is written twice stands there twice. */
const ledger: ItemTable<Entry> = {
  async writeChunk(client, entries) {
    for (const { instance, entry } of entries)
      await client.query('INSERT INTO ledger VALUES ($1, $2)', [instance, entry]);
  },
};

const entriesOf = async (instance: string): Promise<number[]> =>
  (
    await database.query<{ entry: number }>('SELECT entry FROM ledger WHERE instance = $1 ORDER BY entry', [instance])
  ).map(({ entry }) => entry);

async function opened(): Promise<PartitionAttempt> {
  const attempt = newAttempt();
  await store.gate.open(gateOf(attempt));
  return attempt;
}

const chunk = (attempt: PartitionAttempt, ...entries: number[]) =>
  chunkOf(
    entries.map((entry) => ({ instance: attempt.instanceUuid, entry })),
    { position: (entries.at(-1) ?? 0) + 1 },
  );

/** A worker frozen inside its open transaction: it has written, and goes on only when thawed. */
function freezing() {
  const frozen = signal<void>();
  const thawed = signal<void>();
  const sink = store.sinkFor<Entry>({
    async writeChunk(client, entries, attempt) {
      await ledger.writeChunk(client, entries, attempt);
      frozen.give();
      await thawed.given;
    },
  });
  return { sink, frozen: frozen.given, thaw: thawed.give };
}

describe('fence', () => {
  it('is raised over an attempt that froze inside its transaction', async () => {
    const { sink, frozen, thaw } = freezing();
    const attempt = await opened();
    const zombie = await sink.open(attempt);
    const lastWords = zombie.commit(chunk(attempt, 0)).catch((error: unknown) => error);
    await frozen;
    const living = await store.sinkFor(ledger).open(attempt);
    expect(living).toMatchObject({ fence: 2, position: undefined });
    await living.commit(chunk(attempt, 0));
    thaw();
    expect(await lastWords).toBeInstanceOf(TransientError);
    await zombie.close();
    await living.close();
    expect(await entriesOf(attempt.instanceUuid)).toEqual([0]);
  });
});

describe('gate', () => {
  it('closes within a second and a half over a worker frozen inside its transaction, whose rows are lost', async () => {
    const { sink, frozen, thaw } = freezing();
    const attempt = await opened();
    const other = await opened();
    const bystander = await store.sinkFor(ledger).open(other);
    const zombie = await sink.open(attempt);
    const lastWords = zombie.commit(chunk(attempt, 0)).catch((error: unknown) => error);
    await frozen;
    const began = performance.now();
    await store.gate.close(gateOf(attempt));
    expect(performance.now() - began).toBeLessThan(1_500);
    thaw();
    expect(await lastWords).toBeInstanceOf(TransientError);
    await zombie.close();
    await bystander.commit(chunk(other, 0));
    await bystander.close();
    expect(await entriesOf(attempt.instanceUuid)).toEqual([]);
    expect(await entriesOf(other.instanceUuid)).toEqual([0]);
  });
});
