import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_COUNTS } from '#domain';
import { Recovery, type Dispatcher, type ExecutionRef, type Settlement, type Sinks } from '#engine';
import { countsWith, LONG_AGO, NOBODY, partitionRef, stepRef, TestRepository } from '../support/repository.js';

let repository: TestRepository;

beforeAll(() => {
  repository = new TestRepository();
});

afterAll(() => repository.close());

const SETTLED = countsWith({ readCount: 8, writeCount: 8 });

describe('an execution is unsettled', () => {
  it.each(['STOPPED', 'FAILED'] as const)('once it has ended %s, until it is settled', async (status) => {
    const { store } = repository;
    const ref = await repository.inStatus(status);
    expect(await store.unsettledFor(0, 100)).toContainEqual(ref);
    await store.settled(ref, []);
    await store.settled(ref, []);
    expect(await store.unsettledFor(0, 100)).not.toContainEqual(ref);
  });

  it('once it was force-stopped, also for the second time', async () => {
    const { store } = repository;
    const ref = await repository.launch();
    await store.forceStop(ref, 'ann');
    await store.settled(ref, []);
    await store.forceStop(ref, 'ann');
    expect(await store.unsettledFor(0, 100)).toContainEqual(ref);
  });

  it('while a step counts less than its database holds: Redis went back by a second in between', async () => {
    const { store } = repository;
    const lease = await repository.loading(1);
    await repository.claim(partitionRef(lease, 0));
    await store.forceStop(lease, 'ann');
    await store.settled(lease, [{ step: 'load', counts: SETTLED }]);
    expect((await store.unsettledFor(0, 1_000)).map(({ id }) => id)).toContain(lease.id);
    await store.settle(partitionRef(lease, 0), SETTLED);
    await store.settled(lease, [{ step: 'load', counts: SETTLED }]);
    expect((await store.unsettledFor(0, 1_000)).map(({ id }) => id)).not.toContain(lease.id);
  });

  it('never where it has COMPLETED', async () => {
    const ref = await repository.inStatus('COMPLETED');
    expect(await repository.store.unsettledFor(0, 100)).not.toContainEqual(ref);
  });

  it('as its restart sees it, too', async () => {
    const { store } = repository;
    const first = await repository.inStatus('FAILED');
    const second = await repository.restart(first);
    const { instanceId } = (await store.findExecution(second.id))!;
    expect(await store.unsettledBefore(instanceId, second.id)).toEqual([first]);
    expect(await store.unsettledBefore(instanceId, first.id)).toEqual([]);
  });
});

describe('an execution that cannot be settled', () => {
  it('waits behind the others', async () => {
    const { store, redis } = repository;
    const [stuck, other] = [await repository.inStatus('STOPPED'), await repository.inStatus('STOPPED')];
    await redis.zadd(repository.key('unsettled'), LONG_AGO, stuck.id, LONG_AGO + 1, other.id);
    const due = async () => (await store.unsettledFor(60_000, 1_000)).map(({ id }) => id);
    expect(await due()).toEqual([stuck.id, other.id]);
    await store.settleLater(stuck);
    expect(await due()).toEqual([other.id]);
    await store.settleLater({ ...NOBODY, id: other.id });
    expect(await due()).toEqual([other.id]);
    expect(await store.unsettledFor(0, 1_000)).toContainEqual(stuck);
  });

  it('keeps a fresh one waiting for two sweeps at most, however many there are', async () => {
    const { store, redis } = repository;
    const stuck = await Promise.all(Array.from({ length: 200 }, () => repository.inStatus('STOPPED')));
    const fresh = await repository.inStatus('STOPPED');
    const scores = [...stuck, fresh].flatMap(({ id }, index) => [LONG_AGO + index, id]);
    await redis.zadd(repository.key('unsettled'), ...scores);
    const hopeless = new Set(stuck.map(({ id }) => id));
    const settle = async (ref: ExecutionRef): Promise<void> => {
      if (hopeless.has(ref.id)) throw new Error('There is no such job.');
      await store.settled(ref, []);
    };
    const sweeper = new Recovery({
      store,
      settlement: { settle } as Settlement,
      sinks: {} as Sinks,
      dispatcher: { control: async () => {} } as unknown as Dispatcher,
      delayed: { promoteFar: async () => 0 },
      log: { debug() {}, info() {}, warn() {}, error() {} },
      silenceMs: 60_000,
      handBackMs: 60_000,
    });
    await sweeper.sweep();
    await sweeper.sweep();
    const left = (await store.unsettledFor(0, 1_000)).map(({ id }) => id);
    expect(left).not.toContain(fresh.id);
    expect(left).toEqual(expect.arrayContaining([...hopeless]));
  });

  it('is not unsettled again where it was settled meanwhile', async () => {
    const { store } = repository;
    const ref = await repository.inStatus('STOPPED');
    await store.settled(ref, []);
    await store.settleLater(ref);
    expect(await store.unsettledFor(0, 1_000)).not.toContainEqual(ref);
  });
});

describe('settling a partition', () => {
  it('sets its counts, and those above by the difference; a second time changes nothing', async () => {
    const { store } = repository;
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), countsWith({ readCount: 10 }));
    const fence = await repository.claim(partitionRef(lease, 1));
    await store.progress(partitionRef(lease, 1), fence, countsWith({ readCount: 4 }));
    await store.forceStop(lease, 'ann');
    await store.settle(partitionRef(lease, 1), SETTLED);
    const settled = await repository.snapshot();
    await store.settle(partitionRef(lease, 1), SETTLED);
    expect(await repository.snapshot()).toEqual(settled);
    expect(await store.stepCounts(stepRef(lease))).toEqual(countsWith({ readCount: 18, writeCount: 8 }));
    expect(await store.findExecution(lease.id)).toMatchObject({
      counts: { readCount: 18, writeCount: 8 },
      progress: { rowsDone: 18, partitionsDone: 1 },
    });
  });

  it('lists one that Redis has lost, as STOPPED', async () => {
    const { store, reader } = repository;
    const lease = await repository.loading(3, 2);
    await store.forceStop(lease, 'ann');
    const { covers } = await repository.timed(() => store.settle(partitionRef(lease, 2), SETTLED));
    const [lost, ...others] = await reader.listSteps(lease.id, 1, 10);
    const expected = { stepName: 'load:Rows 20 - 29', status: 'STOPPED', exitCode: 'STOPPED', counts: SETTLED };
    expect([lost, ...others]).toMatchObject([expected]);
    expect(covers(lost?.endTime)).toBe(true);
  });

  it('lists the step too, where Redis has lost that as well', async () => {
    const { store, reader } = repository;
    const lease = await repository.lease(await repository.launch());
    await store.beginExecution(lease);
    await store.forceStop(lease, 'ann');
    await store.settle(partitionRef(lease, 0), SETTLED);
    expect(await reader.listSteps(lease.id, 0, 10)).toMatchObject([
      { stepName: 'load', status: 'STOPPED', counts: SETTLED },
      { stepName: 'load:Partition 0', status: 'STOPPED', counts: SETTLED },
    ]);
  });

  it('leaves one alone that is being deleted: its steps are gone, and their counts would be added once more', async () => {
    const { store } = repository;
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), SETTLED);
    await store.forceStop(lease, 'ann');
    expect(await store.forget(lease.id, 1, true)).toBe('more');
    const before = await repository.snapshot();
    await store.settle(partitionRef(lease, 0), SETTLED);
    expect(await repository.snapshot()).toEqual(before);
    expect((await store.unsettledFor(0, 1_000)).map(({ id }) => id)).not.toContain(lease.id);
  });

  it('leaves a running execution alone, and another one under the same number', async () => {
    const { store } = repository;
    const lease = await repository.loading(3, 2);
    await store.settle(partitionRef(lease, 0), SETTLED);
    await store.forceStop(lease, 'ann');
    await store.settle({ ...partitionRef(lease, 0), uuid: '' as never }, SETTLED);
    expect(await store.stepCounts(stepRef(lease))).toEqual(NO_COUNTS);
  });
});
