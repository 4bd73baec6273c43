import { describe, expect } from 'vitest';
import { NO_COUNTS } from '#domain';
import { LeaseLostError } from '../../store.port.js';
import type { ExecutionRef } from '../../store.port.js';
import { LEASE_MS, NO_STEPS, countsWith, partitionRef, stepRef, type ContractTest, type Scene } from './scene.js';

/** An execution that has COMPLETED, and was sealed so. */
const sealed = async (scene: Scene, mark: number, database = 'a') => {
  const lease = await scene.started({ definition: NO_STEPS });
  const end = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
  await scene.store.endExecution(lease, end, [{ ledger: 'postgres', database, mark }]);
  return lease;
};
const marked = async (scene: Scene, refs: readonly ExecutionRef[]) =>
  Promise.all(refs.map(async (ref) => (await scene.view(ref)).databaseWentBack !== undefined));

/** What sweeper, retention and settlement ask. */
export function upkeepContract(test: ContractTest): void {
  describe('settlement', () => {
    test('sets the counts of one that ended otherwise than COMPLETED, and lists what it did not know', async (scene, store) => {
      const lease = await scene.loading(2);
      await scene.claim(partitionRef(lease, 0));
      await scene.end(lease, 'FAILED');
      expect(await store.unsettledFor(0, 10)).toEqual([{ id: lease.id, uuid: lease.uuid }]);
      const counts = countsWith({ readCount: 2, writeCount: 2, commitCount: 1 });
      for (const i of [0, 1]) await store.settle(partitionRef(lease, i), counts);
      const total = countsWith({ readCount: 4, writeCount: 4, commitCount: 2 });
      expect(await store.stepCounts(stepRef(lease))).toEqual(total);
      await store.settled(lease, [{ step: 'load', counts: countsWith({ ...total, readCount: 5 }) }]);
      expect(await store.unsettledFor(0, 10)).toHaveLength(1);
      await store.settled(lease, [{ step: 'load', counts: total }]);
      expect(await store.unsettledFor(0, 10)).toEqual([]);
      expect(await scene.view(lease)).toMatchObject({ counts: total, stepCount: 3 });
    });

    test('leaves one alone that runs, or has COMPLETED', async (scene, store) => {
      const lease = await scene.loading(1);
      await store.settle(partitionRef(lease, 0), countsWith({ readCount: 9 }));
      await scene.run(partitionRef(lease, 0));
      await store.endStep(lease, 'load', { status: 'COMPLETED', exitCode: 'COMPLETED' });
      await scene.end(lease, 'COMPLETED');
      await store.settle(partitionRef(lease, 0), countsWith({ readCount: 9 }));
      expect((await scene.view(lease)).counts).toEqual(NO_COUNTS);
      expect(await store.unsettledFor(0, 10)).toEqual([]);
    });

    test('knows the earlier executions of an instance', async (scene, store) => {
      const first = await scene.started();
      await scene.end(first, 'FAILED');
      await scene.restart(first);
      const { instanceId } = await scene.view(first);
      const second = (await store.findLatest(instanceId))!;
      expect(await store.unsettledBefore(instanceId, second.id)).toEqual([{ id: first.id, uuid: first.uuid }]);
      expect(await store.unsettledBefore(instanceId, first.id)).toEqual([]);
    });
  });

  describe('retention', () => {
    test('finds what is too many, oldest first, and deletes it step by step', async (scene, store) => {
      const [first, second] = [await scene.loading(3), await scene.started()];
      for (let i = 0; i < 3; i++) await scene.run(partitionRef(first, i));
      expect(await store.forget(first.id, 2)).toBe('running');
      for (const lease of [first, second]) await scene.end(lease, 'FAILED');
      expect(await store.expired('FAILED', Infinity, 0, 10)).toEqual([first.id, second.id]);
      expect(await store.expired('FAILED', Infinity, 1, 10)).toEqual([first.id]);
      expect(await store.expired('FAILED', 3_600_000, Infinity, 10)).toEqual([]);
      expect(await store.forget(first.id, 2)).toBe('unsettled');
      expect(await store.forget(first.id, 2, true)).toBe('more');
      let answer = await store.forget(first.id, 2, true);
      for (let i = 0; i < 5 && answer === 'more'; i++) answer = await store.forget(first.id, 2, true);
      expect(answer).toBe('done');
      expect(await store.forget(first.id, 2)).toBe('gone');
      expect(await store.findExecution(first.id)).toBeUndefined();
      const forgotten = { uuid: first.uuid, instanceUuid: first.uuid, instanceGone: true };
      expect(await store.forgottenFor(0, 10)).toEqual([forgotten]);
      await store.purged(forgotten);
      expect(await store.forgottenFor(0, 10)).toEqual([]);
    });
  });

  describe('recovery', () => {
    test('ends a running execution without its controller', async (scene, store) => {
      const lease = await scene.loading(1);
      await scene.claim(partitionRef(lease, 0));
      expect(await store.silentFor(3_600_000, 10)).toEqual([]);
      expect(await store.fail(lease, { stepName: 'worker', message: 'none' })).toBe('changed');
      expect(await store.fail(lease, { stepName: 'worker', message: 'none' })).toBe('unchanged');
      expect(await scene.view(lease)).toMatchObject({ status: 'FAILED', exitDescription: 'worker: none' });
      await expect(store.renew(lease, LEASE_MS)).rejects.toBeInstanceOf(LeaseLostError);
      expect(await store.silentFor(0, 10)).toEqual([]);
      expect(await store.unsettledFor(0, 10)).toHaveLength(1);
    });
  });

  describe('databases', () => {
    test('that went back lose the executions that were sealed since, each once', async (scene, store) => {
      expect(await store.knownMark('postgres')).toBeUndefined();
      const all = [await sealed(scene, 1), await sealed(scene, 2), await sealed(scene, 3)];
      expect(await store.knownMark('postgres')).toEqual({ database: 'a', mark: 3 });
      expect(await store.databaseWentBack('postgres', { database: 'a', mark: 1 })).toBe(2);
      expect(await store.databaseWentBack('postgres', { database: 'a', mark: 1 })).toBe(0);
      expect(await marked(scene, all)).toEqual([false, true, true]);
      expect(await store.knownMark('postgres')).toEqual({ database: 'a', mark: 1 });
    });

    test('that are other ones lose all', async (scene, store) => {
      const all = [await sealed(scene, 1), await sealed(scene, 2)];
      expect(await store.databaseWentBack('postgres', { database: 'b', mark: 9 })).toBe(2);
      expect(await marked(scene, all)).toEqual([true, true]);
    });

    test('give a mark once: an earlier execution of the same mark is lost', async (scene) => {
      const all = [await sealed(scene, 1), await sealed(scene, 1)];
      expect(await marked(scene, all)).toEqual([true, false]);
    });

    test('are known by their names', async (scene, store) => {
      await sealed(scene, 5);
      expect(await store.knownMark('other')).toBeUndefined();
      expect(await store.databaseWentBack('other', { database: 'z', mark: 0 })).toBe(0);
    });
  });

  describe('maintenance', () => {
    test('is done in turns', async (_, store) => {
      expect(await store.lastTurn('sweep')).toBeUndefined();
      expect(await store.takeTurn('sweep', 60_000)).toBe(true);
      expect(await store.takeTurn('sweep', 60_000)).toBe(false);
      expect(await store.takeTurn('retention', 60_000)).toBe(true);
      expect(await store.lastTurn('sweep')).toBeGreaterThanOrEqual(0);
      expect(await store.lastTurn('look-at-all')).toBeUndefined();
    });
  });
}
