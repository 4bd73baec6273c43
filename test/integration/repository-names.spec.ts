import type { StepDefinition } from '#domain';
import type { Lease } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOSE, countsWith, LOAD, partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const STORE = { name: 'store', kind: 'chunk' } as const;
const LOAD2 = { name: 'load2', kind: 'chunk' } as const;

const facts = async (lease: Lease, steps: readonly StepDefinition[]) =>
  (
    await at.facts(
      lease,
      steps.map((step) => ({ ...step, rerun: false })),
    )
  ).steps;

/** Restarts what failed after `load` had COMPLETED and `store` was half done, as a job with other steps. */
async function restartedAs(steps: readonly StepDefinition[]): Promise<Lease> {
  const lease = await repository.loading(3);
  for (const p of [0, 1, 2]) await repository.run(partitionRef(lease, p), countsWith({ readCount: 10 }));
  await at.endStep(lease, 'load', { status: 'COMPLETED', exitCode: 'COMPLETED' });
  await repository.begin(lease, STORE, partitionsOf(4));
  await repository.run(partitionRef(lease, 1, 'store'), countsWith({ readCount: 10 }));
  const ref = partitionRef(lease, 2, 'store');
  const checkpoint = { position: { row: 5 }, skipLimit: 0 };
  await at.progress(ref, await repository.claim(ref), countsWith({ readCount: 5 }), checkpoint);
  await repository.end(lease, 'FAILED');
  const { instanceId, status, parameters } = (await at.findExecution(lease.id))!;
  const restarts = { instanceId, executionId: lease.id, status };
  const again = await repository.launch({ restarts, parameters, definition: { version: '2', steps } });
  const held = await repository.lease(again);
  await at.beginExecution(held);
  return held;
}

describe('a job whose steps have changed since an instance began', () => {
  it('has those in another order go on from where each was', async () => {
    const lease = await restartedAs([STORE, LOAD, CLOSE]);
    const [store, load, close] = await facts(lease, [STORE, LOAD, CLOSE]);
    expect(load).toMatchObject({ skip: true, planned: true, partitions: 3 });
    expect(store).toMatchObject({ skip: false, planned: true, partitions: 4, status: undefined });
    expect(close).toMatchObject({ skip: false, planned: false, partitions: 0 });
    await at.beginStep(lease, 'store');
    expect(await at.handOut(lease, STORE, 64)).toEqual({ work: false, partitions: [0, 2, 3] });
    expect(await at.claim(partitionRef(lease, 2, 'store'), undefined)).toMatchObject({ position: { row: 5 } });
    expect(await at.claim(partitionRef(lease, 0, 'store'), undefined)).toMatchObject({ position: undefined });
  });

  it('has a renamed one begin anew, though its old name begins like the new one', async () => {
    const lease = await restartedAs([LOAD2, STORE]);
    expect((await facts(lease, [LOAD2]))[0]).toMatchObject({ skip: false, planned: false, partitions: 0 });
    await repository.begin(lease, LOAD2, partitionsOf(2));
    expect((await facts(lease, [LOAD2]))[0]).toMatchObject({ inFlight: 2, partitions: 2 });
    expect(await at.stepHistory((await at.findExecution(lease.id))!.instanceId, ['load2', 'load', 'store'])).toEqual([
      { completed: false, startCount: 1 },
      { completed: true, startCount: 1 },
      { completed: false, startCount: 1 },
    ]);
  });

  it('has one inserted before them run, and theirs untouched', async () => {
    const lease = await restartedAs([CLOSE, LOAD, STORE]);
    await at.beginStep(lease, 'close');
    expect(await at.handOut(lease, CLOSE, 64)).toEqual({ work: true, partitions: [] });
    const [, load, store] = await facts(lease, [CLOSE, LOAD, STORE]);
    expect(load).toMatchObject({ skip: true });
    expect(store).toMatchObject({ skip: false, planned: true, waiting: false });
  });

  it('has nothing of a removed one left once the instance is deleted', async () => {
    const mine = new TestRepository();
    const [theirs, ours] = [repository, mine];
    repository = mine;
    at = mine.store;
    try {
      const lease = await restartedAs([CLOSE]);
      await at.forceStop(lease, 'ann');
      const { instanceId } = (await at.findExecution(lease.id))!;
      const all = await mine.redis.zrange(mine.key('executions', instanceId), '0', '-1');
      for (const id of all) expect(await at.forget(Number(id) as never, 1_000, true)).toBe('done');
      const left = Object.keys(await ours.snapshot());
      expect(left.toSorted()).toEqual(['events', 'forgotten', 'last-id:execution', 'last-id:instance', 'tally']);
    } finally {
      repository = theirs;
      at = theirs.store;
      await mine.close();
    }
  });
});
