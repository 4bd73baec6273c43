import { BATCH_STATUSES, isRunning, type BatchStatus } from '#domain';
import { LeaseLostError, MAX_FAILURES, type Lease } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LEASE_MS, NOBODY, NOW, partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const chunkStep = { partitioned: true, rerun: false };
const tasklet = { partitioned: false, rerun: false };

/** Runs a call twice and expects the second to change nothing and to answer the same. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  const answer = await call();
  const once = await repository.snapshot();
  expect(await call()).toEqual(answer);
  expect(await repository.snapshot()).toEqual(once);
  return answer;
}

const found = async (lease: Lease) => (await at.findExecution(lease.id))!;

describe('a lease', () => {
  it('is given to the first, and nobody else while it is held', async () => {
    const ref = await repository.launch();
    expect((await at.acquire(ref, 'start#1', LEASE_MS)).kind).toBe('acquired');
    expect((await at.acquire(ref, 'stop#1', LEASE_MS)).kind).toBe('busy');
    expect((await at.acquire(ref, 'sweep#1', LEASE_MS)).kind).toBe('busy');
  });

  it('is released only after its holder has looked again, where word was left', async () => {
    const ref = await repository.launch();
    const lease = await repository.lease(ref);
    await twice(() => at.acquire(ref, 'stop#1', LEASE_MS));
    expect(await at.release(lease)).toBe('again');
    expect((await at.acquire(ref, 'late#1', LEASE_MS)).kind).toBe('busy');
    expect(await at.release(lease)).toBe('again');
    expect(await at.release(lease)).toBe('released');
    expect((await at.acquire(ref, 'stop#2', LEASE_MS)).kind).toBe('acquired');
  });

  it('forgets word that was left for an earlier holder', async () => {
    const ref = await repository.launch();
    await repository.lease(ref);
    await at.acquire(ref, 'stop#1', LEASE_MS);
    expect((await at.acquire(ref, 'start#2', LEASE_MS)).kind).toBe('acquired');
    expect(await at.release({ ...ref, token: 'start#2' })).toBe('released');
  });

  it('is taken over by the same delivery, whose first attempt has lost its lock', async () => {
    const first = await repository.lease(await repository.launch());
    expect((await at.acquire(first, 'start#2', LEASE_MS)).kind).toBe('acquired');
    await expect(at.renew(first, LEASE_MS)).rejects.toThrow(LeaseLostError);
    await expect(at.renew({ ...first, token: 'start#2' }, LEASE_MS)).resolves.toBeUndefined();
  });

  it('is free once its holder went silent', async () => {
    const first = await repository.lease(await repository.launch());
    await repository.redis.pexpire(repository.key('lease', first.id), 0);
    await expect(at.renew(first, LEASE_MS)).rejects.toThrow(LeaseLostError);
    expect((await at.acquire(first, 'sweep#1', LEASE_MS)).kind).toBe('acquired');
  });

  it('lasts as long as was asked for, and longer when renewed', async () => {
    const lease = await repository.lease(await repository.launch());
    const left = () => repository.redis.pttl(repository.key('lease', lease.id));
    expect(await left()).toBeLessThanOrEqual(LEASE_MS);
    await at.renew(lease, 10 * LEASE_MS);
    expect(await left()).toBeGreaterThan(9 * LEASE_MS);
    expect(await left()).toBeLessThanOrEqual(10 * LEASE_MS);
  });

  it.each(BATCH_STATUSES)('on an execution that is %s', async (status) => {
    const ref = await repository.inStatus(status);
    const expected = isRunning(status) ? 'acquired' : 'gone';
    expect((await at.acquire(ref, 'start#2', LEASE_MS)).kind).toBe(expected);
  });

  it('on nothing is refused', async () => {
    expect((await at.acquire(NOBODY, 'start#1', LEASE_MS)).kind).toBe('gone');
  });

  const failure = { stepName: 'load', message: 'broken' };
  const calls: [string, (lease: Lease) => Promise<unknown>][] = [
    ['renew', (lease) => at.renew(lease, LEASE_MS)],
    ['release', (lease) => at.release(lease)],
    ['facts', (lease) => at.facts(lease, [chunkStep])],
    ['beginExecution', (lease) => at.beginExecution(lease, NOW + 9)],
    ['beginStep', (lease) => at.beginStep(lease, 1, 'close', NOW + 9)],
    ['beginPlan', (lease) => at.beginPlan(lease, 0)],
    ['appendPlan', (lease) => at.appendPlan(lease, 0, 0, partitionsOf(2), NOW + 9)],
    ['sealPlan', (lease) => at.sealPlan(lease, 0, 2, NOW + 9)],
    ['dispatch', (lease) => at.dispatch(lease, 0, 64)],
    ['endStep', (lease) => at.endStep(lease, 0, { status: 'FAILED', exitCode: 'FAILED', failure }, NOW + 9)],
    ['endExecution', (lease) => at.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure }, NOW + 9)],
    ['setResult', (lease) => at.setResult(lease, 'total', 1)],
  ];

  it.each(calls)('that is lost refuses %s, which changes nothing', async (_name, call) => {
    const lost = await repository.loading(5, 2);
    await at.acquire(lost, 'start#2', LEASE_MS);
    const before = await repository.snapshot();
    await expect(call(lost)).rejects.toThrow(LeaseLostError);
    expect(await repository.snapshot()).toEqual(before);
  });

  it.each(calls)('that a force stop took refuses %s', async (_name, call) => {
    const lost = await repository.loading(5, 2);
    await at.forceStop(lost, NOW, 'ann');
    const before = await repository.snapshot();
    await expect(call(lost)).rejects.toThrow(LeaseLostError);
    expect(await repository.snapshot()).toEqual(before);
  });
});

describe('load', () => {
  it('tells what an execution is', async () => {
    const first = await repository.inStatus('FAILED', { parameters: { source: 'x' } });
    const second = await repository.restart(first);
    expect(await at.load(second)).toEqual({
      ...second,
      instanceId: (await at.findExecution(second.id))!.instanceId,
      instanceUuid: first.uuid,
      jobName: 'anyJob',
      parameters: { source: 'x' },
    });
    expect(await at.load(NOBODY)).toBeUndefined();
  });
});

describe('beginExecution', () => {
  it('makes STARTING STARTED, once', async () => {
    const lease = await repository.lease(await repository.launch());
    await twice(() => at.beginExecution(lease, NOW + 7));
    await at.beginExecution(lease, NOW + 8);
    const started = { status: 'STARTED', exitCode: 'EXECUTING', startTime: NOW + 7, lastUpdatedTime: NOW + 7 };
    expect(await found(lease)).toMatchObject(started);
  });

  it('does not undo a stop', async () => {
    const lease = await repository.lease(await repository.launch());
    await at.stop(lease.id, NOW);
    await at.beginExecution(lease, NOW + 7);
    expect(await found(lease)).toMatchObject({ status: 'STOPPING', exitCode: 'UNKNOWN', startTime: undefined });
  });
});

describe('a step', () => {
  it('is begun and counted once an execution', async () => {
    const lease = await repository.started();
    await twice(() => at.beginStep(lease, 0, 'load', NOW));
    const { instanceId, stepCount } = await found(lease);
    expect(stepCount).toBe(1);
    expect(await at.stepHistory(instanceId, 2)).toEqual([
      { completed: false, startCount: 1 },
      { completed: false, startCount: 0 },
    ]);
  });

  it('that has COMPLETED is remembered by the instance, and passed over in a restart', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 0, 'load', NOW);
    await twice(() => at.endStep(lease, 0, { status: 'COMPLETED', exitCode: 'OWN' }, NOW + 3));
    expect((await at.facts(lease, [tasklet])).steps[0]).toMatchObject({ status: 'COMPLETED', skip: false });
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    const facts = await at.facts(again, [tasklet, tasklet]);
    expect(facts.steps.map(({ status, skip }) => [status, skip])).toEqual([
      [undefined, true],
      [undefined, false],
    ]);
    expect((await at.facts(again, [{ ...tasklet, rerun: true }])).steps[0]).toMatchObject({ skip: false });
    const [step] = await repository.reader.listSteps(lease.id, 0, 1);
    expect(step).toMatchObject({ status: 'COMPLETED', exitCode: 'OWN', startTime: NOW, endTime: NOW + 3 });
  });

  it('that is a tasklet may run again although it has COMPLETED', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 0, 'load', NOW);
    await at.endStep(lease, 0, { status: 'COMPLETED', exitCode: 'COMPLETED' }, NOW);
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    await at.beginExecution(again, NOW);
    await twice(() => at.beginStep(again, 0, 'load', NOW));
    const { instanceId, progress } = await found(again);
    expect(await at.stepHistory(instanceId, 1)).toEqual([{ completed: false, startCount: 2 }]);
    expect(progress).toEqual({ partitionsTotal: 0, partitionsDone: 0, rowsTotal: 0, rowsDone: 0 });
  });

  it('that has not COMPLETED runs again, and its starts add up', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 0, 'load', NOW);
    await at.endStep(lease, 0, { status: 'STOPPED', exitCode: 'STOPPED' }, NOW);
    const { instanceId } = await found(lease);
    expect(await at.stepHistory(instanceId, 1)).toEqual([{ completed: false, startCount: 1 }]);
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    await at.beginExecution(again, NOW);
    expect((await at.facts(again, [tasklet])).steps[0]).toMatchObject({ status: undefined, skip: false });
    await at.beginStep(again, 0, 'load', NOW);
    expect(await at.stepHistory(instanceId, 1)).toEqual([{ completed: false, startCount: 2 }]);
  });

  it('that fails tells why, to the execution too', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 0, 'load', NOW);
    const failure = { stepName: 'load', message: 'a "quoted" /path\n' };
    await twice(() => at.endStep(lease, 0, { status: 'FAILED', exitCode: 'FAILED', failure }, NOW));
    expect((await found(lease)).failures).toEqual([{ ...failure, time: NOW }]);
    const [step] = await repository.reader.listSteps(lease.id, 0, 1);
    expect(step).toMatchObject({ status: 'FAILED', failure: failure.message });
  });

  it('that has not begun cannot end', async () => {
    const lease = await repository.started();
    const before = await repository.snapshot();
    await at.endStep(lease, 0, { status: 'COMPLETED', exitCode: 'COMPLETED' }, NOW);
    expect(await repository.snapshot()).toEqual(before);
  });
});

/** An execution that is to plan its first step. */
async function planning(): Promise<Lease> {
  const lease = await repository.started();
  await at.beginStep(lease, 0, 'load', NOW);
  return lease;
}

const firstStep = async (lease: Lease) => (await at.facts(lease, [chunkStep])).steps[0];

describe('a plan', () => {
  it('is stored batch by batch, each once, and counts from when it is sealed', async () => {
    const lease = await planning();
    const [a, b] = [partitionsOf(5).slice(0, 3), partitionsOf(5).slice(3)];
    await at.beginPlan(lease, 0);
    expect(await twice(() => at.appendPlan(lease, 0, 0, a, NOW))).toBe('STARTED');
    expect(await twice(() => at.appendPlan(lease, 0, 3, b, NOW))).toBe('STARTED');
    expect(await firstStep(lease)).toMatchObject({ planned: false, waiting: 0 });
    expect((await found(lease)).progress).toMatchObject({ partitionsTotal: 0, rowsTotal: 0 });
    await twice(() => at.sealPlan(lease, 0, 5, NOW));
    expect(await firstStep(lease)).toMatchObject({ planned: true, empty: false, waiting: 1, inFlight: 0 });
    expect((await found(lease)).progress).toMatchObject({ partitionsTotal: 5, rowsTotal: 50 });
  });

  it('that was not finished is thrown away', async () => {
    const lease = await planning();
    await at.appendPlan(lease, 0, 0, partitionsOf(7, 99), NOW);
    await twice(() => at.beginPlan(lease, 0));
    await at.appendPlan(lease, 0, 0, partitionsOf(2), NOW);
    await at.sealPlan(lease, 0, 2, NOW);
    expect((await found(lease)).progress).toMatchObject({ partitionsTotal: 2, rowsTotal: 20 });
  });

  it('of which Redis has lost a batch is not gone on with, nor sealed', async () => {
    const lease = await planning();
    await at.beginPlan(lease, 0);
    await at.appendPlan(lease, 0, 0, partitionsOf(3), NOW);
    const { redis } = repository;
    await redis.ltrim(repository.key('plan', (await found(lease)).instanceId, 0), 0, 1);
    await expect(at.appendPlan(lease, 0, 3, partitionsOf(2), NOW)).rejects.toThrow(LeaseLostError);
    await expect(at.sealPlan(lease, 0, 3, NOW)).rejects.toThrow(LeaseLostError);
    expect(await firstStep(lease)).toMatchObject({ planned: false });
  });

  it('that is sealed is neither thrown away nor added to', async () => {
    const lease = await planning();
    await repository.plan(lease, partitionsOf(2));
    await expect(at.beginPlan(lease, 0)).rejects.toThrow(LeaseLostError);
    await expect(at.appendPlan(lease, 0, 2, partitionsOf(1), NOW)).rejects.toThrow(LeaseLostError);
    expect(await firstStep(lease)).toMatchObject({ planned: true, waiting: 1 });
  });

  it('may be empty', async () => {
    const lease = await planning();
    await repository.plan(lease, []);
    expect(await firstStep(lease)).toMatchObject({ planned: true, empty: true, waiting: 0 });
    expect(await at.dispatch(lease, 0, 64)).toEqual([]);
  });

  it('tells of a stop with each batch', async () => {
    const lease = await planning();
    await at.stop(lease.id, NOW);
    expect(await at.appendPlan(lease, 0, 0, partitionsOf(1), NOW)).toBe('STOPPING');
  });

  it('is kept for a restart', async () => {
    const lease = await planning();
    await repository.plan(lease, partitionsOf(3));
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    await at.beginExecution(again, NOW);
    await at.beginStep(again, 0, 'load', NOW);
    expect(await firstStep(again)).toMatchObject({ planned: true, waiting: 1 });
    expect(await at.dispatch(again, 0, 64)).toEqual([0, 1, 2]);
  });
});

describe('dispatch', () => {
  it('fills the window, no further, and tells all that is in flight', async () => {
    const lease = await repository.loading(6, 0);
    expect(await twice(() => at.dispatch(lease, 0, 2))).toEqual([0, 1]);
    expect(await at.dispatch(lease, 0, 4)).toEqual([0, 1, 2, 3]);
    expect(await at.dispatch(lease, 0, 1)).toEqual([0, 1, 2, 3]);
    expect(await at.dispatch(lease, 0, 100)).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await at.facts(lease, [chunkStep])).steps[0]).toMatchObject({ inFlight: 6, waiting: 0 });
  });

  it('hands out nothing while an execution is stopping, and tells what is still in flight', async () => {
    const lease = await repository.loading(6, 2);
    await repository.claim(partitionRef(lease, 1));
    await at.stop(lease.id, NOW);
    expect(await at.dispatch(lease, 0, 100)).toEqual([1]);
  });

  it('counts as progress', async () => {
    const lease = await repository.loading(1, 0);
    await repository.redis.zadd(repository.key('running'), NOW - 1_000_000, lease.id);
    await at.dispatch(lease, 0, 1);
    expect((await at.silentFor(500_000, 1_000)).map(({ id }) => id)).not.toContain(lease.id);
  });
});

describe('endExecution', () => {
  const ends: [BatchStatus, BatchStatus, boolean][] = [
    ['STARTING', 'COMPLETED', false],
    ['STARTING', 'STOPPED', false],
    ['STARTING', 'FAILED', true],
    ['STARTED', 'COMPLETED', true],
    ['STARTED', 'STOPPED', false],
    ['STARTED', 'FAILED', true],
    ['STOPPING', 'COMPLETED', false],
    ['STOPPING', 'STOPPED', true],
    ['STOPPING', 'FAILED', true],
  ];

  it.each(ends)('of %s as %s: %s', async (from, status, ended) => {
    const lease = { ...(await repository.inStatus(from)), token: 'start#1' };
    await twice(() => at.endExecution(lease, { status, exitCode: status }, NOW + 3));
    expect(await found(lease)).toMatchObject(ended ? { status, exitCode: status, endTime: NOW + 3 } : { status: from });
    const listed = await repository.redis.zscore(repository.key('running'), lease.id);
    expect(listed === null).toBe(ended);
  });

  it('describes a failed execution by its first failure, and ends what stood open', async () => {
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), undefined, 'FAILED');
    await repository.claim(partitionRef(lease, 1));
    const failure = { stepName: 'anyJob', message: 'cannot go on' };
    await at.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure }, NOW + 3);
    const { exitDescription, failures } = await found(lease);
    expect(exitDescription).toBe('load:Rows 0 - 9: broken');
    expect(failures.map(({ message }) => message)).toEqual(['broken', 'cannot go on']);
    const steps = await repository.reader.listSteps(lease.id, 0, 10);
    expect(steps.map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect(await repository.redis.exists(repository.key('inFlight', lease.id))).toBe(0);
  });

  it('keeps the first failures only', async () => {
    const lease = await repository.loading(MAX_FAILURES + 5);
    for (let i = 0; i < MAX_FAILURES + 5; i++) await repository.run(partitionRef(lease, i), undefined, 'FAILED');
    const { failures } = await found(lease);
    expect(failures).toHaveLength(MAX_FAILURES);
    expect(failures.at(-1)?.stepName).toBe(`load:Rows ${(MAX_FAILURES - 1) * 10} - ${MAX_FAILURES * 10 - 1}`);
    expect((await at.facts(lease, [chunkStep])).steps[0]).toMatchObject({ partitionFailed: true, inFlight: 0 });
  });
});

describe('setResult', () => {
  it('keeps JSON by name, the last of each', async () => {
    const lease = await repository.started();
    await at.setResult(lease, 'byType', { Patient: 1 });
    await twice(() => at.setResult(lease, 'byType', { Patient: 2, Observation: [3] }));
    await at.setResult(lease, 'a:b c', null);
    expect((await found(lease)).results).toEqual({ byType: { Patient: 2, Observation: [3] }, 'a:b c': null });
  });
});
