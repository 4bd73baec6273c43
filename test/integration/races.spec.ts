import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LongshoreError } from '#domain';
import type { JobOperations, Started } from '#engine';
import { testStore, type TestStore } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { ITEMS, ITEM_TABLE } from '../support/model/jobs.js';
import { Life } from '../support/model/life.js';
import { World } from '../support/model/world.js';

const GATEWAYS = 10;
const ROUNDS = 10;

let database: TestDatabase;
let store: TestStore;
let world: World;
let gateways: readonly JobOperations[];

beforeAll(async () => {
  database = await createDatabase();
  store = testStore(database.url);
  await store.migrate();
  await database.query(ITEM_TABLE);
  world = new World(database, store);
  gateways = world.gateways(GATEWAYS);
});

afterAll(async () => {
  await world.close();
  await store.close();
  await database.drop();
});

const start = (parameters: Record<string, string>, jobName = 'exactJob') =>
  world.operator.start({ jobName, parameters, requestedBy: 'ann' });

/** Who won, and why the others did not. */
async function contest<T>(asked: readonly Promise<T>[]): Promise<{ won: T[]; lost: string[] }> {
  const results = await Promise.allSettled(asked);
  const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const lost = results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []));
  return { won, lost };
}

const codeOf = (error: unknown): string => (error instanceof LongshoreError ? error.code : String(error));

const workOn = async (): Promise<void> => {
  while ((await world.deliver('executions', Life.endless())) !== 'idle');
  while ((await world.deliver('partitions', Life.endless())) !== 'idle');
};

const writtenBy = async (...started: readonly Started[]): Promise<number> =>
  (await world.written(started.map(({ executionUuid }) => executionUuid))).length;

describe('many restarts of one execution at once', () => {
  it('one wins, and the others are told that it runs', async () => {
    const first = await start({ partitions: '2', fails: 'yes' });
    await world.settle();
    const { won, lost } = await contest(gateways.map((gateway) => gateway.restart(first.executionId, 'ann')));
    expect(won).toHaveLength(1);
    expect(lost).toEqual(Array(GATEWAYS - 1).fill('EXECUTION_STILL_RUNNING'));
    await world.settle();
    expect(await world.statusOf(won[0]!.executionId)).toBe('COMPLETED');
    expect(await writtenBy(first, won[0]!)).toBe(2 * ITEMS);
  });
});

describe('many starts at once', () => {
  it('with one Idempotency-Key are one start', async () => {
    const request = { jobName: 'exactJob', parameters: { partitions: '1' }, requestedBy: 'ann', idempotencyKey: 'k' };
    const { won, lost } = await contest(gateways.map((gateway) => gateway.start(request)));
    expect(lost).toEqual([]);
    expect(new Set(won.map(({ executionUuid }) => executionUuid)).size).toBe(1);
    expect(won.filter(({ repeated }) => !repeated)).toHaveLength(1);
    await world.settle();
    expect(await writtenBy(won[0]!)).toBe(ITEMS);
  });

  it('with one Idempotency-Key and different parameters: one is started, the others are told so', async () => {
    const { won, lost } = await contest(
      gateways.map((gateway, i) => {
        const parameters = { partitions: String(i) };
        return gateway.start({ jobName: 'exactJob', parameters, requestedBy: 'ann', idempotencyKey: 'l' });
      }),
    );
    expect(won).toHaveLength(1);
    expect(lost).toEqual(Array(GATEWAYS - 1).fill('IDEMPOTENCY_KEY_REUSED'));
    await world.settle();
  });

  it('of one instance: one wins, and the others are told that it runs', async () => {
    const request = { jobName: 'identifiedJob', parameters: { partitions: '3' }, requestedBy: 'ann' };
    const { won, lost } = await contest(gateways.map((gateway) => gateway.start(request)));
    expect(won).toHaveLength(1);
    expect(lost).toEqual(Array(GATEWAYS - 1).fill('INSTANCE_ALREADY_RUNNING'));
    await world.settle();
    expect(await writtenBy(won[0]!)).toBe(3 * ITEMS);
  });
});

describe('a stop against the completion', () => {
  it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
    'is carried out, or comes too late and says so (%i)',
    async (round) => {
      const started = await start({ partitions: '1' });
      // The later the round, the nearer to its end the execution is when both begin.
      for (let i = 0; i < Math.floor(round / 4); i += 1) await world.deliver('executions', Life.endless());
      const [stopped] = await Promise.all([contest([gateways[0]!.stop(started.executionId, 'ann')]), workOn()]);
      await world.settle();
      const status = await world.statusOf(started.executionId);
      expect(stopped.lost).toEqual(status === 'COMPLETED' ? ['EXECUTION_NOT_RUNNING'] : []);
      expect(['COMPLETED', 'STOPPED']).toContain(status);
      const counted = (await world.store.findExecution(started.executionId))?.counts.writeCount;
      expect(counted).toBe(await writtenBy(started));
    },
  );
});

describe('a force stop against the completion', () => {
  it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
    'reads STOPPED, and counts what was written (%i)',
    async () => {
      const started = await start({ partitions: '2' });
      await Promise.all([gateways[0]!.forceStop(started.executionId, 'ann'), workOn()]);
      const written = await writtenBy(started);
      await world.settle();
      const record = await world.store.findExecution(started.executionId);
      expect(record?.status).toBe('STOPPED');
      expect([record?.counts.writeCount, await writtenBy(started)]).toEqual([written, written]);
    },
  );
});

describe('a restart against the sweeper', () => {
  it('is carried out once, and runs once', async () => {
    const first = await start({ partitions: '2', fails: 'yes' });
    await world.settle();
    const [{ won, lost }] = await Promise.all([
      contest([gateways[0]!.restart(first.executionId, 'ann'), gateways[1]!.restart(first.executionId, 'bob')]),
      world.timePasses(),
      world.timePasses(),
      workOn(),
    ]);
    expect([won.length, lost.length]).toEqual([1, 1]);
    await world.settle();
    expect(await world.statusOf(won[0]!.executionId)).toBe('COMPLETED');
    expect(await writtenBy(first, won[0]!)).toBe(2 * ITEMS);
  });
});
