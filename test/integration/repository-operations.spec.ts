import { BATCH_STATUSES, executionUuid, isRunning, NO_COUNTS } from '#domain';
import type { ExecutionRef } from '#engine';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLOSE,
  DEFINITION,
  launchOf,
  LEASE_MS,
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

const statusOf = async (id: (typeof NOBODY)['id']) => (await at.findExecution(id))?.status;

/** How often each kind of answer was given. */
function tally(answers: readonly { kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of answers) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe('launch', () => {
  it('creates an execution that is STARTING, of a new instance', async () => {
    const launch = launchOf({ parameters: { source: 'a', label: 'é "q"' } });
    const { covers } = await repository.timed(() => repository.launch(launch));
    const { id } = (await at.findLatest((await repository.reader.findByUuid('anyJob', launch.uuid))!.id))!;
    const record = (await at.findExecution(id))!;
    expect(record).toEqual({
      id,
      uuid: launch.uuid,
      instanceId: expect.any(Number),
      instanceUuid: launch.uuid,
      latest: id,
      abandoned: false,
      jobName: 'anyJob',
      definition: DEFINITION,
      parameters: { source: 'a', label: 'é "q"' },
      status: 'STARTING',
      exitCode: 'UNKNOWN',
      exitDescription: undefined,
      createTime: record.lastUpdatedTime,
      startTime: undefined,
      lastUpdatedTime: expect.any(Number),
      endTime: undefined,
      counts: NO_COUNTS,
      progress: { partitionsTotal: 0, partitionsDone: 0, rowsTotal: 0, rowsDone: 0 },
      failures: [],
      results: {},
      stepCount: 0,
      handedBack: undefined,
      databaseWentBack: undefined,
      readAt: expect.any(Number),
    });
    expect(covers(record.createTime)).toBe(true);
    expect(record.readAt).toBeGreaterThanOrEqual(record.createTime);
  });

  it('without identity or key is another instance each time, numbered on', async () => {
    const [a, b] = [await repository.launch(), await repository.launch()];
    expect(b.id).toBe(a.id + 1);
    const [first, second] = [await at.findExecution(a.id), await at.findExecution(b.id)];
    expect(second!.instanceId).toBe(first!.instanceId + 1);
  });

  it('with an identity that is taken changes nothing', async () => {
    const { id } = await repository.launch({ identity: 'taken' });
    const before = await repository.snapshot();
    expect(await at.launch(launchOf({ identity: 'taken' }))).toEqual({ kind: 'changed' });
    expect(await repository.snapshot()).toEqual(before);
    expect(await at.findByIdentity('anyJob', 'taken')).toMatchObject({ id });
    expect(await at.findByIdentity('otherJob', 'taken')).toBeUndefined();
    expect((await repository.launch({ identity: 'taken', jobName: 'otherJob' })).id).toBeGreaterThan(id);
  });

  it('with a used idempotency key repeats the answer and changes nothing', async () => {
    const idempotency = { key: 'k1', fingerprint: 'f' };
    const first = await repository.launch({ idempotency, identity: 'with-key' });
    const before = await repository.snapshot();
    expect(await at.launch(launchOf({ idempotency, identity: 'with-key' }))).toEqual({ kind: 'repeated', ...first });
    const other = { key: 'k1', fingerprint: 'g' };
    expect(await at.launch(launchOf({ idempotency: other }))).toEqual({ kind: 'key-reused' });
    expect(await repository.snapshot()).toEqual(before);
  });

  it('remembers an idempotency key for a day', async () => {
    await repository.launch({ idempotency: { key: 'k2', fingerprint: 'f' } });
    const left = await repository.redis.ttl(repository.key('idempotency', 'k2'));
    expect(left).toBeGreaterThan(86_000);
    expect(left).toBeLessThanOrEqual(86_400);
  });

  it('goes on after Redis has forgotten all scripts', async () => {
    await repository.redis.script('FLUSH');
    const { id } = await repository.launch();
    await repository.redis.script('FLUSH');
    expect(await statusOf(id)).toBe('STARTING');
  });
});

describe('a restart', () => {
  it('is the next execution of the instance, whose UUID it keeps', async () => {
    const first = await repository.inStatus('FAILED');
    const second = await repository.restart(first);
    const [old, record] = [await at.findExecution(first.id), await at.findExecution(second.id)];
    expect(old).toMatchObject({ status: 'FAILED' });
    expect(record).toMatchObject({ status: 'STARTING', instanceId: old!.instanceId, instanceUuid: first.uuid });
    expect(await at.findLatest(old!.instanceId)).toEqual({ ...record, readAt: expect.any(Number) });
  });

  it.each([
    ['has another newest execution', { executionId: NOBODY.id }],
    ['is in another status', { status: 'FAILED' as const }],
    ['is not there', { instanceId: 4_711 as never }],
  ])('changes nothing where the instance %s', async (_how, changes) => {
    const { id } = await repository.inStatus('STOPPED');
    const { instanceId } = (await at.findExecution(id))!;
    const before = await repository.snapshot();
    const restarts = { instanceId, executionId: id, status: 'STOPPED' as const, ...changes };
    expect(await at.launch(launchOf({ restarts }))).toEqual({ kind: 'changed' });
    expect(await repository.snapshot()).toEqual(before);
  });

  it('is refused the second time: the newest execution is another one', async () => {
    const first = await repository.inStatus('STOPPED');
    const { instanceId } = (await at.findExecution(first.id))!;
    const restarts = { instanceId, executionId: first.id, status: 'STOPPED' as const };
    expect(await at.launch(launchOf({ restarts }))).toMatchObject({ kind: 'launched' });
    expect(await at.launch(launchOf({ restarts }))).toEqual({ kind: 'changed' });
  });
});

describe('of fifty at the same instant', () => {
  const fifty = Array.from({ length: 50 }, (_, i) => i);
  let stores: TestRepository['store'][];

  beforeAll(() => {
    stores = repository.otherStores(5);
  });

  const together = (launch: (i: number) => ReturnType<typeof launchOf>) =>
    Promise.all(fifty.map((i) => stores[i % stores.length]!.launch(launch(i))));

  it('exactly one start of the same identity wins', async () => {
    const jobName = 'identityJob';
    const outcomes = await together(() => launchOf({ jobName, identity: 'same' }));
    expect(tally(outcomes)).toEqual({ launched: 1, changed: 49 });
    expect(await repository.reader.listInstances(jobName, { start: 0, count: 100, statuses: [] })).toHaveLength(1);
  });

  it('exactly one start of the same idempotency key wins, and all are told of it', async () => {
    const jobName = 'keyJob';
    const outcomes = await together(() => launchOf({ jobName, idempotency: { key: 'same', fingerprint: 'f' } }));
    expect(tally(outcomes)).toEqual({ launched: 1, repeated: 49 });
    expect(new Set(outcomes.map((outcome) => 'uuid' in outcome && outcome.uuid)).size).toBe(1);
    expect(await repository.reader.listInstances(jobName, { start: 0, count: 100, statuses: [] })).toHaveLength(1);
  });

  it('exactly one restart wins', async () => {
    const { id } = await repository.inStatus('FAILED', { jobName: 'restartJob' });
    const { instanceId } = (await at.findExecution(id))!;
    const restarts = { instanceId, executionId: id, status: 'FAILED' as const };
    const outcomes = await together(() => launchOf({ jobName: 'restartJob', restarts }));
    expect(tally(outcomes)).toEqual({ launched: 1, changed: 49 });
    const [instance] = await repository.reader.listInstances('restartJob', { start: 0, count: 100, statuses: [] });
    expect(instance!.executions).toHaveLength(2);
  });

  it('all starts without identity win, each with its own number', async () => {
    const outcomes = await together(() => launchOf());
    expect(tally(outcomes)).toEqual({ launched: 50 });
    expect(new Set(outcomes.map((outcome) => 'id' in outcome && outcome.id)).size).toBe(50);
  });
});

describe('stop', () => {
  it.each(BATCH_STATUSES)('of an execution that is %s', async (status) => {
    const { id } = await repository.inStatus(status);
    const before = await repository.snapshot();
    const stops = status === 'STARTING' || status === 'STARTED';
    expect(await at.stop(id)).toBe(stops);
    const after = await repository.snapshot();
    expect(await statusOf(id)).toBe(stops ? 'STOPPING' : status);
    expect(await at.stop(id)).toBe(false);
    expect(await repository.snapshot()).toEqual(stops ? after : before);
  });

  it('takes back the partitions that no worker has begun, and leaves the others to their workers', async () => {
    const lease = await repository.loading(10, 4);
    await repository.run(partitionRef(lease, 0));
    const fence = await repository.claim(partitionRef(lease, 2));
    expect(await at.stop(lease.id)).toBe(true);
    expect(await repository.redis.smembers(repository.key('inFlight', lease.id, 'load'))).toEqual(['2']);
    expect(await at.claim(partitionRef(lease, 1), undefined)).toEqual({ kind: 'gone' });
    const end = { status: 'STOPPED' as const, counts: NO_COUNTS };
    expect(await at.finish(partitionRef(lease, 2), fence, end)).toEqual({ successor: undefined, stepDone: true });
  });

  it("takes back a step's own work that no worker has begun", async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 'close');
    await at.handOut(lease, CLOSE, 0);
    expect(await at.stop(lease.id)).toBe(true);
    expect((await at.facts(lease, [{ ...CLOSE, rerun: false }])).steps[0]).toMatchObject({ working: false });
    expect(await at.claimStep(stepRef(lease, 'close'))).toEqual({ kind: 'gone' });
    expect(await at.handOut(lease, CLOSE, 0)).toEqual({ work: false, partitions: [] });
  });

  it("leaves a step's own work that was begun to its worker", async () => {
    const lease = await repository.started();
    await at.beginStep(lease, 'close');
    const fence = await repository.work(lease, CLOSE);
    expect(await at.stop(lease.id)).toBe(true);
    expect((await at.facts(lease, [{ ...CLOSE, rerun: false }])).steps[0]).toMatchObject({ working: true });
    expect(await at.stepAlive(stepRef(lease, 'close'), fence)).toBe('stop');
    expect(await at.claimStep(stepRef(lease, 'close'))).toEqual({ kind: 'stopping', fence: expect.any(Number) });
  });

  it('takes back the work of every step that has STARTED', async () => {
    const lease = await repository.loading(3, 2);
    await repository.begin(lease, { name: 'store', kind: 'chunk' }, partitionsOf(3), 2);
    await repository.claim(partitionRef(lease, 1, 'store'));
    await at.stop(lease.id);
    const inFlight = (step: string) => repository.redis.smembers(repository.key('inFlight', lease.id, step));
    expect(await Promise.all(['load', 'store'].map(inFlight))).toEqual([[], ['1']]);
  });

  it('of nothing is refused', async () => {
    expect(await at.stop(NOBODY.id)).toBe(false);
  });
});

describe('a force stop', () => {
  it.each(BATCH_STATUSES)('marks an execution STOPPED that is %s, and a second one changes nothing', async (status) => {
    const ref = await repository.inStatus(status);
    const before = await at.findExecution(ref.id);
    const { covers } = await repository.timed(async () =>
      expect(await at.forceStop(ref, 'ann')).toEqual({ from: status }),
    );
    const after = (await at.findExecution(ref.id))!;
    const marked = status !== 'STOPPED';
    expect(after).toEqual({
      ...before,
      status: 'STOPPED',
      exitCode: 'STOPPED',
      exitDescription: marked ? `Force-stopped by ann from ${status}` : undefined,
      endTime: before!.endTime ?? after.lastUpdatedTime,
      lastUpdatedTime: marked ? after.lastUpdatedTime : before!.lastUpdatedTime,
      readAt: after.readAt,
    });
    expect(covers(after.lastUpdatedTime)).toBe(marked);
    const snapshot = await repository.snapshot();
    expect(await at.forceStop(ref, 'bob')).toEqual({ from: 'STOPPED' });
    expect(await repository.snapshot()).toEqual(snapshot);
  });

  it('ends the unfinished steps, takes the lease and lets no worker in any more', async () => {
    const lease = await repository.loading(5, 3);
    await at.acquire(lease, 'stop#1', LEASE_MS);
    await repository.run(partitionRef(lease, 0));
    await repository.claim(partitionRef(lease, 1));
    const { covers } = await repository.timed(() => at.forceStop(lease, 'ann'));
    const steps = await repository.reader.listSteps(lease.id, 0, 10);
    expect(steps.map(({ stepName, status, exitCode }) => [stepName, status, exitCode])).toEqual([
      ['load', 'STOPPED', 'STOPPED'],
      ['load:Rows 0 - 9', 'COMPLETED', 'COMPLETED'],
      ['load:Rows 10 - 19', 'STOPPED', 'STOPPED'],
    ]);
    expect(covers(steps[0]!.endTime) && covers(steps[2]!.endTime)).toBe(true);
    const [held, nudged] = [repository.key('lease', lease.id), repository.key('nudge', lease.id)];
    expect(await repository.redis.exists(held, nudged)).toBe(0);
    expect((await at.acquire(lease, 'start#2', LEASE_MS)).kind).toBe('gone');
    expect(await at.claim(partitionRef(lease, 2), undefined)).toEqual({ kind: 'gone' });
  });

  it('of nothing tells so', async () => {
    expect(await at.forceStop(NOBODY, 'ann')).toBeUndefined();
    const { id } = await repository.launch();
    expect(await at.forceStop({ ...NOBODY, id }, 'ann')).toBeUndefined();
    expect(await at.findExecution(id)).toMatchObject({ status: 'STARTING' });
  });
});

describe('abandon', () => {
  it.each(BATCH_STATUSES)('of an execution that is %s', async (status) => {
    const { id } = await repository.inStatus(status);
    const before = await repository.snapshot();
    const abandons = status === 'STOPPED' || status === 'FAILED';
    expect(await at.abandon(id)).toBe(abandons);
    expect(await statusOf(id)).toBe(abandons ? 'ABANDONED' : status);
    const after = await repository.snapshot();
    expect(await at.abandon(id)).toBe(false);
    expect(await repository.snapshot()).toEqual(abandons ? after : before);
  });

  it('is final for the instance, also once the abandoned execution is deleted or force-stopped', async () => {
    const first = await repository.inStatus('FAILED');
    const { instanceId } = (await at.findExecution(first.id))!;
    const second = await repository.restart(first);
    await at.forceStop(second, 'ann');
    expect((await at.findExecution(second.id))?.abandoned).toBe(false);
    await at.abandon(second.id);
    const refused = async (executionId: typeof first.id, status: 'FAILED' | 'STOPPED' | 'ABANDONED') =>
      expect(await at.launch(launchOf({ restarts: { instanceId, executionId, status } }))).toEqual({ kind: 'changed' });
    await refused(second.id, 'ABANDONED');
    await at.forceStop(second, 'ann');
    await refused(second.id, 'STOPPED');
    expect(await at.forget(second.id, 100, true)).toBe('done');
    expect(await at.findLatest(instanceId)).toMatchObject({ id: first.id, abandoned: true });
    await refused(first.id, 'FAILED');
  });

  it('of nothing is refused', async () => {
    expect(await at.abandon(NOBODY.id)).toBe(false);
  });
});

describe('the sweeper', () => {
  it('is told of running executions without progress, the longest silent first', async () => {
    const mine = new TestRepository();
    try {
      const refs: ExecutionRef[] = [];
      for (const status of BATCH_STATUSES) {
        const ref = await mine.inStatus(status);
        if (isRunning(status)) refs.push(ref);
      }
      // By Redis's clock, whatever the callers' clocks say: each is made silent for a time of its own.
      const [seconds] = await mine.redis.time();
      const silentFor = (ref: ExecutionRef, s: number) =>
        mine.redis.zadd(mine.key('running'), (Number(seconds) - s) * 1_000, ref.id);
      await Promise.all(refs.map((ref, i) => silentFor(ref, 1_000 - i)));
      const late = await mine.launch();
      const silent = async (ms: number, limit: number) => {
        const found = await mine.store.silentFor(ms, limit);
        return found.map(({ id, uuid }) => ({ id, uuid }));
      };
      expect(await silent(500_000, 100)).toEqual(refs);
      expect(await silent(500_000, 1)).toEqual(refs.slice(0, 1));
      expect(await silent(0, 100)).toEqual([...refs, late]);
      const [longest] = await mine.store.silentFor(0, 1);
      expect(longest).toEqual({ ...refs[0], silentMs: expect.any(Number), handedBack: undefined });
      expect(longest!.silentMs).toBeGreaterThanOrEqual(999_000);
      expect(longest!.silentMs).toBeLessThan(1_010_000);
      await mine.store.forceStop(late, 'ann');
      expect(await silent(0, 100)).toEqual(refs);
    } finally {
      await mine.close();
    }
  });
});

describe('a number that stands for another execution', () => {
  it('is not taken for it', async () => {
    const lease = await repository.loading(1);
    const impostor = { ...lease, uuid: executionUuid(randomUUID()) };
    expect((await at.acquire(impostor, 'start#1', LEASE_MS)).kind).toBe('gone');
    expect(await at.load(impostor)).toBeUndefined();
    expect(await at.claim(partitionRef(impostor, 0), undefined)).toEqual({ kind: 'gone' });
    expect(await at.progress(partitionRef(impostor, 0), 1, NO_COUNTS)).toBe('superseded');
    const end = { status: 'COMPLETED' as const, counts: NO_COUNTS };
    expect(await at.finish(partitionRef(impostor, 0), 1, end)).toBeUndefined();
  });
});
