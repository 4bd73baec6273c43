import type { ControlFacts } from '#domain';
import type { Log } from '#job-kit';
import { jobCode } from './job-code.js';
import { sinkOf, transactionalSteps, type Sinks } from './sinks.js';
import type { ControlledExecution, ControlStore, Lease } from './store.port.js';

export interface StepRepairParts {
  store: Pick<ControlStore, 'reopen'>;
  sinks: Sinks;
  log: Log;
}

/** How often a step is run again for what its database does not have, before it fails. */
const MOST_TIMES = 10;

export type Repaired =
  | { kind: 'in-order' }
  /** Partitions are waiting to be handed out again. */
  | { kind: 'reopened' }
  | { kind: 'beyond-repair'; message: string };

/**
 * Holds what Redis calls done against what the database knows as finished. The two differ where one of them was put back
 * to an older state; the database decides, since it has the rows. Partitions that it does not know as finished run again.
 */
export class StepRepair {
  constructor(private readonly parts: StepRepairParts) {}

  /** @param facts of the execution, for the size of the step's plan */
  async step(lease: Lease, execution: ControlledExecution, facts: ControlFacts, step: string): Promise<Repaired> {
    const { store, sinks, log } = this.parts;
    const known = facts.steps.find(({ name }) => name === step);
    if (!known || known.kind !== 'transactional-chunk' || !known.planned) return { kind: 'in-order' };
    const { ledger } = sinkOf(sinks, execution, step);
    const missing = await jobCode(() => ledger.missing(execution, step, known.partitions));
    if (missing.length === 0) return { kind: 'in-order' };
    const { partitions, times } = await store.reopen(lease, step, missing);
    if (partitions === 0) return { kind: 'in-order' };
    log.warn('Partitions that the database does not know as finished run again', {
      executionId: lease.id,
      step,
      partitions,
      times,
    });
    if (times <= MOST_TIMES) return { kind: 'reopened' };
    return {
      kind: 'beyond-repair',
      message: `The database does not know ${partitions} partitions as finished, although they have run ${times} times. Was it put back to an older state, or does ${step} write to another database on some workers?`,
    };
  }

  /** @returns whether partitions of any step run again */
  async all(lease: Lease, execution: ControlledExecution, facts: ControlFacts): Promise<boolean> {
    let reopened = false;
    for (const step of transactionalSteps(execution)) {
      reopened = (await this.step(lease, execution, facts, step)).kind !== 'in-order' || reopened;
    }
    return reopened;
  }
}
