import { describe, expect } from 'vitest';
import { CLOSE, LOAD, countsWith, partitionRef, partitionsOf, stepRef, type ContractTest } from './scene.js';

/** Steps, their own work and their plans. */
export function stepsContract(test: ContractTest): void {
  describe("a step's own work", () => {
    test('is handed out once, claimed, and ends the step', async (scene, store) => {
      const lease = await scene.started();
      expect(await store.beginStep(lease, CLOSE.name)).toBe('changed');
      expect(await store.beginStep(lease, CLOSE.name)).toBe('unchanged');
      expect(await store.claimStep(stepRef(lease, 'close'))).toEqual({ kind: 'gone' });
      expect(await store.handOut(lease, CLOSE, 5)).toEqual({ work: true, partitions: [] });
      expect(await store.handOut(lease, CLOSE, 5)).toEqual({ work: true, partitions: [] });
      expect((await scene.facts(lease)).close).toMatchObject({ status: 'STARTED', working: true, inFlight: 0 });
      const fence = await scene.claimStep(stepRef(lease, 'close'));
      expect(await store.setResult(stepRef(lease, 'close'), fence, 'n', { a: [1] })).toBe(true);
      const end = { status: 'COMPLETED', exitCode: 'DONE EARLY' } as const;
      expect(await store.finishStep(stepRef(lease, 'close'), fence, end)).toEqual([]);
      expect(await store.finishStep(stepRef(lease, 'close'), fence, end)).toEqual([]);
      expect(await store.claimStep(stepRef(lease, 'close'))).toEqual({ kind: 'finished' });
      expect((await scene.facts(lease)).close).toMatchObject({ status: 'COMPLETED', working: false });
      expect(await scene.view(lease)).toMatchObject({ results: { n: { a: [1] } } });
    });

    test('belongs to the newest attempt, which counts those in a row that came to nothing', async (scene, store) => {
      const lease = await scene.started();
      const ref = stepRef(lease, 'close');
      await store.beginStep(lease, 'close');
      await store.handOut(lease, CLOSE, 1);
      const first = await scene.claimStep(ref);
      const second = await store.claimStep(ref);
      expect(second).toMatchObject({ kind: 'run', attempts: 2 });
      expect(await store.stepAlive(ref, first)).toBe('superseded');
      expect(await store.setResult(ref, first, 'n', 1)).toBe(false);
      expect(await store.finishStep(ref, first, { status: 'COMPLETED', exitCode: 'COMPLETED' })).toBeUndefined();
      if (second.kind !== 'run') throw new Error(second.kind);
      expect(await store.stepAlive(ref, second.fence)).toBe('go-on');
      await store.leaveStep(ref, second.fence);
      expect(await store.claimStep(ref)).toMatchObject({ kind: 'run', attempts: 1 });
    });

    test('is told of a stop, and only then STOPPED', async (scene, store) => {
      const lease = await scene.started();
      const ref = stepRef(lease, 'close');
      await store.beginStep(lease, 'close');
      await store.handOut(lease, CLOSE, 1);
      const fence = await scene.claimStep(ref);
      const stopped = { status: 'STOPPED', exitCode: 'STOPPED' } as const;
      expect(await store.finishStep(ref, fence, stopped)).toBeUndefined();
      expect(await store.stop(lease.id)).toBe(true);
      expect(await store.stepAlive(ref, fence)).toBe('stop');
      expect(await store.finishStep(ref, fence, stopped)).toEqual([]);
      expect((await scene.facts(lease)).close.status).toBe('STOPPED');
    });

    test('that nobody has begun is taken back by a stop', async (scene, store) => {
      const lease = await scene.started();
      await store.beginStep(lease, 'close');
      await store.handOut(lease, CLOSE, 1);
      await store.stop(lease.id);
      expect(await store.claimStep(stepRef(lease, 'close'))).toEqual({ kind: 'gone' });
      expect((await scene.facts(lease)).close.working).toBe(false);
    });
  });

  describe('a plan', () => {
    test('is stored in batches, a repeated one once, and sealed if it is whole', async (scene, store) => {
      const lease = await scene.started();
      const ref = stepRef(lease);
      await store.beginStep(lease, 'load');
      await store.handOut(lease, LOAD, 2);
      const fence = await scene.claimStep(ref);
      const plan = partitionsOf(5);
      expect(await store.beginPlan(ref, fence)).toBe('go-on');
      expect(await store.appendPlan(ref, fence, 0, plan.slice(0, 3))).toBe('go-on');
      expect(await store.appendPlan(ref, fence, 0, plan.slice(0, 3))).toBe('go-on');
      expect(await store.appendPlan(ref, fence, 3, plan.slice(3))).toBe('go-on');
      expect(await store.finishStep(ref, fence, { status: 'PLANNED' }, { partitions: 6, window: 2 })).toBeUndefined();
      expect(await store.finishStep(ref, fence, { status: 'PLANNED' }, { partitions: 5, window: 2 })).toEqual([0, 1]);
      expect(await store.finishStep(ref, fence, { status: 'PLANNED' }, { partitions: 5, window: 2 })).toEqual([0, 1]);
      expect((await scene.facts(lease)).load).toMatchObject({
        planned: true,
        partitions: 5,
        inFlight: 2,
        waiting: true,
      });
      expect(await store.beginPlan(ref, fence)).toBe('superseded');
      expect(await store.claimStep(ref)).toEqual({ kind: 'finished' });
      expect((await scene.view(lease)).progress).toEqual({
        partitionsTotal: 5,
        partitionsDone: 0,
        rowsTotal: 50,
        rowsDone: 0,
      });
    });

    test('that lost what was stored before is not gone on with', async (scene, store) => {
      const lease = await scene.started();
      await store.beginStep(lease, 'load');
      await store.handOut(lease, LOAD, 2);
      const fence = await scene.claimStep(stepRef(lease));
      await store.beginPlan(stepRef(lease), fence);
      expect(await store.appendPlan(stepRef(lease), fence, 3, partitionsOf(1))).toBe('superseded');
    });
  });

  describe('a step', () => {
    test('is COMPLETED only if every partition is, and then passed over by a restart', async (scene, store) => {
      const lease = await scene.loading(2, 1);
      const completed = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
      await scene.run(partitionRef(lease, 0));
      expect(await store.endStep(lease, 'load', completed)).toBe('unchanged');
      await scene.run(partitionRef(lease, 1));
      expect(await store.endStep(lease, 'load', completed)).toBe('changed');
      expect(await store.endStep(lease, 'load', completed)).toBe('unchanged');
      await scene.end(lease, 'FAILED');
      await scene.restart(lease);
      const { instanceId } = await scene.view(lease);
      const next = await scene.lease((await store.findLatest(instanceId))!);
      expect((await scene.facts(next)).load).toMatchObject({ skip: true, status: undefined, planned: true });
      expect(await store.stepHistory(instanceId, ['load', 'close', 'never'])).toEqual([
        { completed: true, startCount: 1 },
        { completed: false, startCount: 0 },
        { completed: false, startCount: 0 },
      ]);
      expect(await store.planProgress(instanceId, 'load')).toEqual({ planned: true, partitions: 2, completed: 2 });
    });

    test('that is reopened hands out again what was not done, and counts how often', async (scene, store) => {
      const lease = await scene.loading(4);
      const counts = countsWith({ readCount: 10, writeCount: 10, commitCount: 1 });
      for (let i = 0; i < 4; i++) await scene.run(partitionRef(lease, i), counts);
      await store.endStep(lease, 'load', { status: 'COMPLETED', exitCode: 'COMPLETED' });
      expect(
        await store.reopen(lease, 'load', [
          [0, 0],
          [2, 3],
        ]),
      ).toEqual({ partitions: 3, times: 1 });
      expect((await scene.facts(lease)).load).toMatchObject({ status: 'STARTED', waiting: true, partitions: 4 });
      expect(await store.handOut(lease, LOAD, 10)).toEqual({ work: false, partitions: [0, 2, 3] });
      for (const i of [0, 2, 3]) await scene.run(partitionRef(lease, i), counts);
      expect((await scene.view(lease)).progress).toEqual({
        partitionsTotal: 4,
        partitionsDone: 4,
        rowsTotal: 40,
        rowsDone: 40,
      });
      expect(await store.reopen(lease, 'load', [[1, 1]])).toEqual({ partitions: 1, times: 2 });
    });
  });
}
