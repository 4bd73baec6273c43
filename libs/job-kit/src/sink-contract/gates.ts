import { describe, expect } from 'vitest';
import { GateClosedError, GateMissingError, SupersededError, type SinkExecution, type SinkSession } from '../chunk.js';
import { type ContractTest, type Scene } from './scene.js';

/** What a force stop and a restart rely on. */
export function gatesContract(test: ContractTest): void {
  describe('a gate', () => {
    test('must have been opened', async (scene) => {
      await expect(scene.open(scene.unopened())).rejects.toThrow(GateMissingError);
    });

    test('may be opened more than once', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution);
      await scene.sink.gate.open(execution);
      await session.commit(scene.chunk(execution, [0]));
      expect(await scene.stored(execution)).toEqual([0]);
    });

    test('once closed, lets no attempt begin, commit or finish, and stays closed', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution);
      await session.commit(scene.chunk(execution, [0]));
      await scene.sink.gate.close(execution);
      await scene.sink.gate.close(execution);
      await scene.sink.gate.open(execution);
      await expect(session.commit(scene.chunk(execution, [1]))).rejects.toThrow(GateClosedError);
      await expect(session.finish()).rejects.toThrow(GateClosedError);
      await expect(scene.open(execution)).rejects.toThrow(GateClosedError);
      expect(await scene.stored(execution)).toEqual([0]);
    });

    test('may be closed before it was ever opened', async (scene) => {
      const execution = scene.unopened();
      await scene.sink.gate.close(execution);
      await scene.sink.gate.open(execution);
      await expect(scene.open(execution)).rejects.toThrow(GateClosedError);
    });

    test('is of one execution: those of other instances stay open', async (scene) => {
      const [execution, other] = [await scene.started(), await scene.started()];
      const session = await scene.open(other);
      await scene.sink.gate.close(execution);
      await session.commit(scene.chunk(other, [0]));
      expect(await scene.stored(other)).toEqual([0]);
    });

    test('that is opened closes those of the other executions of its instance', async (scene) => {
      const forgotten = await scene.started();
      const session = await scene.open(forgotten);
      const restart = await scene.restarted(forgotten);
      await expect(session.commit(scene.chunk(forgotten, [0]))).rejects.toThrow(GateClosedError);
      await expect(scene.open(forgotten)).rejects.toThrow(GateClosedError);
      await (await scene.open(restart)).commit(scene.chunk(restart, [0]));
      expect(await scene.stored(restart)).toEqual([0]);
    });

    test('that is opened late, when it is closed and a restart runs, closes nothing', async (scene) => {
      const late = scene.unopened();
      await scene.sink.gate.close(late);
      const restart = await scene.restarted(late);
      const session = await scene.open(restart);
      await scene.sink.gate.open(late);
      await session.commit(scene.chunk(restart, [0]));
      expect(await scene.stored(restart)).toEqual([0]);
    });

    test('is closed for good once close() resolves, over attempts in the middle of their work', async (scene) => {
      const execution = await scene.started();
      const sessions = await Promise.all([0, 1, 2].map((partition) => scene.open(execution, { partition })));
      for (const [i, session] of sessions.entries()) await session.commit(scene.chunk(execution, [i]));
      const refused = sessions.map((session, i) => commitUntilRefused(scene, execution, session, i));
      await scene.sink.gate.close(execution);
      const stored = await scene.stored(execution);
      await Promise.all(refused);
      expect(await scene.stored(execution)).toEqual(stored);
      expect(stored).toEqual(expect.arrayContaining([0, 1, 2]));
    });
  });
}

/** Commits items of its own, 3 apart, for as long as it may. */
async function commitUntilRefused<O>(
  scene: Scene<O>,
  execution: SinkExecution,
  session: SinkSession<O>,
  first: number,
): Promise<void> {
  try {
    for (let number = first + 3; ; number += 3) await session.commit(scene.chunk(execution, [number]));
  } catch (error) {
    if (!(error instanceof SupersededError)) throw error;
  }
}
