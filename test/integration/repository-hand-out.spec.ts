import type { Lease } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOSE, LOAD, LONG_AGO, partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

type Step = typeof LOAD | typeof CLOSE;

const factsOf = async (lease: Lease, step: Step = LOAD) =>
  (await at.facts(lease, [{ ...step, rerun: false }])).steps[0]!;

/** Runs a call twice and expects the second to change nothing and to answer the same. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  const answer = await call();
  const once = await repository.snapshot();
  expect(await call()).toEqual(answer);
  expect(await repository.snapshot()).toEqual(once);
  return answer;
}

describe('handOut', () => {
  it('fills the window, no further, and tells all that is in flight', async () => {
    const lease = await repository.loading(6, 0);
    const partitions = async (window: number) => (await at.handOut(lease, LOAD, window)).partitions;
    expect(await twice(() => at.handOut(lease, LOAD, 2))).toEqual({ work: false, partitions: [0, 1] });
    expect(await partitions(4)).toEqual([0, 1, 2, 3]);
    expect(await partitions(1)).toEqual([0, 1, 2, 3]);
    expect(await partitions(100)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await factsOf(lease)).toMatchObject({ inFlight: 6, waiting: false, working: false });
  });

  it('takes a window of any size', async () => {
    const lease = await repository.loading(9_000, 0);
    expect((await at.handOut(lease, LOAD, 10_000)).partitions).toHaveLength(9_000);
  });

  it.each([LOAD, CLOSE])("hands out a step's own work: $name", async (step) => {
    const lease = await repository.started();
    await at.beginStep(lease, step.name);
    expect(await factsOf(lease, step)).toMatchObject({ working: false });
    expect(await twice(() => at.handOut(lease, step, 64))).toEqual({ work: true, partitions: [] });
    expect(await factsOf(lease, step)).toMatchObject({ working: true });
  });

  it('hands out nothing of a step that has not begun', async () => {
    const lease = await repository.started();
    const before = await repository.snapshot();
    expect(await at.handOut(lease, CLOSE, 64)).toEqual({ work: false, partitions: [] });
    expect(await repository.snapshot()).toEqual(before);
  });

  it('hands out nothing while an execution is stopping, and tells what is still in flight', async () => {
    const lease = await repository.loading(6, 2);
    await repository.claim(partitionRef(lease, 1));
    await at.stop(lease.id);
    expect(await at.handOut(lease, LOAD, 100)).toEqual({ work: false, partitions: [1] });
  });

  it('counts as progress', async () => {
    const lease = await repository.loading(1, 0);
    await repository.redis.zadd(repository.key('running'), LONG_AGO, lease.id);
    await at.handOut(lease, LOAD, 1);
    expect((await at.silentFor(500_000, 1_000)).map(({ id }) => id)).not.toContain(lease.id);
  });

  it('keeps the steps that run side by side apart', async () => {
    const lease = await repository.loading(3, 2);
    const store = { name: 'store', kind: 'chunk' } as const;
    await repository.begin(lease, store, partitionsOf(4), 3);
    expect(await at.handOut(lease, LOAD, 2)).toEqual({ work: false, partitions: [0, 1] });
    expect(await at.handOut(lease, store, 3)).toEqual({ work: false, partitions: [0, 1, 2] });
    expect(await repository.run(partitionRef(lease, 0))).toEqual({ successor: 2, stepDone: false });
    await repository.run(partitionRef(lease, 1));
    expect(await repository.run(partitionRef(lease, 2))).toEqual({ successor: undefined, stepDone: true });
    const { steps } = await at.facts(lease, [
      { ...LOAD, rerun: false },
      { ...store, rerun: false },
    ]);
    expect(steps.map(({ inFlight, waiting }) => [inFlight, waiting])).toEqual([
      [0, false],
      [3, true],
    ]);
  });
});
