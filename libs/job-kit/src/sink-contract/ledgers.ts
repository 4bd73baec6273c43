import { NO_COUNTS } from '#domain';
import { describe, expect } from 'vitest';
import { GateMissingError } from '../chunk.js';
import { countsWith, STEP, type ContractTest } from './scene.js';

const ONE_ROW = countsWith({ readCount: 1, writeCount: 1, commitCount: 1 });
const TWO_ROWS = countsWith({ readCount: 2, writeCount: 2, commitCount: 2 });

/** What settlement, the end of a step and of an execution, verification and retention rely on. */
export function ledgersContract(test: ContractTest): void {
  describe('a ledger', () => {
    test('has a name that a store can keep', async (scene) => {
      expect(scene.ledger.name).toMatch(/^[A-Za-z0-9-]+$/);
    });

    test('adds up what an execution has committed in a step', async (scene) => {
      const execution = await scene.started();
      for (const partition of [0, 2]) await scene.complete(execution, partition);
      await scene.complete(execution, 1, 'other');
      expect(await scene.ledger.total(execution, STEP)).toEqual(TWO_ROWS);
      expect(await scene.ledger.committed(execution, STEP)).toEqual(
        new Map([
          [0, ONE_ROW],
          [2, ONE_ROW],
        ]),
      );
      expect(await scene.ledger.total(execution, 'other')).toEqual(ONE_ROW);
    });

    test('knows nothing of an execution that has committed nothing', async (scene) => {
      const execution = await scene.started();
      expect(await scene.ledger.total(execution, STEP)).toEqual(NO_COUNTS);
      expect(await scene.ledger.committed(execution, STEP)).toEqual(new Map());
      expect(await scene.ledger.missing(execution, STEP, 0)).toEqual([]);
      expect(await scene.ledger.missing(execution, STEP, 3)).toEqual([[0, 2]]);
    });

    test('counts a partition for the execution that was the last to claim it', async (scene) => {
      const execution = await scene.started();
      for (const partition of [0, 1]) await scene.complete(execution, partition);
      const restart = await scene.restarted(execution);
      const session = await scene.open(restart, { partition: 1 });
      expect(await scene.ledger.total(execution, STEP)).toEqual(ONE_ROW);
      expect(await scene.ledger.total(restart, STEP)).toEqual(NO_COUNTS);
      await session.commit(scene.chunk(restart, [2]));
      expect(await scene.ledger.committed(execution, STEP)).toEqual(new Map([[0, ONE_ROW]]));
      expect(await scene.ledger.committed(restart, STEP)).toEqual(new Map([[1, ONE_ROW]]));
    });
  });

  describe('the partitions that must still run', () => {
    test('are those that were not finished, as ascending ranges', async (scene) => {
      const execution = await scene.started();
      for (const partition of [3, 1]) await scene.complete(execution, partition);
      await (await scene.open(execution, { partition: 2 })).commit(scene.chunk(execution, [2]));
      expect(await scene.ledger.missing(execution, STEP, 7)).toEqual([
        [0, 0],
        [2, 2],
        [4, 6],
      ]);
      for (const partition of [0, 2]) await scene.complete(execution, partition);
      expect(await scene.ledger.missing(execution, STEP, 4)).toEqual([]);
    });

    test('are asked of the instance and by step', async (scene) => {
      const execution = await scene.started();
      await scene.complete(execution, 0);
      const restart = await scene.restarted(execution);
      expect(await scene.ledger.missing(restart, STEP, 1)).toEqual([]);
      expect(await scene.ledger.missing(restart, 'other', 1)).toEqual([[0, 0]]);
      expect(await scene.ledger.missing(await scene.started(), STEP, 1)).toEqual([[0, 0]]);
    });

    test('do not hold one that is only claimed again, and hold one that commits again until it has finished', async (scene) => {
      const execution = await scene.started();
      await scene.complete(execution, 0);
      const session = await scene.open(execution);
      expect(await scene.ledger.missing(execution, STEP, 1)).toEqual([]);
      await session.commit(scene.chunk(execution, [1]));
      expect(await scene.ledger.missing(execution, STEP, 1)).toEqual([[0, 0]]);
      await session.finish();
      await session.finish();
      expect(await scene.ledger.missing(execution, STEP, 1)).toEqual([]);
    });
  });

  describe('a seal', () => {
    test('counts the mark up, once an execution', async (scene) => {
      const [execution, other] = [await scene.started(), await scene.started()];
      const { database, mark } = await scene.ledger.mark();
      expect(await scene.ledger.seal(execution)).toEqual({ database, mark: mark + 1 });
      expect(await scene.ledger.seal(other)).toEqual({ database, mark: mark + 2 });
      expect(await scene.ledger.seal(execution)).toEqual({ database, mark: mark + 1 });
      expect(await scene.ledger.mark()).toEqual({ database, mark: mark + 2 });
    });

    test('is given the same to all who ask at once', async (scene) => {
      const execution = await scene.started();
      const { mark } = await scene.ledger.mark();
      const seals = await Promise.all([1, 2, 3].map(() => scene.ledger.seal(execution)));
      expect(seals.map((seal) => seal.mark)).toEqual([mark + 1, mark + 1, mark + 1]);
    });

    test('is refused to an execution that the database does not know', async (scene) => {
      const before = await scene.ledger.mark();
      await expect(scene.ledger.seal(scene.unopened())).rejects.toThrow(GateMissingError);
      expect(await scene.ledger.mark()).toEqual(before);
    });
  });

  describe('verification', () => {
    test('finds nothing wrong with a step that is finished and an execution that is sealed', async (scene) => {
      const execution = await scene.started();
      for (const partition of [0, 1]) await scene.complete(execution, partition);
      await scene.ledger.seal(execution);
      expect(await scene.ledger.verify(execution, STEP, 2)).toEqual({ finished: 2, sealed: true, findings: [] });
    });

    test('finds partitions that are not finished, and an execution without a seal or a gate', async (scene) => {
      const execution = await scene.started();
      await scene.complete(execution, 1);
      const unsealed = await scene.ledger.verify(execution, STEP, 3);
      expect(unsealed).toMatchObject({ finished: 1, sealed: false });
      expect(unsealed.findings).toHaveLength(2);
      const unknown = await scene.ledger.verify(scene.unopened(), STEP, 1);
      expect(unknown).toMatchObject({ finished: 0, sealed: false });
      expect(unknown.findings).toHaveLength(2);
    });

    test('finds checkpoints of partitions that the plan does not have', async (scene) => {
      const execution = await scene.started();
      for (const partition of [0, 1]) await scene.complete(execution, partition);
      await scene.ledger.seal(execution);
      const { finished, findings } = await scene.ledger.verify(execution, STEP, 1);
      expect(finished).toBe(1);
      expect(findings).toHaveLength(1);
    });
  });

  describe('an execution that is forgotten', () => {
    test('has no gate and no seal any more, and leaves checkpoints and items', async (scene) => {
      const execution = await scene.started();
      await scene.complete(execution, 0);
      const { mark } = await scene.ledger.seal(execution);
      const restart = await scene.restarted(execution);
      await scene.ledger.forget({ ...execution, instanceGone: false });
      await scene.ledger.forget({ ...execution, instanceGone: false });
      await expect(scene.open(execution)).rejects.toThrow(GateMissingError);
      expect(await scene.ledger.verify(execution, STEP, 1)).toMatchObject({ finished: 1, sealed: false });
      expect(await scene.ledger.missing(restart, STEP, 1)).toEqual([]);
      expect(await scene.stored(execution)).toEqual([0]);
      expect((await scene.ledger.mark()).mark).toBe(mark);
    });

    test('takes the checkpoints with it if its instance is gone; other instances and items stay', async (scene) => {
      const [execution, other] = [await scene.started(), await scene.started()];
      for (const one of [execution, other]) await scene.complete(one, 0);
      await scene.ledger.forget({ ...execution, instanceGone: true });
      expect(await scene.ledger.total(execution, STEP)).toEqual(NO_COUNTS);
      expect(await scene.ledger.missing(execution, STEP, 1)).toEqual([[0, 0]]);
      expect(await scene.ledger.missing(other, STEP, 1)).toEqual([]);
      expect(await scene.stored(execution)).toEqual([0]);
    });
  });
}
