import { BATCH_STATUSES, isRunning } from '#domain';
import { LIMITS, type ExecutionRef } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOSE, LEASE_MS, LONG_AGO, NOBODY, partitionRef, stepRef, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const found = async ({ id }: ExecutionRef) => (await at.findExecution(id))!;
const silent = async ({ id }: ExecutionRef, ms = 0) =>
  (await at.silentFor(ms, 10_000)).find((execution) => execution.id === id);

describe('work that is handed back', () => {
  it('is told of with its execution, since the first time and with the last reason', async () => {
    const ref = await repository.started();
    const { covers } = await repository.timed(() => at.noteHandedBack(ref, 'no such job'));
    const first = (await found(ref)).handedBack;
    expect(first?.reason).toBe('no such job');
    expect(covers(first?.since)).toBe(true);
    await at.noteHandedBack(ref, 'another version');
    expect((await found(ref)).handedBack).toEqual({ since: first?.since, reason: 'another version' });
    const told = await silent(ref);
    expect(told?.handedBack).toEqual({ forMs: expect.any(Number), reason: 'another version' });
    expect(told!.handedBack!.forMs).toBeGreaterThanOrEqual(0);
    expect(told!.handedBack!.forMs).toBeLessThan(60_000);
  });

  it('is no sign of progress', async () => {
    const ref = await repository.started();
    await repository.redis.zadd(repository.key('running'), LONG_AGO, ref.id);
    await at.noteHandedBack(ref, 'no such job');
    expect(await silent(ref, 500_000)).toBeDefined();
  });

  it('is not forgotten where a controller has a look: that one may lack the job, too', async () => {
    const ref = await repository.launch();
    await at.noteHandedBack(ref, 'no such job');
    await repository.lease(ref);
    expect((await found(ref)).handedBack).toBeDefined();
  });

  it("is forgotten once a worker takes up a partition, or a step's own work", async () => {
    const loading = await repository.loading(1);
    await at.noteHandedBack(loading, 'no such job');
    await repository.claim(partitionRef(loading, 0));
    expect((await found(loading)).handedBack).toBeUndefined();
    const closing = await repository.started();
    await at.beginStep(closing, 'close');
    await at.handOut(closing, CLOSE, 0);
    await at.noteHandedBack(closing, 'no such job');
    await at.claimStep(stepRef(closing, 'close'));
    expect((await found(closing)).handedBack).toBeUndefined();
  });

  it.each(BATCH_STATUSES)('is noted only with one that runs: %s', async (status) => {
    const ref = await repository.inStatus(status);
    await at.noteHandedBack(ref, 'no such job');
    expect((await found(ref)).handedBack !== undefined).toBe(isRunning(status));
    await at.noteHandedBack({ ...NOBODY, id: ref.id }, 'another execution');
    expect((await found(ref)).handedBack?.reason).not.toBe('another execution');
  });

  it('is told of no more once the execution has ended', async () => {
    const ref = await repository.started();
    await at.noteHandedBack(ref, 'no such job');
    await at.forceStop(ref, 'ann');
    expect((await found(ref)).handedBack).toBeUndefined();
  });
});

describe('fail', () => {
  const failure = { stepName: 'anyJob', message: 'no worker has this job' };

  it.each(BATCH_STATUSES)('of an execution that is %s', async (status) => {
    const ref = await repository.inStatus(status);
    expect(await at.fail(ref, failure)).toBe(isRunning(status) ? 'changed' : 'unchanged');
    const once = await repository.snapshot();
    expect(await at.fail(ref, failure)).toBe('unchanged');
    expect(await repository.snapshot()).toEqual(once);
    expect((await found(ref)).status).toBe(isRunning(status) ? 'FAILED' : status);
    expect((await at.unsettledFor(0, 10_000)).some(({ id }) => id === ref.id)).toBe(
      isRunning(status) || status === 'STOPPED' || status === 'FAILED' || status === 'ABANDONED',
    );
  });

  it('tells why, ends what stands open and takes the lease', async () => {
    const lease = await repository.loading(3, 2);
    await repository.claim(partitionRef(lease, 0));
    const { covers } = await repository.timed(() => at.fail(lease, failure));
    const record = await found(lease);
    expect(record).toMatchObject({
      status: 'FAILED',
      exitCode: 'FAILED',
      exitDescription: 'anyJob: no worker has this job',
      failures: [failure],
    });
    expect(covers(record.endTime)).toBe(true);
    const steps = await repository.reader.listSteps(lease.id, 0, 10);
    expect(steps.map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
    expect(await at.claim(partitionRef(lease, 0), undefined)).toEqual({ kind: 'gone' });
    expect((await at.acquire(lease, 'start#2', LEASE_MS)).kind).toBe('gone');
  });

  it('is described by the first failure, where partitions had failed before', async () => {
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), undefined, 'FAILED');
    await at.fail(lease, failure);
    expect((await found(lease)).exitDescription).toBe('load:Rows 0 - 9: broken');
  });

  it('of nothing, or of another execution under the same number, changes nothing', async () => {
    const { id } = await repository.started();
    expect(await at.fail(NOBODY, failure)).toBe('unchanged');
    expect(await at.fail({ ...NOBODY, id }, failure)).toBe('unchanged');
    expect(await found({ ...NOBODY, id })).toMatchObject({ status: 'STARTED', failures: [] });
  });
});

describe('what cannot be read', () => {
  it('breaks neither a view, nor a listing, nor an end, nor a deletion', async () => {
    const lease = await repository.started({ jobName: 'strangeJob' });
    const stored = { failures: '[{', 'result:a': '', 'result:b': 'undefined', definition: '{}', parameters: 'x' };
    await repository.redis.hset(repository.key('execution', lease.id), stored);
    const shown = {
      failures: [],
      results: { a: null, b: null },
      definition: { version: '', steps: [] },
      parameters: {},
    };
    expect(await found(lease)).toMatchObject(shown);
    const [instance] = await repository.reader.listInstances('strangeJob', { start: 0, count: 1, statuses: [] });
    expect(instance?.executions[0]).toMatchObject(shown);
    expect(await at.load(lease)).toMatchObject({ parameters: {} });
    const failure = { stepName: 'load', message: 'broken' };
    await at.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure });
    expect(await found(lease)).toMatchObject({
      status: 'FAILED',
      failures: [failure],
      exitDescription: 'load: broken',
    });
    for (const failures of ['7', '"x"', '[7]', '{"a":1}', 'null', '[null]', '[{"stepName":7}]']) {
      await repository.redis.hset(repository.key('execution', lease.id), 'failures', failures);
      expect(await found(lease)).toBeDefined();
      await at.forceStop(lease, 'ann');
    }
    expect(await at.forget(lease.id, 100, true)).toBe('done');
  });

  it.each(['[{', '7', 'null', '[7]', '{"a":1}'])(
    'of the failures (%s) does not keep others from being added',
    async (failures) => {
      const lease = await repository.started();
      await repository.redis.hset(repository.key('execution', lease.id), 'failures', failures);
      expect(await at.fail(lease, { stepName: 'load', message: 'broken' })).toBe('changed');
      expect(await found(lease)).toMatchObject({ status: 'FAILED' });
      expect((await found(lease)).failures.length).toBeLessThanOrEqual(LIMITS.failures);
    },
  );
});
