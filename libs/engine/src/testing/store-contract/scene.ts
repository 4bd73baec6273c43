import { NO_COUNTS, executionId, executionUuid, type Counts, type JobDefinition, type StepDefinition } from '#domain';
import type { Partition } from '#job-kit';
import { randomUUID } from 'node:crypto';
import { type ExecutionRef, type Launch, type Lease, type PartitionRef, type StepRef } from '../../store.port.js';
import type { EngineStore } from '../memory-store.js';

export const LEASE_MS = 60_000;
export const LOAD: StepDefinition = { name: 'load', kind: 'chunk' };
export const CLOSE: StepDefinition = { name: 'close', kind: 'tasklet' };
export const DEFINITION: JobDefinition = { version: '7', steps: [LOAD, CLOSE] };

/** A job that has nothing to do: its executions may COMPLETE at once. */
export const NO_STEPS: JobDefinition = { version: '7', steps: [] };

export const countsWith = (changes: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...changes });

export const partitionsOf = (count: number): Partition[] =>
  Array.from({ length: count }, (_, i) => ({ label: `PART${i}`, rows: 10, data: { i } }));

/** Moves an execution by the ports alone. */
export class Scene {
  constructor(readonly store: EngineStore) {}

  async launch(changes: Partial<Launch> = {}): Promise<ExecutionRef> {
    const outcome = await this.store.launch(launchOf(changes));
    if (outcome.kind !== 'launched') throw new Error(`Not launched but ${outcome.kind}.`);
    return { id: outcome.id, uuid: outcome.uuid };
  }

  async lease(ref: ExecutionRef, delivery = 'start'): Promise<Lease> {
    const lease = { ...ref, token: `${delivery}#${randomUUID()}` };
    const { kind } = await this.store.acquire(ref, lease.token, LEASE_MS);
    if (kind !== 'acquired') throw new Error(`Not acquired but ${kind}.`);
    return lease;
  }

  async started(changes: Partial<Launch> = {}): Promise<Lease> {
    const lease = await this.lease(await this.launch(changes));
    await this.store.beginExecution(lease);
    return lease;
  }

  /** An execution whose step `load` is planned, with a window of partitions in flight. */
  async loading(partitions: number, window = partitions): Promise<Lease> {
    const lease = await this.started();
    await this.store.beginStep(lease, LOAD.name);
    await this.store.handOut(lease, LOAD, window);
    const fence = await this.claimStep(stepRef(lease));
    await this.store.beginPlan(stepRef(lease), fence);
    if (partitions > 0) await this.store.appendPlan(stepRef(lease), fence, 0, partitionsOf(partitions));
    await this.store.finishStep(stepRef(lease), fence, { status: 'PLANNED' }, { partitions, window });
    return lease;
  }

  async claimStep(ref: StepRef): Promise<number> {
    const claim = await this.store.claimStep(ref);
    if (claim.kind !== 'run' && claim.kind !== 'stopping') throw new Error(`Not claimed but ${claim.kind}.`);
    return claim.fence;
  }

  async claim(ref: PartitionRef, fence?: number): Promise<number> {
    const claim = await this.store.claim(ref, fence);
    if (claim.kind !== 'run' && claim.kind !== 'stopping') throw new Error(`Not claimed but ${claim.kind}.`);
    return claim.fence;
  }

  /** Claims and ends a partition. */
  async run(ref: PartitionRef, counts = NO_COUNTS, status: 'COMPLETED' | 'FAILED' | 'STOPPED' = 'COMPLETED') {
    const failure = status === 'FAILED' ? { failure: 'broken' } : {};
    return this.store.finish(ref, await this.claim(ref), { status, counts, ...failure });
  }

  async end(lease: Lease, status: 'COMPLETED' | 'STOPPED' | 'FAILED'): Promise<void> {
    await this.store.endExecution(lease, { status, exitCode: status });
    await this.store.release(lease);
  }

  async restart({ id }: ExecutionRef): Promise<Launch['uuid'] | string> {
    const { instanceId, status } = (await this.store.findExecution(id))!;
    const outcome = await this.store.launch(launchOf({ restarts: { instanceId, executionId: id, status } }));
    return outcome.kind === 'launched' ? outcome.uuid : outcome.kind;
  }

  async facts(lease: Lease) {
    const { steps } = await this.store.facts(
      lease,
      [LOAD, CLOSE].map((step) => ({ ...step, rerun: false })),
    );
    return { load: steps[0]!, close: steps[1]! };
  }

  async view({ id }: ExecutionRef) {
    return (await this.store.findExecution(id))!;
  }
}

export const launchOf = (changes: Partial<Launch>): Launch => ({
  uuid: executionUuid(randomUUID()),
  jobName: 'anyJob',
  definition: DEFINITION,
  parameters: { source: 'a' },
  identity: undefined,
  restarts: undefined,
  idempotency: undefined,
  ...changes,
});

export const stepRef = ({ id, uuid }: ExecutionRef, step = LOAD.name): StepRef => ({ id, uuid, step });
export const partitionRef = (ref: ExecutionRef, partition: number): PartitionRef => ({ ...stepRef(ref), partition });
export const nobody = (): ExecutionRef => ({ id: executionId(4_711), uuid: executionUuid(randomUUID()) });

/** A test of the contract: it gets a store of a module of its own. */
export type ContractTest = (name: string, body: (scene: Scene, store: EngineStore) => Promise<void>) => void;
