import { describe, expect } from 'vitest';
import { NO_COUNTS } from '#domain';
import { LeaseLostError } from '../../store.port.js';
import {
  CLOSE,
  DEFINITION,
  LEASE_MS,
  NO_STEPS,
  launchOf,
  nobody,
  partitionRef,
  stepRef,
  type ContractTest,
} from './scene.js';

/** Launches and leases. */
export function operationsContract(test: ContractTest): void {
  describe('launch', () => {
    test('creates an execution of a new instance, with its job as it is', async (scene) => {
      const ref = await scene.launch();
      expect(await scene.view(ref)).toMatchObject({
        ...ref,
        latest: ref.id,
        instanceUuid: ref.uuid,
        abandoned: false,
        status: 'STARTING',
        definition: DEFINITION,
        parameters: { source: 'a' },
        counts: NO_COUNTS,
        stepCount: 0,
        handedBack: undefined,
        databaseWentBack: undefined,
      });
      expect(await scene.store.load(ref)).toMatchObject({ ...ref, definition: DEFINITION, isRestart: false });
    });

    test('finds what the same request with the same key has started, and refuses another', async (scene, store) => {
      const idempotency = { key: 'k', fingerprint: 'f' };
      const ref = await scene.launch({ idempotency });
      expect(await store.launch(launchOf({ idempotency }))).toEqual({ kind: 'repeated', ...ref });
      expect(await store.findByKey('k')).toEqual({ fingerprint: 'f', ...ref, deleted: false });
      const other = { key: 'k', fingerprint: 'g' };
      expect(await store.launch(launchOf({ idempotency: other }))).toEqual({ kind: 'key-reused' });
    });

    test('starts nothing by a key whose execution was deleted', async (scene, store) => {
      const idempotency = { key: 'k', fingerprint: 'f' };
      const ref = await scene.launch({ idempotency });
      await scene.end(await scene.lease(ref), 'FAILED');
      await store.forget(ref.id, 100, true);
      expect(await store.findByKey('k')).toEqual({ fingerprint: 'f', ...ref, deleted: true });
      expect(await store.launch(launchOf({ idempotency }))).toEqual({ kind: 'key-deleted', ...ref });
      const other = { key: 'k', fingerprint: 'g' };
      expect(await store.launch(launchOf({ idempotency: other }))).toEqual({ kind: 'key-reused' });
    });

    test('has one instance of the same identity', async (scene, store) => {
      const ref = await scene.launch({ identity: 'i' });
      expect(await store.launch(launchOf({ identity: 'i' }))).toEqual({ kind: 'changed' });
      expect((await store.launch(launchOf({ identity: 'i', jobName: 'otherJob' }))).kind).toBe('launched');
      expect(await store.findByIdentity('anyJob', 'i')).toMatchObject(ref);
      expect(await store.findByIdentity('anyJob', 'j')).toBeUndefined();
    });

    test('of a restart is the next execution of the instance, unless that has changed', async (scene, store) => {
      const first = await scene.started();
      await scene.end(first, 'FAILED');
      const { instanceId } = await scene.view(first);
      const restarts = { instanceId, executionId: first.id, status: 'STOPPED' as const };
      expect(await store.launch(launchOf({ restarts }))).toEqual({ kind: 'changed' });
      expect(await scene.restart(first)).toMatch(/-/);
      expect(await scene.restart(first)).toBe('changed');
      const latest = (await store.findLatest(instanceId))!;
      expect(latest).toMatchObject({ instanceId, instanceUuid: first.uuid, status: 'STARTING' });
      expect(await store.load(latest)).toMatchObject({ isRestart: true });
    });

    test('of a restart is refused once any execution of the instance was abandoned, deleted or not', async (scene, store) => {
      const first = await scene.started();
      await scene.end(first, 'FAILED');
      await scene.restart(first);
      const second = await scene.lease((await store.findLatest((await scene.view(first)).instanceId))!);
      await scene.end(second, 'FAILED');
      expect(await store.abandon(second.id)).toBe(true);
      expect(await store.abandon(second.id)).toBe(false);
      expect(await scene.view(first)).toMatchObject({ abandoned: true, status: 'FAILED' });
      await store.forget(second.id, 100, true);
      expect(await scene.view(first)).toMatchObject({ abandoned: true, latest: first.id });
      expect(await scene.restart(first)).toBe('changed');
    });
  });

  describe('a lease', () => {
    test('is held by one delivery; another one leaves word, which the holder finds', async (scene, store) => {
      const lease = await scene.lease(await scene.launch());
      expect(await store.acquire(lease, 'other#1', LEASE_MS)).toEqual({ kind: 'busy' });
      expect(await store.release(lease)).toBe('again');
      expect(await store.release(lease)).toBe('released');
      expect(await store.acquire(lease, 'other#1', LEASE_MS)).toEqual({ kind: 'acquired', attempts: 1 });
    });

    test('is taken over by a redelivery, and counts how often in a row it was not given back', async (scene, store) => {
      const lease = await scene.lease(await scene.launch());
      expect(await store.acquire(lease, 'start#2', LEASE_MS)).toEqual({ kind: 'acquired', attempts: 2 });
      await expect(store.renew(lease, LEASE_MS)).rejects.toBeInstanceOf(LeaseLostError);
      await expect(store.beginExecution(lease)).rejects.toBeInstanceOf(LeaseLostError);
      expect((await scene.view(lease)).status).toBe('STARTING');
    });

    test('is on a running execution only', async (scene, store) => {
      const lease = await scene.started({ definition: NO_STEPS });
      await scene.end(lease, 'COMPLETED');
      expect(await store.acquire(lease, 'a#1', LEASE_MS)).toEqual({ kind: 'gone' });
      expect(await store.acquire(nobody(), 'a#1', LEASE_MS)).toEqual({ kind: 'gone' });
    });

    test('does not end COMPLETED with a step that has not', async (scene, store) => {
      const lease = await scene.loading(1);
      const completed = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
      expect(await store.endExecution(lease, completed)).toBe('unchanged');
      await scene.run(partitionRef(lease, 0));
      await store.endStep(lease, 'load', completed);
      expect(await store.endExecution(lease, completed)).toBe('unchanged');
      expect((await scene.view(lease)).status).toBe('STARTED');
      await store.beginStep(lease, CLOSE.name);
      expect(await store.endStep(lease, CLOSE.name, completed)).toBe('unchanged');
      await store.handOut(lease, CLOSE, 1);
      const fence = await scene.claimStep(stepRef(lease, CLOSE.name));
      await store.finishStep(stepRef(lease, CLOSE.name), fence, completed);
      expect(await store.endExecution(lease, completed)).toBe('changed');
    });

    test('is lost in a force stop', async (scene, store) => {
      const lease = await scene.started();
      expect(await store.forceStop(lease, 'ann')).toEqual({ from: 'STARTED' });
      await expect(store.endExecution(lease, { status: 'COMPLETED', exitCode: 'COMPLETED' })).rejects.toBeInstanceOf(
        LeaseLostError,
      );
      expect(await scene.view(lease)).toMatchObject({
        status: 'STOPPED',
        exitDescription: 'Force-stopped by ann from STARTED',
      });
      expect(await store.forceStop(nobody(), 'ann')).toBeUndefined();
    });
  });
}
