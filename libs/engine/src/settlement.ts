import { COUNT_NAMES, NO_COUNTS, type Counts } from '#domain';
import { sinkOf, sinksOf, transactionalSteps, type Sinks } from './sinks.js';
import type { ControlledExecution, ExecutionRef, SettlementStore } from './store.port.js';

export interface SettlementParts {
  store: SettlementStore;
  sinks: Sinks;
}

/**
 * Has the counts of ended executions tell what the database holds. They may lag behind it: a worker died, or was shut
 * out by a force stop, between a commit and its mirror; or Redis lost a second in which chunks were committed. The store
 * remembers who is unsettled, so a death in between is repaired by the sweeper, and at the latest by a restart: once that
 * has claimed a partition, the checkpoint counts for the new execution.
 */
export class Settlement {
  constructor(private readonly parts: SettlementParts) {}

  /** Closes an ended execution's gates, then sets its counts to what it has committed. Is idempotent. */
  async settle(ref: ExecutionRef): Promise<void> {
    const { store, sinks } = this.parts;
    const execution = await store.load(ref);
    if (!execution) return;
    for (const { gate } of sinksOf(sinks, execution)) await gate.close(execution);
    const steps: { step: string; counts: Counts }[] = [];
    for (const step of transactionalSteps(execution)) {
      steps.push({ step, counts: await this.#settleStep(execution, step) });
    }
    await store.settled(execution, steps);
  }

  /** Settles the earlier executions of the instance, as far as they are not. */
  async settlePredecessors({ instanceId, id }: ControlledExecution): Promise<void> {
    for (const ref of await this.parts.store.unsettledBefore(instanceId, id)) await this.settle(ref);
  }

  /**
   * The sums are compared first: as a rule they agree, however many partitions there are.
   *
   * @returns what the step has committed
   */
  async #settleStep(execution: ControlledExecution, step: string): Promise<Counts> {
    const { store, sinks } = this.parts;
    const { ledger } = sinkOf(sinks, execution, step);
    const ref = { id: execution.id, uuid: execution.uuid, step };
    const total = await ledger.total(execution, step);
    if (sameCounts(total, await store.stepCounts(ref))) return total;
    for (const [partition, counts] of await ledger.committed(execution, step)) {
      if (sameCounts(counts, NO_COUNTS)) continue;
      await store.settle({ ...ref, partition }, counts);
    }
    return total;
  }
}

const sameCounts = (a: Counts, b: Counts): boolean => COUNT_NAMES.every((name) => a[name] === b[name]);
