import { describe, expect } from 'vitest';
import { NO_COUNTS } from '#domain';
import { LEASE_MS, countsWith, nobody, partitionRef, partitionsOf, type ContractTest } from './scene.js';

/** Partitions, and work that is handed back. */
export function partitionsContract(test: ContractTest): void {
  describe('a partition', () => {
    test('is claimed by the newest attempt, with its plan and what the store keeps of it', async (scene, store) => {
      const lease = await scene.loading(2);
      const ref = partitionRef(lease, 1);
      const first = await scene.claim(ref);
      const counts = countsWith({ readCount: 4, writeCount: 3, skipCount: 1, commitCount: 1 });
      expect(await store.progress(ref, first, counts, { position: { at: 4 }, skipLimit: 1 })).toBe('go-on');
      const claim = await store.claim(ref, undefined);
      expect(claim).toMatchObject({
        kind: 'run',
        attempts: 1,
        partition: partitionsOf(2)[1],
        position: { at: 4 },
        counts,
      });
      expect(await store.holds(ref, first)).toBe(false);
      expect(await store.progress(ref, first, NO_COUNTS)).toBe('superseded');
      expect(await store.finish(ref, first, { status: 'COMPLETED', counts })).toBeUndefined();
      expect((await scene.view(lease)).counts).toEqual(counts);
    });

    test('goes by the fence of its sink where it has one', async (scene, store) => {
      const lease = await scene.loading(1);
      const ref = partitionRef(lease, 0);
      const fence = await scene.claim(ref, 5);
      expect((await store.claim(ref, 4)).kind).toBe('superseded');
      expect(await store.holds(ref, fence)).toBe(true);
      expect(await scene.claim(ref)).toBeGreaterThan(fence);
      expect((await store.claim(ref, 6)).kind).toBe('run');
    });

    test('hands out its successor with its end, and says so again', async (scene, store) => {
      const lease = await scene.loading(3, 1);
      expect(await scene.run(partitionRef(lease, 0))).toEqual({ successor: 1, stepDone: false });
      expect(await store.claim(partitionRef(lease, 0), undefined)).toEqual({
        kind: 'finished',
        announcement: { successor: 1, stepDone: false },
      });
      await scene.run(partitionRef(lease, 1));
      expect(await scene.run(partitionRef(lease, 2))).toEqual({ successor: undefined, stepDone: true });
      expect(await store.isAwaited(partitionRef(lease, 2))).toBe(false);
      expect(await store.claim(partitionRef(lease, 7), undefined)).toEqual({ kind: 'gone' });
      expect((await scene.view(lease)).progress.partitionsDone).toBe(3);
    });

    test('may skip as many items as the step may, over all its partitions', async (scene, store) => {
      const lease = await scene.loading(2);
      const one = countsWith({ readCount: 1, skipCount: 1, commitCount: 1 });
      const checkpoint = { position: 1, skipLimit: 1 };
      const [first, second] = [partitionRef(lease, 0), partitionRef(lease, 1)];
      const [a, b] = [await scene.claim(first), await scene.claim(second)];
      expect(await store.progress(first, a, one, checkpoint)).toBe('go-on');
      expect(await store.progress(first, a, one, checkpoint)).toBe('go-on');
      expect(await store.progress(second, b, one, checkpoint)).toBe('skip-limit');
      expect((await scene.view(lease)).counts).toEqual(one);
    });

    test('that FAILED fails its step, which keeps the words', async (scene, store) => {
      const lease = await scene.loading(1);
      await scene.run(partitionRef(lease, 0), NO_COUNTS, 'FAILED');
      expect((await scene.facts(lease)).load.partitionFailed).toBe(true);
      await store.endStep(lease, 'load', { status: 'FAILED', exitCode: 'FAILED' });
      await scene.end(lease, 'FAILED');
      expect(await scene.view(lease)).toMatchObject({
        exitDescription: 'load:PART0: broken',
        failures: [{ stepName: 'load:PART0', message: 'broken' }],
      });
    });

    test('is taken back by a stop if nobody has begun it, and STOPPED else', async (scene, store) => {
      const lease = await scene.loading(3, 2);
      const fence = await scene.claim(partitionRef(lease, 0));
      expect(
        await store.finish(partitionRef(lease, 0), fence, { status: 'STOPPED', counts: NO_COUNTS }),
      ).toBeUndefined();
      await store.stop(lease.id);
      expect(await store.isAwaited(partitionRef(lease, 1))).toBe(false);
      expect(await store.progress(partitionRef(lease, 0), fence, NO_COUNTS)).toBe('stop');
      expect((await store.claim(partitionRef(lease, 0), undefined)).kind).toBe('stopping');
      expect(await scene.run(partitionRef(lease, 0), NO_COUNTS, 'STOPPED')).toEqual({
        successor: undefined,
        stepDone: true,
      });
    });

    test('counts what was committed before a force stop, and nothing else', async (scene, store) => {
      const lease = await scene.loading(1);
      const ref = partitionRef(lease, 0);
      const fence = await scene.claim(ref);
      expect(await store.stopIfRunning(lease, 'ann')).toEqual({ from: 'STARTED' });
      expect(await store.stopIfRunning(lease, 'ann')).toEqual({ from: 'STOPPED' });
      const counts = countsWith({ readCount: 2, writeCount: 2, commitCount: 1 });
      expect(await store.progress(ref, fence, counts)).toBe('superseded');
      expect(await store.finish(ref, fence, { status: 'COMPLETED', counts })).toBeUndefined();
      expect(await store.claim(ref, undefined)).toEqual({ kind: 'gone' });
      expect((await scene.view(lease)).counts).toEqual(counts);
    });
  });

  describe('work that is handed back', () => {
    test('is noted until a worker takes it up; a controller that lacks the job does not', async (scene, store) => {
      const lease = await scene.loading(1);
      await store.noteHandedBack(lease, 'no job a');
      const since = (await scene.view(lease)).handedBack?.since;
      await store.acquire(lease, 'start#3', LEASE_MS);
      await store.noteHandedBack(lease, 'no job b');
      expect((await scene.view(lease)).handedBack).toEqual({ since, reason: 'no job b' });
      const [silent] = await store.silentFor(0, 10);
      expect(silent).toMatchObject({ id: lease.id, handedBack: { reason: 'no job b' } });
      await scene.claim(partitionRef(lease, 0));
      expect((await scene.view(lease)).handedBack).toBeUndefined();
    });

    test('needs the job until it is stopping, has ended or is gone', async (scene, store) => {
      const lease = await scene.started();
      expect(await store.needsJob(lease)).toBe(true);
      await store.stop(lease.id);
      expect(await store.needsJob(lease)).toBe(false);
      await scene.end(lease, 'STOPPED');
      expect([await store.needsJob(lease), await store.needsJob(nobody())]).toEqual([false, false]);
    });
  });
}
