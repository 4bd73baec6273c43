import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_COUNTS } from '#domain';
import { countsWith, NOW, partitionRef, TestRepository } from '../support/repository.js';

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
    await store.forceStop(ref, NOW, 'ann');
    await store.settled(ref, []);
    await store.forceStop(ref, NOW, 'ann');
    expect(await store.unsettledFor(0, 100)).toContainEqual(ref);
  });

  it('while a step counts less than its database holds: Redis went back by a second in between', async () => {
    const { store } = repository;
    const lease = await repository.loading(1);
    await repository.claim(partitionRef(lease, 0));
    await store.forceStop(lease, NOW, 'ann');
    await store.settled(lease, [{ step: 0, counts: SETTLED }]);
    expect((await store.unsettledFor(0, 1_000)).map(({ id }) => id)).toContain(lease.id);
    await store.settle(partitionRef(lease, 0), 'load', SETTLED, NOW);
    await store.settled(lease, [{ step: 0, counts: SETTLED }]);
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

describe('settling a partition', () => {
  it('sets its counts, and those above by the difference; a second time changes nothing', async () => {
    const { store } = repository;
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), countsWith({ readCount: 10 }));
    const fence = await repository.claim(partitionRef(lease, 1));
    await store.progress(partitionRef(lease, 1), fence, countsWith({ readCount: 4 }), NOW);
    await store.forceStop(lease, NOW, 'ann');
    await store.settle(partitionRef(lease, 1), 'load', SETTLED, NOW);
    const settled = await repository.snapshot();
    await store.settle(partitionRef(lease, 1), 'load', SETTLED, NOW);
    expect(await repository.snapshot()).toEqual(settled);
    expect(await store.stepCounts(lease, 0)).toEqual(countsWith({ readCount: 18, writeCount: 8 }));
    expect(await store.findExecution(lease.id)).toMatchObject({
      counts: { readCount: 18, writeCount: 8 },
      progress: { rowsDone: 18, partitionsDone: 1 },
    });
  });

  it('lists one that Redis has lost, as STOPPED', async () => {
    const { store, reader } = repository;
    const lease = await repository.loading(3, 2);
    await store.forceStop(lease, NOW, 'ann');
    await store.settle(partitionRef(lease, 2), 'load', SETTLED, NOW + 1);
    expect(await reader.listSteps(lease.id, 1, 10)).toMatchObject([
      { stepName: 'load:Rows 20 - 29', status: 'STOPPED', exitCode: 'STOPPED', counts: SETTLED, endTime: NOW + 1 },
    ]);
  });

  it('lists the step too, where Redis has lost that as well', async () => {
    const { store, reader } = repository;
    const lease = await repository.lease(await repository.launch());
    await store.beginExecution(lease, NOW);
    await store.forceStop(lease, NOW, 'ann');
    await store.settle(partitionRef(lease, 0), 'load', SETTLED, NOW + 1);
    expect(await reader.listSteps(lease.id, 0, 10)).toMatchObject([
      { stepName: 'load', status: 'STOPPED', counts: SETTLED },
      { stepName: 'load:Partition 0', status: 'STOPPED', counts: SETTLED },
    ]);
  });

  it('leaves one alone that is being deleted: its steps are gone, and their counts would be added once more', async () => {
    const { store } = repository;
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), SETTLED);
    await store.forceStop(lease, NOW, 'ann');
    expect(await store.forget(lease.id, 1, true)).toBe('more');
    const before = await repository.snapshot();
    await store.settle(partitionRef(lease, 0), 'load', SETTLED, NOW);
    expect(await repository.snapshot()).toEqual(before);
    expect((await store.unsettledFor(0, 1_000)).map(({ id }) => id)).not.toContain(lease.id);
  });

  it('leaves a running execution alone, and another one under the same number', async () => {
    const { store } = repository;
    const lease = await repository.loading(3, 2);
    await store.settle(partitionRef(lease, 0), 'load', SETTLED, NOW);
    await store.forceStop(lease, NOW, 'ann');
    await store.settle({ ...partitionRef(lease, 0), uuid: '' as never }, 'load', SETTLED, NOW);
    expect(await store.stepCounts(lease, 0)).toEqual(NO_COUNTS);
  });
});
