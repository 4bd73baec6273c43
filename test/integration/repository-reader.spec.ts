import { BATCH_STATUSES, executionUuid, type BatchStatus, type ExecutionId } from '#domain';
import { LISTED_EXECUTIONS, LISTED_STEPS, LISTING_STEPS, type InstanceQuery } from '#engine';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countsWith, LOAD, NOBODY, partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

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

/** What a listing shows of the stopped executions of a job's first instance, from one on. */
async function cutPage(jobName: string, before?: ExecutionId) {
  const query = { start: 0, count: 1, statuses: ['STOPPED' as const], before };
  const [{ executions, isCut } = { executions: [], isCut: false }] = await repository.reader.listInstances(
    jobName,
    query,
  );
  return { ids: executions.map(({ id }) => id), isCut };
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
      isCut: false,
      executions: records.map((record) => ({ ...record, readAt: expect.any(Number), steps: [] })),
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
    await repository.store.stop(lease.id);
    expect(await where()).toEqual(['STOPPING']);
    await repository.end(lease, 'STOPPED');
    expect(await where()).toEqual(['STOPPED']);
    await repository.store.abandon(lease.id);
    expect(await where()).toEqual(['ABANDONED']);
    await repository.store.forceStop(lease, 'ann');
    expect(await where()).toEqual(['STOPPED']);
  });

  it('shows of an instance only the executions that match, and keeps it while one does', async () => {
    const job = 'mixedJob';
    const first = await repository.inStatus('FAILED', { jobName: job });
    const second = await repository.restart(first);
    await repository.store.forceStop(second, 'ann');
    const third = await repository.restart(second);
    expect(await page(job)).toEqual([[third.id, second.id, first.id]]);
    expect(await page(job, { statuses: ['FAILED'] })).toEqual([[first.id]]);
    expect(await page(job, { statuses: ['STARTING', 'FAILED'] })).toEqual([[third.id, first.id]]);
    await repository.store.forceStop(third, 'ann');
    expect(await page(job, { statuses: ['STOPPED'] })).toEqual([[third.id, second.id]]);
    expect(await page(job, { statuses: ['STARTING'] })).toEqual([]);
  });
});

describe('a deep page', () => {
  const jobName = 'deepJob';
  const wanted: BatchStatus[] = ['STOPPED', 'COMPLETED', 'STARTING'];

  /** Some of every mix of statuses that one or two executions make, and the instances in the order of their numbers. */
  beforeAll(async () => {
    const ends = ['FAILED', 'STOPPED', 'COMPLETED'] as const;
    for (let i = 0; i < 60; i++) {
      const ref = await repository.inStatus(ends[i % 3]!, { jobName });
      if (i % 3 < 2 && i % 4 === 0) await repository.restart(ref);
    }
  });

  it.each([[wanted], [wanted.slice(0, 2)], [wanted.slice(0, 1)]])(
    'of several statuses is what is left of the whole: %s',
    async (statuses) => {
      const whole = await page(jobName, { statuses, count: 1_000 });
      expect(whole.length).toBeGreaterThan(10);
      for (const start of [0, 1, 7, whole.length - 1, whole.length, whole.length + 9]) {
        expect(await page(jobName, { statuses, start, count: 5 })).toEqual(whole.slice(start, start + 5));
      }
    },
  );

  it('lists each instance once, newest first, that has a wanted execution', async () => {
    const all = await repository.reader.listInstances(jobName, { start: 0, count: 1_000, statuses: [] });
    const expected = all.filter(({ executions }) => executions.some(({ status }) => wanted.includes(status)));
    const found = await repository.reader.listInstances(jobName, { start: 0, count: 1_000, statuses: wanted });
    expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    expect(expected.length).toBeLessThan(all.length);
  });
});

describe('a large answer', () => {
  it('of an instance that was restarted very often is cut, says so, and goes on where it was cut', async () => {
    const jobName = 'patientJob';
    const first = await repository.inStatus('STOPPED', { jobName });
    const ids = [first.id];
    const { instanceId } = (await repository.reader.findExecution(first.id))!;
    for (let i = 0; i < 1_100; i++) {
      const executionId = ids.at(-1)!;
      const next = await repository.launch({ jobName, restarts: { instanceId, executionId, status: 'STOPPED' } });
      await repository.store.forceStop(next, 'ann');
      ids.push(next.id);
    }
    await repository.launch({ jobName });
    const newest = ids.toReversed();
    const found = await page(jobName);
    expect(found[1]).toEqual(newest.slice(0, LISTED_EXECUTIONS));
    expect(found).toHaveLength(2);
    expect(await page(jobName, { statuses: ['STOPPED'] })).toEqual([newest.slice(0, LISTED_EXECUTIONS)]);
    const pages = [await cutPage(jobName)];
    while (pages.at(-1)!.isCut) pages.push(await cutPage(jobName, pages.at(-1)!.ids.at(-1)));
    expect(pages.flatMap((one) => one.ids)).toEqual(newest);
    expect(pages).toHaveLength(Math.ceil(newest.length / LISTED_EXECUTIONS));
    expect(await page(jobName, { statuses: ['FAILED'] })).toEqual([]);
    expect(await repository.store.unsettledBefore(instanceId, ids.at(-1)!)).toHaveLength(1_100);
  }, 60_000);

  it('of executions with more steps than one call reads has the steps of each', async () => {
    for (let i = 0; i < 3; i++) {
      const lease = await repository.loading(400);
      await Promise.all(Array.from({ length: 400 }, (_, p) => repository.claim(partitionRef(lease, p))));
    }
    const instances = await repository.reader.listInstances('anyJob', { start: 0, count: 3, statuses: [] });
    const names = instances.map(({ executions }) => executions[0]!.steps.map(({ stepName }) => stepName));
    expect(names.map((steps) => [steps.length, steps[0], new Set(steps).size])).toEqual(
      Array.from({ length: 3 }, () => [401, 'load', 401]),
    );
    const [first] = await Promise.all(
      instances.slice(0, 1).map(({ executions }) => repository.reader.listSteps(executions[0]!.id, 0, 5_000)),
    );
    expect(first!.map(({ stepName }) => stepName)).toEqual(names[0]);
  });
});

/** Adds partitions to an execution, as many as no test could run one by one. ARGV: execution, step, how many. */
const MANY_PARTITIONS = `
  local root, id, step = KEYS[1], ARGV[1], ARGV[2]
  for partition = 0, ARGV[3] - 1 do
    redis.call('RPUSH', root .. 'execution:' .. id .. ':partitions:' .. step, partition)
    redis.call('HSET', root .. 'execution:' .. id .. ':step:' .. step .. ':' .. partition, 'label', 'Rows ' .. partition, 'status', 'COMPLETED')
  end
  redis.call('HINCRBY', root .. 'execution:' .. id, 'stepCount', ARGV[3])`;

describe('twenty listings at once of a hundred executions of a thousand partitions each', () => {
  const EXECUTIONS = 100;
  const PARTITIONS = 1_000;
  /** Longest that one script may hold Redis up, in ms: every other client waits as long. */
  const MOST_MS = 200;

  it('each show as many steps as fit, tell where some are left out, and never hold Redis up for long', async () => {
    const mine = new TestRepository();
    try {
      for (let i = 0; i < EXECUTIONS; i++) {
        const lease = await mine.loading(1);
        await mine.redis.eval(MANY_PARTITIONS, 1, mine.root, lease.id, LOAD.name, PARTITIONS);
      }
      await mine.redis.config('SET', 'slowlog-log-slower-than', MOST_MS * 1_000);
      const query = { start: 0, count: EXECUTIONS, statuses: [] };
      const answers = await Promise.all(Array.from({ length: 20 }, () => mine.reader.listInstances('anyJob', query)));
      const log = (await mine.redis.slowlog('GET', 128)) as [id: number, at: number, us: number, ...unknown[]][];
      const slow = log.filter(([, , us]) => us >= MOST_MS * 1_000);
      expect(slow.filter((entry) => JSON.stringify(entry).includes(mine.root))).toEqual([]);
      for (const instances of answers) {
        const executions = instances.flatMap((instance) => instance.executions);
        expect(executions).toHaveLength(EXECUTIONS);
        const shown = executions.map(({ steps }) => steps.length);
        expect(shown.reduce((sum, steps) => sum + steps)).toBe(LISTING_STEPS);
        expect(shown.slice(0, LISTING_STEPS / LISTED_STEPS).every((steps) => steps === LISTED_STEPS)).toBe(true);
        expect(executions.every(({ stepCount }) => stepCount === PARTITIONS + 1)).toBe(true);
      }
    } finally {
      await mine.redis.config('SET', 'slowlog-log-slower-than', 10_000);
      await mine.close();
    }
  }, 60_000);
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

  it('stand before their partitions, whichever began first, and are paged over both', async () => {
    const lease = await repository.loading(3);
    await repository.begin(lease, { name: 'store', kind: 'chunk' }, partitionsOf(3));
    await repository.store.beginStep(lease, 'close');
    for (const [step, partition] of [
      ['store', 2],
      ['load', 1],
      ['store', 0],
      ['load', 0],
    ] as const) {
      await repository.claim(partitionRef(lease, partition, step));
    }
    const inOrder = [
      'load',
      'load:Rows 10 - 19',
      'load:Rows 0 - 9',
      'store',
      'store:Rows 20 - 29',
      'store:Rows 0 - 9',
      'close',
    ];
    const names = async (start: number, count: number) =>
      (await repository.reader.listSteps(lease.id, start, count)).map(({ stepName }) => stepName);
    for (let start = 0; start <= 8; start++) {
      for (let count = 0; count <= 8; count++) {
        expect(await names(start, count)).toEqual(inOrder.slice(start, start + count));
      }
    }
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
