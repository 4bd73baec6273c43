import { BATCH_STATUSES, executionUuid, type BatchStatus } from '#domain';
import { LISTED_STEPS, type InstanceQuery } from '#engine';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countsWith, NOBODY, NOW, partitionRef, TestRepository } from '../support/repository.js';

let repository: TestRepository;

beforeAll(() => {
  repository = new TestRepository();
});

afterAll(() => repository.close());

/** Numbers of the executions on a page, by instance. */
async function page(jobName: string, query: Partial<InstanceQuery> = {}): Promise<number[][]> {
  const instances = await repository.reader.listInstances(jobName, { start: 0, count: 20, statuses: [], ...query });
  return instances.map(({ executions }) => executions.map(({ id }) => id));
}

describe('a listing', () => {
  it('is paged, newest instance first', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 25; i++) ids.push((await repository.launch({ jobName: 'pagedJob' })).id);
    const newestFirst = ids.toReversed().map((id) => [id]);
    expect(await page('pagedJob')).toEqual(newestFirst.slice(0, 20));
    expect(await page('pagedJob', { start: 20 })).toEqual(newestFirst.slice(20));
    expect(await page('pagedJob', { start: 3, count: 1 })).toEqual(newestFirst.slice(3, 4));
    expect(await page('pagedJob', { start: 25 })).toEqual([]);
    expect(await page('pagedJob', { count: 1_000 })).toEqual(newestFirst);
    expect(await page('noSuchJob')).toEqual([]);
  });

  it('goes by number where numbers grow by a digit', async () => {
    const mine = new TestRepository();
    try {
      for (let i = 0; i < 12; i++) await mine.inStatus(i % 2 ? 'FAILED' : 'STARTING');
      const query = { start: 0, count: 20, statuses: ['FAILED', 'STARTING'] as BatchStatus[] };
      const instances = await mine.reader.listInstances('anyJob', query);
      expect(instances.map(({ id }) => id)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    } finally {
      await mine.close();
    }
  });

  it('shows the executions of an instance, newest first, each whole', async () => {
    const first = await repository.inStatus('FAILED', { jobName: 'restartedJob' });
    const second = await repository.restart(first);
    const [instance] = await repository.reader.listInstances('restartedJob', { start: 0, count: 1, statuses: [] });
    const records = await Promise.all([second.id, first.id].map((id) => repository.reader.findExecution(id)));
    expect(instance).toEqual({
      id: records[0]?.instanceId,
      jobName: 'restartedJob',
      executions: records.map((record) => ({ ...record, steps: [] })),
    });
  });
});

describe('a filter by status', () => {
  const jobName = 'filteredJob';
  const ids = {} as Record<BatchStatus, number>;

  beforeAll(async () => {
    for (const status of BATCH_STATUSES) ids[status] = (await repository.inStatus(status, { jobName })).id;
  });

  it.each(BATCH_STATUSES)('finds those that are %s', async (status) => {
    expect(await page(jobName, { statuses: [status] })).toEqual([[ids[status]]]);
  });

  it('takes several statuses, whose instances it merges newest first and pages', async () => {
    const statuses: BatchStatus[] = ['STOPPED', 'STARTING', 'COMPLETED'];
    const expected = [[ids.COMPLETED], [ids.STOPPED], [ids.STARTING]];
    expect(await page(jobName, { statuses })).toEqual(expected);
    expect(await page(jobName, { statuses, start: 1, count: 1 })).toEqual(expected.slice(1, 2));
    expect(await page(jobName, { statuses: ['STOPPED', 'STOPPED'] })).toEqual([[ids.STOPPED]]);
  });

  it('moves with an execution', async () => {
    const job = 'movingJob';
    const lease = await repository.started({ jobName: job });
    const where = async () => {
      const pages = await Promise.all(BATCH_STATUSES.map((status) => page(job, { statuses: [status] })));
      return BATCH_STATUSES.filter((_, i) => pages[i]!.length > 0);
    };
    expect(await where()).toEqual(['STARTED']);
    await repository.store.stop(lease.id, NOW);
    expect(await where()).toEqual(['STOPPING']);
    await repository.end(lease, 'STOPPED');
    expect(await where()).toEqual(['STOPPED']);
    await repository.store.abandon(lease.id, NOW);
    expect(await where()).toEqual(['ABANDONED']);
    await repository.store.forceStop(lease, NOW, 'ann');
    expect(await where()).toEqual(['STOPPED']);
  });

  it('shows of an instance only the executions that match, and keeps it while one does', async () => {
    const job = 'mixedJob';
    const first = await repository.inStatus('FAILED', { jobName: job });
    const second = await repository.restart(first);
    await repository.store.forceStop(second, NOW, 'ann');
    const third = await repository.restart(second);
    expect(await page(job)).toEqual([[third.id, second.id, first.id]]);
    expect(await page(job, { statuses: ['FAILED'] })).toEqual([[first.id]]);
    expect(await page(job, { statuses: ['STARTING', 'FAILED'] })).toEqual([[third.id, first.id]]);
    await repository.store.forceStop(third, NOW, 'ann');
    expect(await page(job, { statuses: ['STOPPED'] })).toEqual([[third.id, second.id]]);
    expect(await page(job, { statuses: ['STARTING'] })).toEqual([]);
  });
});

describe('findByUuid', () => {
  it('shows the instance with that execution alone', async () => {
    const first = await repository.inStatus('FAILED');
    await repository.restart(first);
    const instance = await repository.reader.findByUuid('anyJob', first.uuid);
    expect(instance?.executions.map(({ id }) => id)).toEqual([first.id]);
    expect(await repository.reader.findByUuid('otherJob', first.uuid)).toBeUndefined();
    expect(await repository.reader.findByUuid('anyJob', executionUuid(randomUUID()))).toBeUndefined();
  });
});

describe('findExecution', () => {
  it('knows nothing of what is not there', async () => {
    expect(await repository.reader.findExecution(NOBODY.id)).toBeUndefined();
  });
});

describe('steps', () => {
  it('are listed in the order of their start, paged', async () => {
    const lease = await repository.loading(4, 4);
    for (const partition of [2, 0, 3]) await repository.run(partitionRef(lease, partition));
    await repository.run(partitionRef(lease, 1), countsWith({ readCount: 3 }), 'FAILED');
    const { reader } = repository;
    const names = (await reader.listSteps(lease.id, 0, 100)).map(({ stepName }) => stepName);
    const inOrder = ['load', ...['20 - 29', '0 - 9', '30 - 39', '10 - 19'].map((rows) => `load:Rows ${rows}`)];
    expect(names).toEqual(inOrder);
    expect((await reader.listSteps(lease.id, 1, 2)).map(({ stepName }) => stepName)).toEqual(inOrder.slice(1, 3));
    expect(await reader.listSteps(lease.id, 5, 10)).toEqual([]);
    expect(await reader.listSteps(lease.id, 0, 0)).toEqual([]);
    expect(await reader.listSteps(NOBODY.id, 0, 10)).toEqual([]);
    const byUuid = await reader.findByUuid('anyJob', lease.uuid);
    expect(byUuid?.executions[0]?.steps.map(({ stepName, exitCode }) => [stepName, exitCode])).toEqual(
      inOrder.map((name, i) => [name, ['EXECUTING', 'COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED'][i]]),
    );
    expect((await reader.findExecution(lease.id))?.stepCount).toBe(5);
  });

  it('of a huge execution are listed up to a limit', async () => {
    const lease = await repository.loading(LISTED_STEPS + 10);
    await Promise.all(
      Array.from({ length: LISTED_STEPS + 10 }, (_, partition) => repository.claim(partitionRef(lease, partition))),
    );
    const instance = await repository.reader.findByUuid('anyJob', lease.uuid);
    expect(instance?.executions[0]?.steps).toHaveLength(LISTED_STEPS);
    expect(instance?.executions[0]?.stepCount).toBe(LISTED_STEPS + 11);
  });
});
