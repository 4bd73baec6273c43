import type { Lease } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countsWith, LOAD, partitionRef, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const COMPLETED = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
const TEN_ROWS = countsWith({ readCount: 10, writeCount: 10, commitCount: 1 });

const found = async ({ id }: Lease) => (await at.findExecution(id))!;
const factsOf = async (lease: Lease) => (await at.facts(lease, [{ ...LOAD, rerun: false }])).steps[0]!;

/** An execution all of whose partitions have COMPLETED, its step too. */
async function loaded(partitions: number): Promise<Lease> {
  const lease = await repository.loading(partitions);
  for (let p = 0; p < partitions; p++) await repository.run(partitionRef(lease, p), TEN_ROWS);
  expect(await at.endStep(lease, 'load', COMPLETED)).toBe('changed');
  return lease;
}

/** Its restart, which has begun. */
async function restarted(ended: Lease): Promise<Lease> {
  await repository.end(ended, 'FAILED');
  const lease = await repository.lease(await repository.restart(ended));
  await at.beginExecution(lease);
  return lease;
}

describe('reopening partitions', () => {
  it('of an earlier execution has them, and their step, run again; the others are not', async () => {
    const lease = await restarted(await loaded(20));
    expect(await factsOf(lease)).toMatchObject({ skip: true });
    expect(
      await at.reopen(lease, 'load', [
        [2, 3],
        [15, 15],
      ]),
    ).toEqual({ partitions: 3, times: 0 });
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 17, rowsDone: 170 });
    expect(await factsOf(lease)).toMatchObject({ skip: false, status: undefined, planned: true });
    await at.beginStep(lease, 'load');
    expect(await at.handOut(lease, LOAD, 64)).toEqual({ work: false, partitions: [2, 3, 15] });
    for (const p of [2, 3, 15]) await repository.run(partitionRef(lease, p), TEN_ROWS);
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 20, rowsDone: 200, rowsTotal: 200 });
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('changed');
  });

  it('counts its rows again once it has COMPLETED, even if an earlier execution has read them', async () => {
    const lease = await restarted(await loaded(3));
    await at.reopen(lease, 'load', [[1, 1]]);
    await at.beginStep(lease, 'load');
    await at.handOut(lease, LOAD, 64);
    // Its checkpoint is at its end: nothing is left to read.
    await repository.run(partitionRef(lease, 1));
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 3, rowsDone: 30, rowsTotal: 30 });
  });

  it('twice finds nothing the second time, and changes nothing', async () => {
    const lease = await loaded(9);
    expect(await at.reopen(lease, 'load', [[0, 100]])).toMatchObject({ partitions: 9 });
    const once = await repository.snapshot();
    expect(await at.reopen(lease, 'load', [[0, 100]])).toMatchObject({ partitions: 0 });
    expect(await repository.snapshot()).toEqual(once);
    expect(await at.reopen(lease, 'load', [])).toMatchObject({ partitions: 0 });
  });

  it('of this execution has its COMPLETED step STARTED again, with counts that follow as the partitions are run', async () => {
    const lease = await loaded(10);
    expect(await at.reopen(lease, 'load', [[4, 5]])).toEqual({ partitions: 2, times: 1 });
    expect(await factsOf(lease)).toMatchObject({ status: 'STARTED', waiting: true, inFlight: 0 });
    const [step] = await repository.reader.listSteps(lease.id, 0, 1);
    expect(step).toMatchObject({ status: 'STARTED', endTime: undefined });
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 8, rowsDone: 100 });
    expect(await at.handOut(lease, LOAD, 64)).toEqual({ work: false, partitions: [4, 5] });
    const ref = partitionRef(lease, 4);
    const fence = await repository.claim(ref, 2);
    await at.progress(ref, fence, countsWith({ readCount: 4, writeCount: 4, commitCount: 1 }));
    expect(await found(lease)).toMatchObject({ counts: { readCount: 94 }, progress: { rowsDone: 94 } });
    await at.finish(ref, fence, { status: 'COMPLETED', counts: TEN_ROWS });
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('unchanged');
    await repository.run(partitionRef(lease, 5), TEN_ROWS);
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('changed');
    expect(await found(lease)).toMatchObject({
      counts: { readCount: 100 },
      stepCount: 11,
      progress: { partitionsDone: 10, rowsDone: 100 },
    });
    const partitions = (await repository.reader.listSteps(lease.id, 1, 100)).map(({ status, endTime }) => [
      status,
      endTime === undefined,
    ]);
    expect(new Set(partitions.map(String))).toEqual(new Set(['COMPLETED,false']));
  });

  it('finds them however far apart they are, in calls of a bounded size', async () => {
    const partitions = 2_500;
    const lease = await repository.loading(partitions, 1);
    const { instanceId } = await found(lease);
    const bits = Buffer.alloc(Math.ceil(partitions / 8), 0xff);
    await repository.redis.set(repository.key('completed', instanceId, 'load'), bits);
    const { redis } = repository;
    await redis.hset(repository.key('instance', instanceId), 'partitionsDone', partitions, 'rowsDone', 25_000);
    await redis.hset(repository.key('instance', instanceId), 'rowsDone:load', 25_000);
    expect(await at.reopen(lease, 'load', [[7, 2_499]])).toMatchObject({ partitions: 2_493 });
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 7, rowsDone: 70 });
    await redis.setbit(repository.key('completed', instanceId, 'load'), 2_498, 1);
    expect(
      await at.reopen(lease, 'load', [
        [0, 6],
        [8, 2_499],
      ]),
    ).toEqual({ partitions: 8, times: 2 });
  });

  it('never has less than nothing done, though more rows were planned than were read', async () => {
    const ended = await repository.loading(2);
    for (const p of [0, 1]) await repository.run(partitionRef(ended, p), countsWith({ readCount: 3 }));
    await at.endStep(ended, 'load', COMPLETED);
    const lease = await restarted(ended);
    expect(await at.reopen(lease, 'load', [[0, 1]])).toMatchObject({ partitions: 2 });
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 0, rowsDone: 0 });
  });

  it('leaves the other steps alone', async () => {
    const lease = await loaded(3);
    const store = { name: 'store', kind: 'chunk' } as const;
    await repository.begin(lease, store, [{ label: 'all', rows: 10, data: null }]);
    await repository.run(partitionRef(lease, 0, 'store'), TEN_ROWS);
    await at.endStep(lease, 'store', COMPLETED);
    expect(await at.reopen(lease, 'load', [[0, 2]])).toMatchObject({ partitions: 3 });
    const { steps } = await at.facts(lease, [
      { ...LOAD, rerun: false },
      { ...store, rerun: false },
    ]);
    expect(steps.map(({ status }) => status)).toEqual(['STARTED', 'COMPLETED']);
    expect((await found(lease)).progress).toMatchObject({ partitionsDone: 1 });
  });
});
