import type { TransitionEvent } from '#engine';
import { RedisEventLog, redisExecutionStore } from '#repository';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CLOSE,
  countsWith,
  LEASE_MS,
  LOAD,
  MODULE,
  NO_STEPS,
  partitionRef,
  stepRef,
  TestRepository,
} from '../support/repository.js';

let repository: TestRepository;

beforeEach(() => {
  repository = new TestRepository();
});

afterEach(() => repository.close());

const all = () => new RedisEventLog(repository.redis, repository.prefix, MODULE).read(undefined, 1_000);

/** E.g. `1 STARTING → STARTED`, `1 load - → STARTED`. */
const short = ({ executionId, step, from, to }: TransitionEvent): string =>
  [executionId, ...(step === undefined ? [] : [step]), from ?? '-', '→', to].join(' ');

const transitions = async (): Promise<string[]> => (await all()).map(short);

describe('the events of a module', () => {
  it('have every transition of a run, once and in order', async () => {
    const { store } = repository;
    const lease = await repository.loading(2);
    for (const partition of [0, 1]) await repository.run(partitionRef(lease, partition), countsWith({ readCount: 5 }));
    await store.endStep(lease, LOAD.name, { status: 'COMPLETED', exitCode: 'COMPLETED' });
    await store.beginStep(lease, CLOSE.name);
    const fence = await repository.work(lease, CLOSE);
    await store.finishStep(stepRef(lease, CLOSE.name), fence, { status: 'COMPLETED', exitCode: 'NOOP' });
    await repository.end(lease, 'COMPLETED');
    expect(await transitions()).toEqual([
      '1 - → STARTING',
      '1 STARTING → STARTED',
      '1 load - → STARTED',
      '1 load STARTED → COMPLETED',
      '1 close - → STARTED',
      '1 close STARTED → COMPLETED',
      '1 STARTED → COMPLETED',
    ]);
  });

  it('tell job, version, time, and at an end what came of it', async () => {
    const lease = await repository.loading(1);
    await repository.run(partitionRef(lease, 0), countsWith({ readCount: 5, writeCount: 4 }), 'FAILED');
    const failure = { stepName: LOAD.name, message: 'broken' };
    await repository.store.endStep(lease, LOAD.name, { status: 'FAILED', exitCode: 'FAILED', failure });
    await repository.store.endExecution(lease, { status: 'FAILED', exitCode: 'BAD_FILE', failure });
    const events = await all();
    const { startTime, endTime } = (await repository.store.findExecution(lease.id))!;
    expect(events.at(-1)).toEqual({
      id: expect.any(String),
      type: 'execution',
      executionId: lease.id,
      uuid: lease.uuid,
      job: 'anyJob',
      jobVersion: '1',
      step: undefined,
      from: 'STARTED',
      to: 'FAILED',
      at: endTime,
      requestId: undefined,
      end: {
        exitCode: 'BAD_FILE',
        durationMs: endTime! - startTime!,
        failure: 'load:Rows 0 - 9: broken',
        counts: countsWith({ readCount: 5, writeCount: 4 }),
      },
    });
    expect(events.at(-2)).toMatchObject({ type: 'step', step: 'load', end: { failure: 'broken' } });
    expect(events.slice(0, -2).map(({ end }) => end)).toEqual([undefined, undefined, undefined]);
  });

  it('have stop and restart, then force stop with the steps that it ends', async () => {
    const { store } = repository;
    const lease = await repository.loading(1);
    await store.stop(lease.id);
    await repository.end(lease, 'STOPPED');
    const again = await repository.lease(await repository.restart(lease));
    await store.beginExecution(again);
    await store.beginStep(again, LOAD.name);
    await store.forceStop(again, 'ann');
    expect((await transitions()).slice(3)).toEqual([
      '1 STARTED → STOPPING',
      '1 load STARTED → STOPPED',
      '1 STOPPING → STOPPED',
      '2 - → STARTING',
      '2 STARTING → STARTED',
      '2 load - → STARTED',
      '2 load STARTED → STOPPED',
      '2 STARTED → STOPPED',
    ]);
    expect((await all()).at(-1)?.end?.failure).toBe('Force-stopped by ann from STARTED');
  });

  it('have an execution that recovery fails, is abandoned, and a step that is reopened', async () => {
    const { store } = repository;
    const lease = await repository.loading(1);
    await repository.run(partitionRef(lease, 0));
    await store.endStep(lease, LOAD.name, { status: 'COMPLETED', exitCode: 'COMPLETED' });
    await store.reopen(lease, LOAD.name, [[0, 0]]);
    await store.fail(lease, { stepName: LOAD.name, message: 'silent' });
    await store.abandon(lease.id);
    expect((await transitions()).slice(3)).toEqual([
      '1 load STARTED → COMPLETED',
      '1 load COMPLETED → STARTED',
      '1 load STARTED → FAILED',
      '1 STARTED → FAILED',
      '1 FAILED → ABANDONED',
    ]);
  });

  it('have a step once that settlement finds in the database alone', async () => {
    const { store } = repository;
    const ref = await repository.inStatus('STOPPED');
    for (let twice = 0; twice < 2; twice += 1) await store.settle(partitionRef(ref, 0), countsWith({ readCount: 1 }));
    expect((await transitions()).slice(-2)).toEqual(['1 load - → STARTED', '1 load STARTED → STOPPED']);
  });

  it('have a transition once, however often its script is repeated', async () => {
    const { store } = repository;
    const lease = await repository.launch({ definition: NO_STEPS }).then((ref) => repository.lease(ref));
    const end = { status: 'FAILED', exitCode: 'FAILED' } as const;
    const calls = [
      () => store.beginExecution(lease),
      () => store.beginStep(lease, LOAD.name),
      () => store.endStep(lease, LOAD.name, end),
      () => store.stop(lease.id),
      () => store.endExecution(lease, end),
      () => store.fail(lease, { stepName: LOAD.name, message: 'silent' }),
      () => store.forceStop(lease, 'ann'),
      () => store.abandon(lease.id),
      () => store.acquire(lease, 'late#1', LEASE_MS),
    ];
    for (const call of calls) for (let twice = 0; twice < 2; twice += 1) await call();
    expect(await transitions()).toEqual([
      '1 - → STARTING',
      '1 STARTING → STARTED',
      '1 load - → STARTED',
      '1 load STARTED → FAILED',
      '1 STARTED → STOPPING',
      '1 STOPPING → FAILED',
      '1 FAILED → STOPPED',
      '1 STOPPED → ABANDONED',
    ]);
  });

  it('are read from where a reader left', async () => {
    await repository.inStatus('COMPLETED');
    const log = new RedisEventLog(repository.redis, repository.prefix, MODULE);
    const [first, ...rest] = await all();
    expect(await log.read(first!.id, 1)).toEqual(rest.slice(0, 1));
    expect(await log.read(rest.at(-1)!.id, 10)).toEqual([]);
  });

  it('stay as few as they are, however many executions there are', async () => {
    for (let batch = 0; batch < 5; batch += 1) {
      await Promise.all(Array.from({ length: 2_500 }, () => repository.launch()));
    }
    expect(await repository.redis.xlen(repository.key('events'))).toBeLessThan(10_200);
  });
});

describe('the process that writes a transition', () => {
  it('is told of it once, however often it asks; others are not', async () => {
    const told: string[] = [];
    const { redis, prefix } = repository;
    const listening = redisExecutionStore(redis, prefix, MODULE, (event) =>
      told.push(`${short(event)} ${event.requestId}`),
    );
    const ref = await repository.launch({ requestId: 'start-1' });
    expect(await listening.stop(ref.id, 'stop-2')).toBe(true);
    expect(await listening.stop(ref.id, 'stop-3')).toBe(false);
    await listening.forceStop(ref, 'ann', 'force-4');
    await listening.forceStop(ref, 'ann', 'force-5');
    await listening.abandon(ref.id, 'abandon-6');
    expect(told).toEqual([
      '1 STARTING → STOPPING stop-2',
      '1 STOPPING → STOPPED force-4',
      '1 STOPPED → ABANDONED abandon-6',
    ]);
    const inStream = (await all()).map((event) => `${short(event)} ${event.requestId}`);
    expect(inStream).toEqual(['1 - → STARTING start-1', ...told]);
  });
});
