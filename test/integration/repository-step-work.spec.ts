import type { Lease, StepRef } from '#engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLOSE,
  LEASE_MS,
  LOAD,
  LONG_AGO,
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

type Step = typeof LOAD | typeof CLOSE;

const COMPLETED = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
const STOPPED = { status: 'STOPPED', exitCode: 'STOPPED' } as const;
const PLANNED = { status: 'PLANNED' } as const;

/** An execution whose step is STARTED, and its own work handed out. */
async function handedOut(step: Step): Promise<{ lease: Lease; ref: StepRef }> {
  const lease = await repository.started();
  await at.beginStep(lease, step.name);
  await at.handOut(lease, step, 64);
  return { lease, ref: stepRef(lease, step.name) };
}

/** One whose work a worker has. */
async function begun(step: Step): Promise<{ lease: Lease; ref: StepRef; fence: number }> {
  const { lease, ref } = await handedOut(step);
  return { lease, ref, fence: await fenceOf(ref) };
}

async function fenceOf(ref: StepRef): Promise<number> {
  const claim = await at.claimStep(ref);
  if (!('fence' in claim)) throw new Error(`Not claimed but ${claim.kind}.`);
  return claim.fence;
}

const factsOf = async (lease: Lease, step: Step) => (await at.facts(lease, [{ ...step, rerun: false }])).steps[0]!;
const found = async ({ id }: Lease) => (await at.findExecution(id))!;
const stepOf = async ({ id }: Lease) => (await repository.reader.listSteps(id, 0, 1))[0];

/** Runs a call twice and expects the second to change nothing and to answer the same. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  const answer = await call();
  const once = await repository.snapshot();
  expect(await call()).toEqual(answer);
  expect(await repository.snapshot()).toEqual(once);
  return answer;
}

/** Expects a call to change nothing. */
async function changesNothing<T>(call: () => Promise<T>): Promise<T> {
  const before = await repository.snapshot();
  const answer = await call();
  expect(await repository.snapshot()).toEqual(before);
  return answer;
}

describe("a claim of a step's own work", () => {
  it('is a number above every one before, and counts the attempts in a row', async () => {
    const { ref } = await handedOut(CLOSE);
    const [first, second] = [await at.claimStep(ref), await at.claimStep(ref)];
    expect(first).toEqual({ kind: 'run', fence: expect.any(Number), attempts: 1 });
    expect(second).toEqual({ kind: 'run', fence: expect.any(Number), attempts: 2 });
    expect((second as { fence: number }).fence).toBeGreaterThan((first as { fence: number }).fence);
  });

  it('supersedes the one before, of which nothing is recorded any more', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    await fenceOf(ref);
    await changesNothing(async () => {
      expect(await at.stepAlive(ref, fence)).toBe('superseded');
      expect(await at.setResult(ref, fence, 'total', 1)).toBe(false);
      expect(await at.beginPlan(ref, fence)).toBe('superseded');
      expect(await at.appendPlan(ref, fence, 0, partitionsOf(1))).toBe('superseded');
      expect(await at.finishStep(ref, fence, COMPLETED)).toBeUndefined();
      expect(await at.finishStep(ref, fence, PLANNED, { partitions: 0, window: 1 })).toBeUndefined();
    });
    expect(await factsOf(lease, CLOSE)).toMatchObject({ status: 'STARTED', working: true });
  });

  it('is never given out again by a Redis that has lost the second in which it was', async () => {
    const { lease, ref } = await handedOut(CLOSE);
    const lost = await fenceOf(ref);
    // What Redis held a second before: the work is handed out, and nobody has claimed it.
    await repository.redis.hset(repository.key('stepExecution', lease.id, 'close'), 'work', 'waiting');
    await repository.redis.hdel(repository.key('stepExecution', lease.id, 'close'), 'fence', 'attempts');
    while ((await repository.time()) <= lost) await repository.redis.ping();
    expect(await fenceOf(ref)).toBeGreaterThan(lost);
    expect(await at.finishStep(ref, lost, COMPLETED)).toBeUndefined();
  });

  it('of work that was not handed out, or taken back, has nothing to do', async () => {
    const lease = await repository.started();
    const ref = stepRef(lease, 'close');
    expect(await at.claimStep(ref)).toEqual({ kind: 'gone' });
    await at.beginStep(lease, 'close');
    expect(await changesNothing(() => at.claimStep(ref))).toEqual({ kind: 'gone' });
    await at.handOut(lease, CLOSE, 0);
    await at.stop(lease.id);
    expect(await changesNothing(() => at.claimStep(ref))).toEqual({ kind: 'gone' });
    expect(await at.claimStep(stepRef(NOBODY, 'close'))).toEqual({ kind: 'gone' });
  });

  it('of work that has ended says so, for a worker that did not live to announce it', async () => {
    const tasklet = await begun(CLOSE);
    await at.finishStep(tasklet.ref, tasklet.fence, COMPLETED);
    expect(await changesNothing(() => at.claimStep(tasklet.ref))).toEqual({ kind: 'finished' });
    const planning = await begun(LOAD);
    await repository.plan(planning.ref, planning.fence, partitionsOf(2), 1);
    expect(await changesNothing(() => at.claimStep(planning.ref))).toEqual({ kind: 'finished' });
  });

  it('while the execution is stopping has the work ended STOPPED', async () => {
    const { lease, ref } = await begun(LOAD);
    await at.stop(lease.id);
    const claim = await at.claimStep(ref);
    expect(claim).toEqual({ kind: 'stopping', fence: expect.any(Number) });
    expect(await at.finishStep(ref, (claim as { fence: number }).fence, STOPPED)).toEqual([]);
    expect(await factsOf(lease, LOAD)).toMatchObject({ status: 'STOPPED', working: false, planned: false });
  });

  it('of an execution that has ended has nothing to do', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    await at.forceStop(lease, 'ann');
    await changesNothing(async () => {
      expect(await at.claimStep(ref)).toEqual({ kind: 'gone' });
      expect(await at.stepAlive(ref, fence)).toBe('superseded');
      expect(await at.finishStep(ref, fence, COMPLETED)).toBeUndefined();
      expect(await at.finishStep(ref, fence, STOPPED)).toBeUndefined();
    });
  });
});

describe('work that is alive', () => {
  it('counts as progress, and is told of a stop', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    const isSilent = async () => (await at.silentFor(500_000, 1_000)).some(({ id }) => id === lease.id);
    await repository.redis.zadd(repository.key('running'), LONG_AGO, lease.id);
    expect(await isSilent()).toBe(true);
    expect(await twice(() => at.stepAlive(ref, fence))).toBe('go-on');
    expect(await isSilent()).toBe(false);
    await at.stop(lease.id);
    expect(await at.stepAlive(ref, fence)).toBe('stop');
  });
});

describe('a plan', () => {
  it('is stored batch by batch, each once, and counts from when it is sealed', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    const [a, b] = [partitionsOf(5).slice(0, 3), partitionsOf(5).slice(3)];
    expect(await at.beginPlan(ref, fence)).toBe('go-on');
    expect(await twice(() => at.appendPlan(ref, fence, 0, a))).toBe('go-on');
    expect(await twice(() => at.appendPlan(ref, fence, 3, b))).toBe('go-on');
    expect(await factsOf(lease, LOAD)).toMatchObject({ planned: false, waiting: false, working: true });
    expect((await found(lease)).progress).toMatchObject({ partitionsTotal: 0, rowsTotal: 0 });
    expect(await twice(() => at.finishStep(ref, fence, PLANNED, { partitions: 5, window: 2 }))).toEqual([0, 1]);
    expect(await factsOf(lease, LOAD)).toMatchObject({
      status: 'STARTED',
      planned: true,
      partitions: 5,
      waiting: true,
      inFlight: 2,
      working: false,
    });
    expect((await found(lease)).progress).toMatchObject({ partitionsTotal: 5, rowsTotal: 50 });
  });

  it('that was not finished is thrown away by the next attempt', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    await at.appendPlan(ref, fence, 0, partitionsOf(7, 99));
    const next = await fenceOf(ref);
    await twice(() => at.beginPlan(ref, next));
    await at.appendPlan(ref, next, 0, partitionsOf(2));
    expect(await at.finishStep(ref, next, PLANNED, { partitions: 2, window: 2 })).toEqual([0, 1]);
    expect((await found(lease)).progress).toMatchObject({ partitionsTotal: 2, rowsTotal: 20 });
  });

  it('of which Redis has lost a batch is not gone on with, nor sealed', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    await at.beginPlan(ref, fence);
    await at.appendPlan(ref, fence, 0, partitionsOf(3));
    await repository.redis.ltrim(repository.key('plan', (await found(lease)).instanceId, 'load'), 0, 1);
    await changesNothing(async () => {
      expect(await at.appendPlan(ref, fence, 3, partitionsOf(2))).toBe('superseded');
      expect(await at.finishStep(ref, fence, PLANNED, { partitions: 3, window: 2 })).toBeUndefined();
    });
    expect(await factsOf(lease, LOAD)).toMatchObject({ planned: false, working: true });
  });

  it('that is sealed is neither thrown away nor added to', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    await repository.plan(ref, fence, partitionsOf(2), 0);
    await changesNothing(async () => {
      expect(await at.beginPlan(ref, fence)).toBe('superseded');
      expect(await at.appendPlan(ref, fence, 2, partitionsOf(1))).toBe('superseded');
    });
    expect(await factsOf(lease, LOAD)).toMatchObject({ planned: true, waiting: true, partitions: 2 });
  });

  it('may be empty', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    expect(await repository.plan(ref, fence, [])).toEqual([]);
    expect(await factsOf(lease, LOAD)).toMatchObject({ planned: true, partitions: 0, waiting: false });
    expect(await at.handOut(lease, LOAD, 64)).toEqual({ work: false, partitions: [] });
  });

  it('tells of a stop with each call; one that is finished nonetheless is kept, and nothing of it handed out', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    await at.stop(lease.id);
    expect(await at.beginPlan(ref, fence)).toBe('stop');
    expect(await at.appendPlan(ref, fence, 0, partitionsOf(1))).toBe('stop');
    expect(await twice(() => at.finishStep(ref, fence, PLANNED, { partitions: 1, window: 2 }))).toEqual([]);
    expect(await factsOf(lease, LOAD)).toMatchObject({ planned: true, inFlight: 0, working: false });
  });

  it('is kept for a restart', async () => {
    const { lease, ref, fence } = await begun(LOAD);
    await repository.plan(ref, fence, partitionsOf(3));
    await repository.end(lease, 'FAILED');
    const again = await repository.lease(await repository.restart(lease));
    await at.beginExecution(again);
    await at.beginStep(again, 'load');
    expect(await factsOf(again, LOAD)).toMatchObject({ planned: true, waiting: true });
    expect(await at.handOut(again, LOAD, 64)).toEqual({ work: false, partitions: [0, 1, 2] });
  });
});

describe("the end of a step's own work", () => {
  it('that has COMPLETED ends the step and is remembered by the instance', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    const { covers } = await repository.timed(() =>
      twice(() => at.finishStep(ref, fence, { status: 'COMPLETED', exitCode: 'OWN' })),
    );
    const step = await stepOf(lease);
    expect(step).toMatchObject({ status: 'COMPLETED', exitCode: 'OWN' });
    expect(covers(step?.endTime)).toBe(true);
    const { instanceId } = await found(lease);
    expect(await at.stepHistory(instanceId, ['close'])).toEqual([{ completed: true, startCount: 1 }]);
  });

  it('that has COMPLETED while the execution was stopping is COMPLETED', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    await at.stop(lease.id);
    expect(await at.finishStep(ref, fence, COMPLETED)).toEqual([]);
    expect(await stepOf(lease)).toMatchObject({ status: 'COMPLETED' });
    expect((await at.stepHistory((await found(lease)).instanceId, ['close']))[0]).toMatchObject({ completed: true });
  });

  it.each([LOAD, CLOSE])('that has FAILED is told, to the execution too: $name', async (step) => {
    const { lease, ref, fence } = await begun(step);
    const failure = { stepName: step.name, message: 'broken' };
    const end = { status: 'FAILED', exitCode: 'FAILED', failure } as const;
    expect(await twice(() => at.finishStep(ref, fence, end))).toEqual([]);
    expect(await stepOf(lease)).toMatchObject({ status: 'FAILED', failure: 'broken' });
    expect((await found(lease)).failures).toMatchObject([failure]);
    expect(await at.handOut(lease, step, 64)).toEqual({ work: false, partitions: [] });
  });

  it('that is STOPPED is refused where Redis has lost the stop: the work is still to be done', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    expect(await changesNothing(() => at.finishStep(ref, fence, STOPPED))).toBeUndefined();
    expect(await at.claimStep(ref)).toMatchObject({ kind: 'run', attempts: 2 });
    expect(await factsOf(lease, CLOSE)).toMatchObject({ status: 'STARTED', working: true });
  });

  it('begins the count of attempts anew', async () => {
    const { lease, ref } = await begun(LOAD);
    await repository.plan(ref, await fenceOf(ref), partitionsOf(1));
    expect(await repository.redis.hget(repository.key('stepExecution', lease.id, 'load'), 'attempts')).toBeNull();
  });
});

describe('setResult', () => {
  it('keeps JSON by name, the last of each', async () => {
    const { lease, ref, fence } = await begun(CLOSE);
    expect(await at.setResult(ref, fence, 'byType', { Patient: 1 })).toBe(true);
    expect(await twice(() => at.setResult(ref, fence, 'byType', { Patient: 2, Observation: [3] }))).toBe(true);
    await at.setResult(ref, fence, 'a:b c', null);
    expect((await found(lease)).results).toEqual({ byType: { Patient: 2, Observation: [3] }, 'a:b c': null });
  });
});

describe('a step named alike in another execution', () => {
  it('is worked on under fences of its own', async () => {
    const first = await begun(CLOSE);
    await at.forceStop(first.lease, 'ann');
    const again = await repository.lease(await repository.restart(first.lease));
    await at.beginExecution(again);
    await at.beginStep(again, 'close');
    const fence = await repository.work(again, CLOSE);
    expect(await at.finishStep(first.ref, first.fence, COMPLETED)).toBeUndefined();
    expect(await at.claimStep({ ...first.ref, id: again.id })).toEqual({ kind: 'gone' });
    expect(await at.finishStep(stepRef(again, 'close'), fence, COMPLETED)).toEqual([]);
    expect((await at.acquire(again, 'start#1', LEASE_MS)).kind).toBe('acquired');
    expect(await at.isAwaited(partitionRef(again, 0, 'close'))).toBe(false);
  });
});
