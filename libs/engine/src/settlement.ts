import { COUNT_NAMES, NO_COUNTS, type Counts } from '#domain';
import type { JobRegistry } from '#job-kit';
import type { ControlledExecution, ExecutionRef, SettlementStore } from './store.port.js';
import type { Ambient, Gates, Ledger } from './work.port.js';

export interface SettlementParts {
  jobs: JobRegistry;
  store: SettlementStore;
  gates: Gates;
  ledger: Ledger;
  ambient: Ambient;
}

/**
 * Has the counts of ended executions tell what the database holds. They may lag behind it: a worker died, or was shut
 * out by a force stop, between a commit and its mirror; or Redis lost a second in which chunks were committed. The store
 * remembers who is unsettled, so whoever dies in between is made good by the sweeper, and at the latest by a restart:
 * once that has claimed a partition, the checkpoint counts for the new execution.
 */
export class Settlement {
  constructor(private readonly parts: SettlementParts) {}

  /** Closes an ended execution's gate, then sets its counts to what it has committed. Bears being repeated. */
  async settle(ref: ExecutionRef): Promise<void> {
    const { store, gates, jobs } = this.parts;
    const execution = await store.load(ref);
    if (!execution) return;
    const job = jobs.find(execution.jobName);
    const transactional = (job?.steps ?? []).flatMap((step, index) =>
      step.kind === 'chunk' && step.sink ? [{ index, step }] : [],
    );
    // Also for a job that this process does not know: it may write.
    if (!job || transactional.length > 0) await gates.close(execution);
    const steps: { step: number; counts: Counts }[] = [];
    for (const { index, step } of transactional) {
      steps.push({ step: index, counts: await this.#settleStep(execution, index, step.name) });
    }
    if (job) await store.settled(execution, steps);
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
  async #settleStep(execution: ControlledExecution, step: number, stepName: string): Promise<Counts> {
    const { store, ledger, ambient } = this.parts;
    const total = await ledger.total(execution, stepName);
    if (sameCounts(total, await store.stepCounts(execution, step))) return total;
    for (const [partition, counts] of await ledger.committed(execution, stepName)) {
      if (sameCounts(counts, NO_COUNTS)) continue;
      await store.settle({ id: execution.id, uuid: execution.uuid, step, partition }, stepName, counts, ambient.now());
    }
    return total;
  }
}

const sameCounts = (a: Counts, b: Counts): boolean => COUNT_NAMES.every((name) => a[name] === b[name]);
