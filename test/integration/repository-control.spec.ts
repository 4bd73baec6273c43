import { BATCH_STATUSES, isRunning, type BatchStatus } from '#domain';
import { LeaseLostError, LIMITS, type Lease, type StepEnd } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLOSE,
  DEFINITION,
  LEASE_MS,
  LOAD,
  NO_STEPS,
  NOBODY,
  partitionRef,
  partitionsOf,
  stepRef,
  TestRepository,
} from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const chunkStep = { ...LOAD, rerun: false };
const tasklet = { ...CLOSE, rerun: false };

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
    ['beginExecution', (lease) => at.beginExecution(lease)],
    ['beginStep', (lease) => at.beginStep(lease, 'close')],
    ['handOut', (lease) => at.handOut(lease, LOAD, 64)],
    ['endStep', (lease) => at.endStep(lease, 'load', { status: 'FAILED', exitCode: 'FAILED', failure })],
    ['endExecution', (lease) => at.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure })],
    ['reopen', (lease) => at.reopen(lease, 'load', [[0, 4]])],
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
    await at.forceStop(lost, 'ann');
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
      definition: DEFINITION,
      parameters: { source: 'x' },
      isRestart: true,
    });
    expect(await at.load(first)).toMatchObject({ isRestart: false });
    expect(await at.load(NOBODY)).toBeUndefined();
  });
});

/** Runs a change twice and expects the second to find it made. */
async function changesOnce(call: () => Promise<string>): Promise<void> {
  expect(await call()).toBe('changed');
  const once = await repository.snapshot();
  expect(await call()).toBe('unchanged');
  expect(await repository.snapshot()).toEqual(once);
}

const COMPLETED = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
const factsOf = async (lease: Lease, step: typeof chunkStep | typeof tasklet = chunkStep) =>
  (await at.facts(lease, [step])).steps[0]!;

describe('beginExecution', () => {
  it('makes STARTING STARTED, once', async () => {
    const lease = await repository.lease(await repository.launch());
    const { covers } = await repository.timed(() => changesOnce(() => at.beginExecution(lease)));
    const { startTime, lastUpdatedTime, status, exitCode } = await found(lease);
    expect({ status, exitCode, lastUpdatedTime }).toEqual({
      status: 'STARTED',
      exitCode: 'EXECUTING',
      lastUpdatedTime: startTime,
    });
    expect(covers(startTime)).toBe(true);
  });

  it('does not undo a stop', async () => {
    const lease = await repository.lease(await repository.launch());
    await at.stop(lease.id);
    expect(await at.beginExecution(lease)).toBe('unchanged');
    expect(await found(lease)).toMatchObject({ status: 'STOPPING', exitCode: 'UNKNOWN', startTime: undefined });
  });
});

describe('a step', () => {
  it('is begun and counted once an execution', async () => {
    const lease = await repository.started();
    await changesOnce(() => at.beginStep(lease, 'load'));
    const { instanceId, stepCount } = await found(lease);
    expect(stepCount).toBe(1);
    expect(await at.stepHistory(instanceId, ['load', 'close'])).toEqual([
      { completed: false, startCount: 1 },
      { completed: false, startCount: 0 },
    ]);
    expect(await at.stepHistory(instanceId, [])).toEqual([]);
  });

  it('does not begin once the execution is stopping', async () => {
    const lease = await repository.started();
    await at.stop(lease.id);
    expect(await at.beginStep(lease, 'load')).toBe('unchanged');
    expect(await repository.reader.listSteps(lease.id, 0, 10)).toEqual([]);
  });

  it('that has COMPLETED is remembered by the instance, and passed over in a restart', async () => {
    const lease = await repository.loading(0);
    const { covers } = await repository.timed(() =>
      changesOnce(() => at.endStep(lease, 'load', { status: 'COMPLETED', exitCode: 'OWN' })),
    );
    expect(await factsOf(lease)).toMatchObject({ status: 'COMPLETED', skip: false });
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    const facts = await at.facts(again, [chunkStep, tasklet]);
    expect(facts.steps.map(({ status, skip }) => [status, skip])).toEqual([
      [undefined, true],
      [undefined, false],
    ]);
    expect((await at.facts(again, [{ ...chunkStep, rerun: true }])).steps[0]).toMatchObject({ skip: false });
    const [step] = await repository.reader.listSteps(lease.id, 0, 1);
    expect(step).toMatchObject({ status: 'COMPLETED', exitCode: 'OWN' });
    expect(covers(step?.endTime)).toBe(true);
  });

  it('that is a tasklet may run again although it has COMPLETED', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 'close');
    await at.finishStep(stepRef(lease, 'close'), await repository.work(lease, CLOSE), COMPLETED);
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    await at.beginExecution(again);
    await changesOnce(() => at.beginStep(again, 'close'));
    const { instanceId, progress } = await found(again);
    expect(await at.stepHistory(instanceId, ['close'])).toEqual([{ completed: false, startCount: 2 }]);
    expect(progress).toEqual({ partitionsTotal: 0, partitionsDone: 0, rowsTotal: 0, rowsDone: 0 });
  });

  it('that has not COMPLETED runs again, and its starts add up', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 'close');
    await at.endStep(lease, 'close', { status: 'STOPPED', exitCode: 'STOPPED' });
    const { instanceId } = await found(lease);
    expect(await at.stepHistory(instanceId, ['close'])).toEqual([{ completed: false, startCount: 1 }]);
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    await at.beginExecution(again);
    expect(await factsOf(again, tasklet)).toMatchObject({ status: undefined, skip: false });
    await at.beginStep(again, 'close');
    expect(await at.stepHistory(instanceId, ['close'])).toEqual([{ completed: false, startCount: 2 }]);
  });

  it('that fails tells why, to the execution too', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 'load');
    const failure = { stepName: 'load', message: 'a "quoted" /path\n' };
    const { covers } = await repository.timed(() =>
      changesOnce(() => at.endStep(lease, 'load', { status: 'FAILED', exitCode: 'FAILED', failure })),
    );
    const { failures } = await found(lease);
    expect(failures).toEqual([{ ...failure, time: expect.any(Number) }]);
    expect(covers(failures[0]?.time)).toBe(true);
    const [step] = await repository.reader.listSteps(lease.id, 0, 1);
    expect(step).toMatchObject({ status: 'FAILED', failure: failure.message });
  });

  it('that has not begun cannot end', async () => {
    const lease = await repository.started();
    const before = await repository.snapshot();
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('unchanged');
    expect(await repository.snapshot()).toEqual(before);
  });

  it('whose plan Redis has lost is not COMPLETED: it is planned anew', async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 'load');
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('unchanged');
    expect(await at.handOut(lease, LOAD, 64)).toEqual({ work: true, partitions: [] });
  });

  it('of whose partitions Redis has lost an end is not COMPLETED: the partition is handed out again', async () => {
    const lease = await repository.loading(10);
    for (let p = 0; p < 10; p++) await repository.run(partitionRef(lease, p));
    expect(await factsOf(lease)).toMatchObject({ inFlight: 0, waiting: false });
    const { instanceId } = await found(lease);
    await repository.redis.setbit(repository.key('completed', instanceId, 'load'), 4, 0);
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('unchanged');
    expect(await factsOf(lease)).toMatchObject({ status: 'STARTED', inFlight: 0, waiting: true });
    expect(await at.handOut(lease, LOAD, 64)).toEqual({ work: false, partitions: [4] });
    await repository.run(partitionRef(lease, 4));
    expect(await at.endStep(lease, 'load', COMPLETED)).toBe('changed');
  });
});

describe('endExecution', () => {
  const ends: [BatchStatus, StepEnd['status'], boolean][] = [
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
    const lease = { ...(await repository.inStatus(from, { definition: NO_STEPS })), token: 'start#1' };
    const { covers } = await repository.timed(async () =>
      expect(await at.endExecution(lease, { status, exitCode: status })).toBe(ended ? 'changed' : 'unchanged'),
    );
    const once = await repository.snapshot();
    expect(await at.endExecution(lease, { status, exitCode: status })).toBe('unchanged');
    expect(await repository.snapshot()).toEqual(once);
    const record = await found(lease);
    expect(record).toMatchObject(ended ? { status, exitCode: status } : { status: from });
    expect(covers(record.endTime)).toBe(ended);
    const listed = await repository.redis.zscore(repository.key('running'), lease.id);
    expect(listed === null).toBe(ended);
  });

  it('as COMPLETED is refused while a step has not COMPLETED: Redis may have lost its end, or its beginning', async () => {
    const lease = await repository.loading(1);
    const end = async () => at.endExecution(lease, COMPLETED);
    expect(await end()).toBe('unchanged');
    await repository.run(partitionRef(lease, 0));
    await at.endStep(lease, 'load', COMPLETED);
    expect(await end()).toBe('unchanged');
    await at.beginStep(lease, 'close');
    expect(await end()).toBe('unchanged');
    await at.finishStep(stepRef(lease, 'close'), await repository.work(lease, CLOSE), COMPLETED);
    const { instanceId } = await found(lease);
    await repository.redis.hdel(repository.key('instance', instanceId), 'completed:load');
    expect(await end()).toBe('unchanged');
    await repository.redis.hset(repository.key('instance', instanceId), 'completed:load', 1);
    expect(await end()).toBe('changed');
  });

  it('describes a failed execution by its first failure, and ends what stood open', async () => {
    const lease = await repository.loading(3, 2);
    await repository.run(partitionRef(lease, 0), undefined, 'FAILED');
    await repository.claim(partitionRef(lease, 1));
    const failure = { stepName: 'anyJob', message: 'cannot go on' };
    await at.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED', failure });
    const { exitDescription, failures } = await found(lease);
    expect(exitDescription).toBe('load:Rows 0 - 9: broken');
    expect(failures.map(({ message }) => message)).toEqual(['broken', 'cannot go on']);
    const steps = await repository.reader.listSteps(lease.id, 0, 10);
    expect(steps.map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect(await repository.redis.exists(repository.key('inFlight', lease.id, 'load'))).toBe(0);
  });

  it('ends what stands open of every step', async () => {
    const lease = await repository.loading(3, 2);
    await repository.begin(lease, { name: 'store', kind: 'chunk' }, partitionsOf(3), 2);
    await at.beginStep(lease, 'close');
    await at.handOut(lease, CLOSE, 0);
    for (const step of ['load', 'store']) await repository.claim(partitionRef(lease, 1, step));
    await repository.run(partitionRef(lease, 0, 'store'));
    await at.endExecution(lease, { status: 'FAILED', exitCode: 'FAILED' });
    const steps = await repository.reader.listSteps(lease.id, 0, 10);
    expect(steps.map(({ stepName, status }) => [stepName, status])).toEqual([
      ['load', 'FAILED'],
      ['load:Rows 10 - 19', 'FAILED'],
      ['store', 'FAILED'],
      ['store:Rows 10 - 19', 'FAILED'],
      ['store:Rows 0 - 9', 'COMPLETED'],
      ['close', 'FAILED'],
    ]);
    const left = Object.keys(await repository.snapshot()).filter((key) => key.startsWith(`execution:${lease.id}:in-`));
    expect(left).toEqual([]);
  });

  it('keeps the first failures only', async () => {
    const lease = await repository.loading(LIMITS.failures + 5);
    for (let i = 0; i < LIMITS.failures + 5; i++) await repository.run(partitionRef(lease, i), undefined, 'FAILED');
    const { failures } = await found(lease);
    expect(failures).toHaveLength(LIMITS.failures);
    expect(failures.at(-1)?.stepName).toBe(`load:Rows ${(LIMITS.failures - 1) * 10} - ${LIMITS.failures * 10 - 1}`);
    expect(await factsOf(lease)).toMatchObject({ partitionFailed: true, inFlight: 0 });
  });
});
