import { NO_COUNTS } from '#domain';
import { describe, expect } from 'vitest';
import { SkipLimitExceededError, SupersededError, TransientError, type SinkExecution } from '../chunk.js';
import { countsWith, nextIn, rejection, STEP, type ContractTest, type Scene } from './scene.js';

/** Attempts: checkpoint, fence, skip limit. */
export function sessionsContract(test: ContractTest): void {
  describe('a chunk', () => {
    test('is committed with its checkpoint: the next attempt reads on behind it', async (scene) => {
      const execution = await scene.started();
      const first = await scene.open(execution);
      expect(first).toMatchObject({ fence: 1, position: undefined, counts: NO_COUNTS });
      await first.commit(scene.chunk(execution, [0, 1], { filterCount: 2 }));
      const position = { file: 3, offsets: [7, null, 'seven'], deep: { er: true } };
      const counts = await first.commit(scene.chunk(execution, [2], { rollbackCount: 3, position }));
      expect(counts).toEqual(
        countsWith({ readCount: 5, writeCount: 3, filterCount: 2, commitCount: 2, rollbackCount: 3 }),
      );
      const second = await scene.open(execution);
      expect(second).toMatchObject({ fence: 2, position, counts });
      expect(await scene.stored(execution)).toEqual([0, 1, 2]);
    });

    test('is committed even if nothing of it is to be written', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution);
      const counts = await session.commit(scene.chunk(execution, [], { filterCount: 7, position: { next: 7 } }));
      expect(counts).toEqual(countsWith({ readCount: 7, filterCount: 7, commitCount: 1 }));
      expect(nextIn((await scene.open(execution)).position)).toBe(7);
    });

    test('that fails leaves neither items nor a checkpoint', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution);
      const before = await session.commit(scene.chunk(execution, [0]));
      await expect(session.commit(scene.chunk(execution, [1], { rejections: [rejection(2)] }))).rejects.toThrow(
        SkipLimitExceededError,
      );
      expect(await scene.stored(execution)).toEqual([0]);
      expect(await scene.ledger.total(execution, STEP)).toEqual(before);
      expect(await scene.open(execution)).toMatchObject({ position: { next: 1 }, counts: before });
    });

    test('that failed can be committed anew by the same attempt', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution);
      await expect(session.commit(scene.chunk(execution, [0], { rejections: [rejection(1)] }))).rejects.toThrow(
        SkipLimitExceededError,
      );
      const counts = await session.commit(scene.chunk(execution, [0], { rollbackCount: 1 }));
      expect(counts).toEqual(countsWith({ readCount: 1, writeCount: 1, commitCount: 1, rollbackCount: 1 }));
      expect(await scene.stored(execution)).toEqual([0]);
    });
  });

  describe('a restart', () => {
    test('goes on behind the checkpoint, with counts of its own', async (scene) => {
      const execution = await scene.started();
      const before = await scene.open(execution);
      await before.commit(scene.chunk(execution, [0, 1]));
      const restart = await scene.restarted(execution);
      const after = await scene.open(restart);
      expect(after).toMatchObject({ fence: 2, position: { next: 2 }, counts: NO_COUNTS });
      expect(await after.commit(scene.chunk(restart, [2]))).toEqual(
        countsWith({ readCount: 1, writeCount: 1, commitCount: 1 }),
      );
      await expect(before.commit(scene.chunk(execution, [2]))).rejects.toThrow(SupersededError);
      expect(await scene.stored(execution)).toEqual([0, 1, 2]);
    });
  });

  describe('a fence', () => {
    test('refuses an attempt that a newer one has superseded, whatever it does', async (scene) => {
      const execution = await scene.started();
      const old = await scene.open(execution);
      const living = await scene.open(execution);
      await expect(old.commit(scene.chunk(execution, [0]))).rejects.toThrow(SupersededError);
      await living.commit(scene.chunk(execution, [0]));
      await expect(old.commit(scene.chunk(execution, [1]))).rejects.toThrow(SupersededError);
      await expect(old.finish()).rejects.toThrow(SupersededError);
      expect(await scene.ledger.missing(execution, STEP, 1)).toEqual([[0, 0]]);
      await living.finish();
      expect(await scene.stored(execution)).toEqual([0]);
    });

    test('is of one partition of one step: others work side by side', async (scene) => {
      const execution = await scene.started();
      const sessions = [
        await scene.open(execution),
        await scene.open(execution, { partition: 1 }),
        await scene.open(execution, { stepName: 'other' }),
      ];
      for (const [i, session] of sessions.entries()) {
        expect(session).toMatchObject({ fence: 1, position: undefined });
        await session.commit(scene.chunk(execution, [i]));
      }
      expect(await scene.stored(execution)).toEqual([0, 1, 2]);
    });

    test('has every item written once while attempts keep superseding one another', async (scene) => {
      const execution = await scene.started();
      const total = 120;
      await Promise.all([1, 3, 7].map((chunks) => takeTurns(scene, execution, chunks, total)));
      expect(await scene.stored(execution)).toEqual(Array.from({ length: total }, (_, i) => i));
      const { counts } = await scene.open(execution);
      expect(counts).toEqual(countsWith({ readCount: total, writeCount: total, commitCount: total / 2 }));
    });
  });

  describe('the skip limit', () => {
    test('names the first rejection over it', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution, { skipLimit: 2 });
      const counts = await session.commit(scene.chunk(execution, [0], { rejections: [rejection(1)] }));
      expect(counts).toEqual(countsWith({ readCount: 2, writeCount: 1, skipCount: 1, commitCount: 1 }));
      const over = session.commit(scene.chunk(execution, [2], { rejections: [4, 5, 6].map(rejection) }));
      await expect(over).rejects.toThrow(SkipLimitExceededError);
      await expect(over).rejects.toThrow('a.ndjson, row 5: is not valid (skipLimit 2 exceeded)');
    });

    test('is of the whole step, however many partitions skip at the same time', async (scene) => {
      const execution = await scene.started();
      const skipLimit = 15;
      await Promise.all([0, 1, 2, 3].map((partition) => skipUntilRefused(scene, execution, { partition, skipLimit })));
      const { skipCount } = await scene.ledger.total(execution, STEP);
      expect(skipCount).toBe(skipLimit);
    });

    test('counts anew in another step and in a restart', async (scene) => {
      const execution = await scene.started();
      const skips = async (of: SinkExecution, stepName: string) => {
        const session = await scene.open(of, { stepName, skipLimit: 1 });
        return (await session.commit(scene.chunk(of, [], { rejections: [rejection(0)] }))).skipCount;
      };
      expect(await skips(execution, STEP)).toBe(1);
      expect(await skips(execution, 'other')).toBe(1);
      expect(await skips(await scene.restarted(execution), STEP)).toBe(1);
    });
  });
}

/** Attempts of some chunks each, until the partition is read to its end. */
async function takeTurns<O>(scene: Scene<O>, execution: SinkExecution, chunks: number, total: number): Promise<void> {
  for (let next = 0; next < total;) {
    const session = await scene.open(execution);
    next = nextIn(session.position);
    try {
      for (let i = 0; i < chunks && next < total; i++, next += 2) {
        await session.commit(scene.chunk(execution, [next, next + 1]));
      }
    } catch (error) {
      // On a machine that stands still for a second, a rival in mid-commit is ended rather than waited for.
      if (!(error instanceof SupersededError || error instanceof TransientError)) throw error;
    }
    await scene.close(session);
  }
}

async function skipUntilRefused<O>(
  scene: Scene<O>,
  execution: SinkExecution,
  place: { partition: number; skipLimit: number },
): Promise<void> {
  const session = await scene.open(execution, place);
  try {
    for (let row = 0; ; row++) await session.commit(scene.chunk(execution, [], { rejections: [rejection(row)] }));
  } catch (error) {
    if (!(error instanceof SkipLimitExceededError)) throw error;
  }
}
