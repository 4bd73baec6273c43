import { describe, expect } from 'vitest';
import { GateMissingError, TransientError, UnavailableError } from '../chunk.js';
import { STEP, type ContractTest } from './scene.js';

/** A database that cannot be reached, and one that is put back to an older state. */
export function faultsContract(test: ContractTest): void {
  describe('a database that cannot be reached', () => {
    test('fails everything with UnavailableError, and nothing of it is done', async (scene) => {
      const execution = await scene.started();
      const session = await scene.open(execution);
      await session.commit(scene.chunk(execution, [0]));
      const reconnect = await scene.database.disconnect();
      const { gate, ledger } = scene.sink;
      const calls = {
        commit: () => session.commit(scene.chunk(execution, [1])),
        finish: () => session.finish(),
        open: () => scene.open(execution),
        openGate: () => gate.open(execution),
        closeGate: () => gate.close(execution),
        total: () => ledger.total(execution, STEP),
        committed: () => ledger.committed(execution, STEP),
        missing: () => ledger.missing(execution, STEP, 1),
        seal: () => ledger.seal(execution),
        mark: () => ledger.mark(),
        verify: () => ledger.verify(execution, STEP, 1),
        forget: () => ledger.forget({ ...execution, instanceGone: true }),
      };
      try {
        const errors = await Promise.all(
          Object.entries(calls).map(async ([name, call]) => [name, await errorOf(call)]),
        );
        expect(errors).toEqual(Object.keys(calls).map((name) => [name, expect.any(UnavailableError)]));
        await scene.close(session);
      } finally {
        await reconnect();
      }
      expect(await scene.stored(execution)).toEqual([0]);
      expect(await ledger.missing(execution, STEP, 1)).toEqual([[0, 0]]);
      const next = await scene.open(execution);
      expect(next.position).toEqual({ next: 1 });
      await next.commit(scene.chunk(execution, [1]));
      expect(await scene.stored(execution)).toEqual([0, 1]);
    });
  });

  describe('a database that is put back to an older state', () => {
    test('has forgotten items, checkpoints and seals together', async (scene) => {
      const execution = await scene.started();
      await scene.complete(execution, 0);
      const before = await scene.ledger.mark();
      const putBack = await scene.database.backup();
      await scene.complete(execution, 1);
      await scene.ledger.seal(execution);
      await putBack();
      expect(await scene.ledger.mark()).toEqual(before);
      expect(await scene.stored(execution)).toEqual([0]);
      expect(await scene.ledger.missing(execution, STEP, 2)).toEqual([[1, 1]]);
      expect(await scene.ledger.verify(execution, STEP, 2)).toMatchObject({ finished: 1, sealed: false });
      await scene.complete(execution, 1);
      expect(await scene.ledger.missing(execution, STEP, 2)).toEqual([]);
      expect(await scene.stored(execution)).toEqual([0, 1]);
    });

    test('does not know an execution that was begun since', async (scene) => {
      const putBack = await scene.database.backup();
      const execution = await scene.started();
      const session = await scene.open(execution);
      await scene.close(session);
      await putBack();
      await expect(scene.open(execution)).rejects.toThrow(GateMissingError);
      await expect(scene.ledger.seal(execution)).rejects.toThrow(GateMissingError);
    });

    test('refuses an attempt that it has forgotten, which is repeated: nobody else does its work', async (scene) => {
      const execution = await scene.started();
      await scene.complete(execution, 0);
      const putBack = await scene.database.backup();
      const session = await scene.open(execution);
      await putBack();
      const commit = session.commit(scene.chunk(execution, [1]));
      await expect(commit).rejects.toThrow(TransientError);
      await scene.close(session);
      const next = await scene.open(execution);
      expect(next.position).toEqual({ next: 1 });
      await next.commit(scene.chunk(execution, [1]));
      expect(await scene.stored(execution)).toEqual([0, 1]);
    });
  });
}

const errorOf = (call: () => Promise<unknown>): Promise<unknown> =>
  call().then(
    () => undefined,
    (error: unknown) => error,
  );
