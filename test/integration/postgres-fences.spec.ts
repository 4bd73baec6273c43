import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ItemTable } from '#postgres';
import { SupersededError, TransientError, type PartitionAttempt } from '#job-kit';
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

describe('checkpoint', () => {
  it('tells the next attempt where the last left off', async () => {
    const sink = store.sinkFor(ledger);
    const attempt = await opened();
    const first = await sink.open(attempt);
    expect(first).toMatchObject({ fence: 1, position: undefined });
    await first.close();
    const second = await sink.open(attempt);
    expect(second).toMatchObject({ fence: 2, position: undefined });
    await second.commit(chunk(attempt, 0, 1));
    await second.commit({ ...chunk(attempt, 2), rollbackCount: 3 });
    await second.close();
    const third = await sink.open(attempt);
    expect(third).toMatchObject({
      fence: 3,
      position: 3,
      counts: { readCount: 3, writeCount: 3, filterCount: 0, skipCount: 0, commitCount: 2, rollbackCount: 3 },
    });
    await third.close();
  });

  it('keeps its position under a new execution, whose counts begin at zero', async () => {
    const sink = store.sinkFor(ledger);
    const attempt = await opened();
    const before = await sink.open(attempt);
    await before.commit(chunk(attempt, 0, 1));
    await before.close();
    const restart = { ...attempt, executionUuid: randomUUID() };
    await store.gate.open(gateOf(restart));
    const after = await sink.open(restart);
    expect(after).toMatchObject({
      fence: 2,
      position: 2,
      counts: { readCount: 0, commitCount: 0 },
    });
    expect(await after.commit(chunk(attempt, 2))).toMatchObject({ readCount: 1, writeCount: 1, commitCount: 1 });
    await after.close();
    expect(await entriesOf(attempt.instanceUuid)).toEqual([0, 1, 2]);
  });
});

describe('fence', () => {
  it('refuses an attempt that a newer one has superseded', async () => {
    const sink = store.sinkFor(ledger);
    const attempt = await opened();
    const old = await sink.open(attempt);
    const living = await sink.open(attempt);
    await expect(old.commit(chunk(attempt, 0))).rejects.toThrow(SupersededError);
    await living.commit(chunk(attempt, 0));
    await expect(old.commit(chunk(attempt, 0))).rejects.toThrow(SupersededError);
    await old.close();
    await living.close();
    expect(await entriesOf(attempt.instanceUuid)).toEqual([0]);
  });

  it('writes every entry once while attempts keep superseding one another', async () => {
    const sink = store.sinkFor(ledger);
    const attempt = await opened();
    const total = 120;
    const work = async (chunksAnAttempt: number): Promise<void> => {
      for (let done = false; !done;) {
        const session = await sink.open(attempt);
        let next = (session.position as number | undefined) ?? 0;
        try {
          for (let i = 0; i < chunksAnAttempt && next < total; i++, next += 2) {
            await session.commit(chunk(attempt, next, next + 1));
          }
        } catch (error) {
          // On a machine that stands still for a second, a rival in mid-commit is ended rather than waited for.
          if (!(error instanceof SupersededError || error instanceof TransientError)) throw error;
        } finally {
          await session.close();
        }
        done = next >= total;
      }
    };
    await Promise.all([work(1), work(3), work(7)]);
    expect(await entriesOf(attempt.instanceUuid)).toEqual(Array.from({ length: total }, (_, i) => i));
    const last = await sink.open(attempt);
    expect(last.counts).toMatchObject({ readCount: total, writeCount: total, commitCount: total / 2 });
    await last.close();
  });

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
  it('must have been opened', async () => {
    await expect(store.sink.open(newAttempt())).rejects.toThrow(SupersededError);
  });

  it('once closed, stays closed and lets no attempt begin or commit', async () => {
    const sink = store.sinkFor(ledger);
    const attempt = await opened();
    const session = await sink.open(attempt);
    await session.commit(chunk(attempt, 0));
    await store.gate.close(gateOf(attempt));
    await store.gate.open(gateOf(attempt));
    await expect(session.commit(chunk(attempt, 1))).rejects.toThrow(SupersededError);
    await expect(sink.open(attempt)).rejects.toThrow(SupersededError);
    await session.close();
    expect(await entriesOf(attempt.instanceUuid)).toEqual([0]);
  });

  it('may be closed before it was opened', async () => {
    const attempt = newAttempt();
    await store.gate.close(gateOf(attempt));
    await store.gate.open(gateOf(attempt));
    await expect(store.sink.open(attempt)).rejects.toThrow(SupersededError);
  });

  it('closes those of the other executions of its instance when it is opened', async () => {
    const forgotten = await opened();
    const next = { ...forgotten, executionUuid: newAttempt().executionUuid };
    await store.gate.open(gateOf(next));
    await expect(store.sink.open(forgotten)).rejects.toThrow(SupersededError);
    await (await store.sink.open(next)).close();
  });

  it('that is opened late, when it is closed and a restart runs, closes nothing', async () => {
    const late = newAttempt();
    await store.gate.close(gateOf(late));
    const restart = { ...late, executionUuid: newAttempt().executionUuid };
    await store.gate.open(gateOf(restart));
    const session = await store.sinkFor(ledger).open(restart);
    await store.gate.open(gateOf(late));
    await session.commit(chunk(restart, 0));
    await session.close();
    expect(await entriesOf(restart.instanceUuid)).toEqual([0]);
  });

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
