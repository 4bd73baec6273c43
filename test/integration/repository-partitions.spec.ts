import { NO_COUNTS } from '#domain';
import type { Lease } from '#engine';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countsWith, LOAD, partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

const found = async (lease: { id: Lease['id'] }) => (await at.findExecution(lease.id))!;
const stepsOf = (lease: { id: Lease['id'] }) => repository.reader.listSteps(lease.id, 0, 1_000);
const COMPLETED = { status: 'COMPLETED' as const, counts: NO_COUNTS };

describe('claim', () => {
  it('begins an attempt, with all that it needs', async () => {
    const lease = await repository.loading(3);
    const { covers } = await repository.timed(async () =>
      expect(await at.claim(partitionRef(lease, 1), 7)).toEqual({
        kind: 'run',
        fence: 7_000,
        attempts: 1,
        partition: partitionsOf(3)[1],
        position: undefined,
        counts: NO_COUNTS,
      }),
    );
    const step = (await stepsOf(lease))[1]!;
    expect(step).toEqual({
      stepName: 'load:Rows 10 - 19',
      status: 'STARTED',
      exitCode: 'EXECUTING',
      startTime: step.lastUpdatedTime,
      lastUpdatedTime: expect.any(Number),
      endTime: undefined,
      counts: NO_COUNTS,
      failure: undefined,
    });
    expect(covers(step.startTime)).toBe(true);
  });

  it('gives a partition again only to a higher fence; the step execution stays one', async () => {
    const lease = await repository.loading(1);
    const ref = partitionRef(lease, 0);
    expect(await at.claim(ref, 2)).toMatchObject({ kind: 'run', fence: 2_000 });
    const before = await repository.snapshot();
    expect(await at.claim(ref, 1)).toEqual({ kind: 'superseded' });
    expect(await repository.snapshot()).toEqual(before);
    expect(await at.claim(ref, 10)).toMatchObject({ kind: 'run', fence: 10_000, attempts: 2 });
    expect(await at.claim(ref, 9)).toEqual({ kind: 'superseded' });
    expect((await found(lease)).stepCount).toBe(2);
  });

  it('by the same fence is the same attempt, whose answer got lost', async () => {
    const ref = partitionRef(await repository.loading(1), 0);
    const { kind, fence } = (await at.claim(ref, 2)) as { kind: string; fence: number };
    expect(await at.claim(ref, 2)).toMatchObject({ kind, fence });
  });

  it('of a partition in flight runs it, though it once was STOPPED: Redis lost the second of the stop', async () => {
    const lease = await repository.loading(2, 1);
    const ref = partitionRef(lease, 0);
    const fence = await repository.claim(ref);
    expect(await at.isAwaited(ref)).toBe(true);
    // The stop that this end belongs to is lost: the partition stays in flight.
    const stopped = { status: 'STOPPED', counts: countsWith({ readCount: 1, filterCount: 1 }) } as const;
    expect(await at.finish(ref, fence, stopped)).toBeUndefined();
    expect(await at.isAwaited(ref)).toBe(true);
    expect(await at.claim(ref, undefined)).toMatchObject({ kind: 'run', fence: fence + 1 });
  });

  it("without the sink's fence, as the sink is away, comes between two of the sink's", async () => {
    const lease = await repository.loading(1);
    const ref = partitionRef(lease, 0);
    const first = await repository.claim(ref, 1);
    const without = [await repository.claim(ref), await repository.claim(ref)];
    expect(await at.claim(ref, 1)).toEqual({ kind: 'superseded' });
    const next = await repository.claim(ref, 2);
    expect(new Set([first, ...without, next]).size).toBe(4);
    const failed = { status: 'FAILED', failure: 'the sink is away', counts: NO_COUNTS } as const;
    for (const old of without) expect(await at.finish(ref, old, failed)).toBeUndefined();
    expect(await at.finish(ref, next, COMPLETED)).toEqual({ successor: undefined, stepDone: true });
  });

  it('raises a fence of its own where the sink has none', async () => {
    const ref = partitionRef(await repository.loading(1), 0);
    expect(await repository.claim(ref)).toBe(1);
    expect(await repository.claim(ref)).toBe(2);
  });

  it('counts the attempts since a chunk was last committed', async () => {
    const ref = partitionRef(await repository.loading(1), 0);
    await repository.claim(ref);
    const fence = await repository.claim(ref);
    expect(await at.progress(ref, fence, countsWith({ readCount: 1 }))).toBe('go-on');
    expect(await at.claim(ref, undefined)).toMatchObject({
      attempts: 1,
      counts: { readCount: 1 },
    });
  });

  it.each([
    ['is not in flight yet', 2],
    ['is not in the plan', 3],
  ])('of a partition that %s has nothing to do', async (_why, partition) => {
    const lease = await repository.loading(3, 2);
    const before = await repository.snapshot();
    expect(await at.claim(partitionRef(lease, partition), undefined)).toEqual({ kind: 'gone' });
    expect(await repository.snapshot()).toEqual(before);
  });

  it('while the execution is stopping has the partition reported STOPPED', async () => {
    const lease = await repository.loading(2);
    const ref = partitionRef(lease, 0);
    const first = await repository.claim(ref);
    await at.progress(ref, first, countsWith({ readCount: 4, writeCount: 4 }));
    await at.stop(lease.id);
    const counts = countsWith({ readCount: 4, writeCount: 4 });
    expect(await at.claim(ref, undefined)).toEqual({ kind: 'stopping', fence: 2, counts });
    const end = { status: 'STOPPED' as const, counts };
    expect(await at.finish(ref, 2, end)).toEqual({ successor: undefined, stepDone: true });
    expect((await stepsOf(lease))[1]).toMatchObject({ status: 'STOPPED', exitCode: 'STOPPED', counts });
  });

  it('of a finished partition tells what its finisher may not have lived to announce', async () => {
    const lease = await repository.loading(3, 1);
    const ref = partitionRef(lease, 0);
    await repository.run(ref);
    const announced = { kind: 'finished', announcement: { successor: 1, stepDone: false } };
    expect(await at.claim(ref, undefined)).toEqual(announced);
    expect(await at.claim(ref, 99)).toEqual(announced);
    await repository.run(partitionRef(lease, 1));
    const nothing = { kind: 'finished', announcement: { successor: undefined, stepDone: false } };
    expect(await at.claim(ref, undefined)).toEqual(nothing);
    await repository.run(partitionRef(lease, 2));
    const done = { kind: 'finished', announcement: { successor: undefined, stepDone: true } };
    expect(await at.claim(ref, undefined)).toEqual(done);
  });
});

const skips = (skipCount: number) => countsWith({ readCount: skipCount, skipCount });

describe('progress', () => {
  const counts = countsWith({ readCount: 10, writeCount: 7, filterCount: 1, skipCount: 2, commitCount: 1 });

  it('takes counts as absolute and rolls them up by difference', async () => {
    const lease = await repository.loading(2);
    const [a, b] = [partitionRef(lease, 0), partitionRef(lease, 1)];
    const [fenceA, fenceB] = [await repository.claim(a), await repository.claim(b)];
    await at.progress(a, fenceA, counts);
    await at.progress(b, fenceB, countsWith({ readCount: 5, writeCount: 5, commitCount: 1 }));
    await at.progress(a, fenceA, { ...counts, readCount: 15, writeCount: 12, commitCount: 2, rollbackCount: 1 });
    const sum = { readCount: 20, writeCount: 17, filterCount: 1, skipCount: 2, commitCount: 3, rollbackCount: 1 };
    expect(await found(lease)).toMatchObject({ counts: sum, progress: { rowsDone: 20 } });
    expect((await stepsOf(lease))[0]?.counts).toEqual(sum);
  });

  it('repeated changes nothing', async () => {
    const ref = partitionRef(await repository.loading(1), 0);
    const fence = await repository.claim(ref);
    const checkpoint = { position: { row: 10 }, skipLimit: 2 };
    await at.progress(ref, fence, counts, checkpoint);
    const once = await repository.snapshot();
    expect(await at.progress(ref, fence, counts, checkpoint)).toBe('go-on');
    expect(await repository.snapshot()).toEqual(once);
  });

  it('is refused to a superseded attempt, and changes nothing', async () => {
    const ref = partitionRef(await repository.loading(1), 0);
    const old = await repository.claim(ref);
    await repository.claim(ref);
    const before = await repository.snapshot();
    expect(await at.progress(ref, old, counts, { position: 1, skipLimit: 9 })).toBe('superseded');
    expect(await at.finish(ref, old, COMPLETED)).toBeUndefined();
    expect(await repository.snapshot()).toEqual(before);
  });

  it('tells of a stop', async () => {
    const lease = await repository.loading(1);
    const ref = partitionRef(lease, 0);
    const fence = await repository.claim(ref);
    await at.stop(lease.id);
    expect(await at.progress(ref, fence, counts)).toBe('stop');
    expect((await found(lease)).counts).toEqual(counts);
  });

  it('after a force stop still counts what was committed before, and keeps its position', async () => {
    const lease = await repository.loading(1);
    const ref = partitionRef(lease, 0);
    const fence = await repository.claim(ref);
    await at.forceStop(lease, 'ann');
    expect(await at.progress(ref, fence, counts, { position: 10, skipLimit: 9 })).toBe('superseded');
    expect(await found(lease)).toMatchObject({ status: 'STOPPED', counts, progress: { rowsDone: 10 } });
    expect(await repository.redis.zscore(repository.key('running'), lease.id)).toBeNull();
    const again = await loadingAgain(lease);
    expect(await at.claim(partitionRef(again, 0), undefined)).toMatchObject({ position: 10 });
  });

  it('of a force-stopped execution does not move the position of its restart', async () => {
    const lease = await repository.loading(1);
    const old = partitionRef(lease, 0);
    const fence = await repository.claim(old);
    await at.forceStop(lease, 'ann');
    const ref = partitionRef(await loadingAgain(lease), 0);
    await at.progress(ref, await repository.claim(ref), counts, { position: 40, skipLimit: 9 });
    expect(await at.progress(old, fence, counts, { position: 10, skipLimit: 9 })).toBe('superseded');
    expect(await at.claim(ref, undefined)).toMatchObject({ position: 40 });
  });

  it('counts the skips of the whole step towards its limit, and changes nothing beyond it', async () => {
    const lease = await repository.loading(2);
    const [a, b] = [partitionRef(lease, 0), partitionRef(lease, 1)];
    const [fenceA, fenceB] = [await repository.claim(a), await repository.claim(b)];
    const checkpoint = { position: 1, skipLimit: 3 };
    expect(await at.progress(a, fenceA, skips(2), checkpoint)).toBe('go-on');
    const before = await repository.snapshot();
    expect(await at.progress(b, fenceB, skips(2), checkpoint)).toBe('skip-limit');
    expect(await repository.snapshot()).toEqual(before);
    expect(await at.progress(b, fenceB, skips(1), checkpoint)).toBe('go-on');
    expect(await at.progress(b, fenceB, { ...skips(1), readCount: 5 }, checkpoint)).toBe('go-on');
    expect((await found(lease)).counts).toMatchObject({ skipCount: 3 });
  });
});

/** Restarts an execution that has ended and begins its first step again. */
async function loadingAgain(ended: Lease, window = 1_000): Promise<Lease> {
  const lease = await repository.lease(await repository.restart(ended));
  await at.beginExecution(lease);
  await at.beginStep(lease, 'load');
  await at.handOut(lease, LOAD, window);
  return lease;
}

describe('finish', () => {
  it('records the end, its counts and its successor, and gives the same answer again', async () => {
    const lease = await repository.loading(5, 2);
    const ref = partitionRef(lease, 0);
    const fence = await repository.claim(ref);
    const counts = countsWith({ readCount: 10, writeCount: 10, commitCount: 1 });
    const end = { status: 'COMPLETED' as const, counts };
    const { covers } = await repository.timed(async () =>
      expect(await at.finish(ref, fence, end)).toEqual({ successor: 2, stepDone: false }),
    );
    const once = await repository.snapshot();
    expect(await at.finish(ref, fence, end)).toEqual({ successor: 2, stepDone: false });
    expect(await repository.snapshot()).toEqual(once);
    const ended = (await stepsOf(lease))[1];
    expect(ended).toMatchObject({ status: 'COMPLETED', exitCode: 'COMPLETED', counts });
    expect(covers(ended?.endTime) && ended?.lastUpdatedTime === ended?.endTime).toBe(true);
    expect(await found(lease)).toMatchObject({ counts, progress: { partitionsDone: 1, rowsDone: 10 } });
  });

  it('keeps the window full until the plan is spent, and tells the last one', async () => {
    const lease = await repository.loading(5, 2);
    const answers = [];
    for (const partition of [1, 0, 2, 4, 3]) answers.push(await repository.run(partitionRef(lease, partition)));
    expect(answers).toEqual([
      { successor: 2, stepDone: false },
      { successor: 3, stepDone: false },
      { successor: 4, stepDone: false },
      { successor: undefined, stepDone: false },
      { successor: undefined, stepDone: true },
    ]);
  });

  it('of a failed partition tells why, and the others go on', async () => {
    const lease = await repository.loading(3, 1);
    const failed = await repository.run(partitionRef(lease, 0), countsWith({ readCount: 3 }), 'FAILED');
    expect(failed).toEqual({ successor: 1, stepDone: false });
    expect((await stepsOf(lease))[1]).toMatchObject({ status: 'FAILED', exitCode: 'FAILED', failure: 'broken' });
    expect(await found(lease)).toMatchObject({
      failures: [{ stepName: 'load:Rows 0 - 9', message: 'broken', time: expect.any(Number) }],
      counts: { readCount: 3 },
      progress: { partitionsDone: 0 },
    });
  });

  it('hands out no successor while the execution is stopping', async () => {
    const lease = await repository.loading(5, 2);
    const fences = [await repository.claim(partitionRef(lease, 0)), await repository.claim(partitionRef(lease, 1))];
    await at.stop(lease.id);
    const first = await at.finish(partitionRef(lease, 0), fences[0]!, COMPLETED);
    const second = await at.finish(partitionRef(lease, 1), fences[1]!, { ...COMPLETED, status: 'STOPPED' });
    expect([first, second]).toEqual([
      { successor: undefined, stepDone: false },
      { successor: undefined, stepDone: true },
    ]);
  });

  it('takes back a successor that no worker has begun before a stop', async () => {
    const lease = await repository.loading(5, 1);
    const ref = partitionRef(lease, 0);
    expect(await repository.run(ref)).toEqual({ successor: 1, stepDone: false });
    await at.stop(lease.id);
    expect(await at.finish(ref, 1, COMPLETED)).toEqual({ successor: undefined, stepDone: true });
  });

  it('after a force stop is refused and changes nothing', async () => {
    const lease = await repository.loading(2);
    const ref = partitionRef(lease, 0);
    const fence = await repository.claim(ref);
    await at.forceStop(lease, 'ann');
    const before = await repository.snapshot();
    expect(await at.finish(ref, fence, COMPLETED)).toBeUndefined();
    expect(await repository.snapshot()).toEqual(before);
  });

  it('happens once, however many workers report at the same instant', async () => {
    const lease = await repository.loading(40, 8);
    const stores = repository.otherStores(4);
    const refs = [0, 1, 2, 3].map((partition) => partitionRef(lease, partition));
    const fences = await Promise.all(refs.map((ref) => repository.claim(ref)));
    const counts = countsWith({ readCount: 10 });
    const answers = await Promise.all(
      refs.flatMap((ref, i) => stores.map((store) => store.finish(ref, fences[i]!, { ...COMPLETED, counts }))),
    );
    expect(new Set(answers.map((answer) => answer?.successor))).toEqual(new Set([8, 9, 10, 11]));
    expect(await found(lease)).toMatchObject({
      counts: { readCount: 40 },
      progress: { partitionsDone: 4, rowsDone: 40 },
    });
  });
});

describe('a restart', () => {
  it('skips what is COMPLETED, across bytes, and goes on from each position', async () => {
    const total = 700;
    const lease = await repository.loading(total);
    const left = [0, 7, 8, 255, 256, 257, 511, 699];
    for (let p = 0; p < total; p++) if (!left.includes(p)) await repository.run(partitionRef(lease, p));
    const half = partitionRef(lease, 256);
    const checkpoint = { position: { byte: 123 }, skipLimit: 0 };
    await at.progress(half, await repository.claim(half), countsWith({ readCount: 5 }), checkpoint);
    await at.forceStop(lease, 'ann');

    const again = await loadingAgain(lease, 2);
    const queue = (await at.handOut(again, LOAD, 2)).partitions;
    const positions: [number, unknown][] = [];
    for (let partition = queue.shift(); partition !== undefined; partition = queue.shift()) {
      const ref = partitionRef(again, partition);
      const claim = await at.claim(ref, undefined);
      positions.push([partition, claim.kind === 'run' ? claim.position : claim.kind]);
      const announced = await at.finish(ref, 1, COMPLETED);
      if (announced?.successor !== undefined) queue.push(announced.successor);
    }
    expect(positions).toEqual(left.map((partition) => [partition, partition === 256 ? { byte: 123 } : undefined]));
    expect((await found(again)).progress).toMatchObject({ partitionsDone: total, partitionsTotal: total });
  });

  it('hands out exactly the partitions that have not COMPLETED, whichever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 70 }), async (completed) => {
        const lease = await repository.loading(completed.length);
        for (const [p, done] of completed.entries()) {
          await repository.run(partitionRef(lease, p), NO_COUNTS, done ? 'COMPLETED' : 'FAILED');
        }
        await repository.end(lease, 'FAILED');
        const again = await loadingAgain(lease);
        const left = completed.flatMap((done, p) => (done ? [] : [p]));
        expect(await at.handOut(again, LOAD, 1_000)).toEqual({ work: false, partitions: left });
        const facts = await at.facts(again, [{ ...LOAD, rerun: false }]);
        expect(facts.steps[0]).toMatchObject({ inFlight: left.length, waiting: false, planned: true });
      }),
      { numRuns: 15 },
    );
  });

  it('of a COMPLETED step that runs again has all its partitions to do', async () => {
    const lease = await repository.loading(3);
    for (const p of [0, 1, 2]) await repository.run(partitionRef(lease, p), countsWith({ readCount: 10 }));
    await at.endStep(lease, 'load', { status: 'COMPLETED', exitCode: 'COMPLETED' });
    await repository.end(lease, 'FAILED');
    const again = await loadingAgain(lease);
    expect(await at.handOut(again, LOAD, 10)).toEqual({ work: false, partitions: [0, 1, 2] });
    expect((await found(again)).progress).toEqual({
      partitionsTotal: 3,
      partitionsDone: 0,
      rowsTotal: 30,
      rowsDone: 0,
    });
  });
});
