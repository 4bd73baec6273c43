import type { ExecutionRef, Seal } from '#engine';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NO_STEPS, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];
let ledger: string;

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

let ledgers = 0;
beforeEach(() => {
  ledger = `postgres-${(ledgers += 1)}`;
});

const COMPLETED = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;

/** An execution that has COMPLETED, and what the databases said then. */
async function sealed(...seals: Seal[]): Promise<ExecutionRef> {
  const lease = await repository.started({ definition: NO_STEPS });
  await at.endExecution(lease, COMPLETED, seals);
  return { id: lease.id, uuid: lease.uuid };
}

const inA = (mark: number) => sealed({ ledger, database: 'a', mark });

/** Scores and members, as ZADD takes them. */
const fill = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => [from + i, `9${from + i}`] as const).flat();

/** Which of these are known to have been lost. */
const lost = async (refs: readonly ExecutionRef[]): Promise<boolean[]> =>
  Promise.all(refs.map(async ({ id }) => (await at.findExecution(id))?.databaseWentBack !== undefined));

const members = () => repository.redis.zrange(repository.key('sealed', ledger), '0', '-1');

describe('what a database was last seen to hold', () => {
  it('is the highest mark of a seal, whatever the order in which they are noted', async () => {
    expect(await at.knownMark(ledger)).toBeUndefined();
    await inA(2);
    await inA(1);
    expect(await at.knownMark(ledger)).toEqual({ database: 'a', mark: 2 });
    expect(await at.knownMark('other')).toBeUndefined();
  });

  it('is noted once, though the end is reported twice', async () => {
    const lease = await repository.started({ definition: NO_STEPS });
    const seals = [{ ledger, database: 'a', mark: 1 }];
    expect(await at.endExecution(lease, COMPLETED, seals)).toBe('changed');
    const once = await repository.snapshot();
    expect(await at.endExecution(lease, COMPLETED, seals)).toBe('unchanged');
    expect(await repository.snapshot()).toEqual(once);
  });

  it('has names with commas', async () => {
    await sealed({ ledger, database: 'a,b', mark: 7 });
    expect(await at.knownMark(ledger)).toEqual({ database: 'a,b', mark: 7 });
  });
});

describe('a database that went back', () => {
  it('has lost the executions sealed behind its mark', async () => {
    const refs = [await inA(1), await inA(2), await inA(3)];
    const { covers } = await repository.timed(async () =>
      expect(await at.databaseWentBack(ledger, { database: 'a', mark: 1 })).toBe(2),
    );
    expect(await lost(refs)).toEqual([false, true, true]);
    expect(covers((await at.findExecution(refs[1]!.id))?.databaseWentBack)).toBe(true);
    expect(await at.knownMark(ledger)).toEqual({ database: 'a', mark: 1 });
    const once = await repository.snapshot();
    expect(await at.databaseWentBack(ledger, { database: 'a', mark: 1 })).toBe(0);
    expect(await repository.snapshot()).toEqual(once);
    expect(await members()).toEqual([String(refs[0]!.id)]);
  });

  it('and is another one has lost all that were not sealed in it', async () => {
    const refs = [await inA(4), await inA(5), await sealed({ ledger, database: 'b', mark: 1 })];
    expect(await at.knownMark(ledger)).toEqual({ database: 'a', mark: 5 });
    expect(await at.databaseWentBack(ledger, { database: 'b', mark: 1 })).toBe(2);
    expect(await lost(refs)).toEqual([true, true, false]);
    expect(await at.knownMark(ledger)).toEqual({ database: 'b', mark: 1 });
    expect(await at.databaseWentBack(ledger, { database: 'b', mark: 1 })).toBe(0);
  });

  it('is noticed by a mark that it gives for the second time, too', async () => {
    const refs = [await inA(1), await inA(2), await inA(3), await inA(2), await inA(3), await inA(4)];
    expect(await lost(refs)).toEqual([false, true, true, false, false, false]);
    expect(await at.knownMark(ledger)).toEqual({ database: 'a', mark: 4 });
  });

  it('has nothing to do with the seals of another database of the module', async () => {
    const other = `${ledger}-other`;
    const ref = await sealed({ ledger, database: 'a', mark: 9 }, { ledger: other, database: 'x', mark: 1 });
    expect(await at.databaseWentBack(other, { database: 'x', mark: 1 })).toBe(0);
    expect(await lost([ref])).toEqual([false]);
    expect(await at.databaseWentBack(other, { database: 'y', mark: 0 })).toBe(1);
    expect(await lost([ref])).toEqual([true]);
    expect(await at.databaseWentBack(ledger, { database: 'z', mark: 0 })).toBe(1);
  });

  it('has at most 1,000 marked a call, and looks at all however many are left as they are', async () => {
    // Executions are not needed for this: where one is gone, its seal is taken for lost.
    await repository.redis.zadd(repository.key('sealed', ledger), ...fill(1, 2_500));
    await repository.redis.hset(repository.key('databases'), ledger, 'a,2500');
    expect(await at.databaseWentBack(ledger, { database: 'a', mark: 100 })).toBe(1_000);
    expect(await at.knownMark(ledger)).toEqual({ database: 'a', mark: 2_500 });
    expect(await at.databaseWentBack(ledger, { database: 'a', mark: 100 })).toBe(1_000);
    expect(await at.databaseWentBack(ledger, { database: 'a', mark: 100 })).toBe(400);
    expect(await at.knownMark(ledger)).toEqual({ database: 'a', mark: 100 });
    expect(await members()).toHaveLength(100);
    for (const id of await members()) {
      await repository.redis.hset(repository.key('execution', id), `sealed:${ledger}`, `b,${Number(id.slice(1))}`);
    }
    // The first page is all of database b, and stays; what follows is not.
    await repository.redis.zadd(repository.key('sealed', ledger), ...fill(5_000, 1));
    expect(await at.databaseWentBack(ledger, { database: 'b', mark: 100 })).toBe(1);
    expect(await members()).toHaveLength(100);
    expect(await at.knownMark(ledger)).toEqual({ database: 'b', mark: 100 });
  });
});

describe('a seal', () => {
  it('goes with its execution, and with its COMPLETED', async () => {
    const [stopped, forgotten] = [await inA(1), await inA(2)];
    await at.forceStop(stopped, 'ann');
    expect(await members()).toEqual([String(forgotten.id)]);
    expect(await at.forget(forgotten.id, 100)).toBe('done');
    expect(await members()).toEqual([]);
    expect(await at.databaseWentBack(ledger, { database: 'a', mark: 0 })).toBe(0);
    expect(await lost([stopped])).toEqual([false]);
  });
});
