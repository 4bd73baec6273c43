import { BATCH_STATUSES, isRunning, type BatchStatus, type ExecutionId } from '#domain';
import type { Log } from '#job-kit';
import type { Settlement } from './settlement.js';
import type { OperationStore, RetentionStore } from './store.port.js';
import type { SinkAccess } from './sinks.js';

/** How long executions that have ended are kept. */
export interface RetentionRule {
  /** In ms since their end; Infinity for no limit. */
  age: number;
  /** The newest so many of each status; Infinity for no limit. */
  count: number;
}

/** What deleting an execution takes. */
export interface DeletionParts {
  store: RetentionStore & Pick<OperationStore, 'findExecution'>;
  settlement: Settlement;
}

export interface RetentionParts extends DeletionParts {
  /** The module's databases. */
  databases: readonly SinkAccess[];
  log: Log;
  rules: Partial<Record<BatchStatus, RetentionRule>>;
  /** How long after an execution its traces in the database go, in ms: longer than what a store that crashes may lose. */
  purgeAfterMs: number;
}

/** Steps deleted in one script, so that none holds Redis up for long. */
const STEPS_A_CALL = 1_000;
/** Executions deleted of one status in one run; the others follow in the next. */
const EXECUTIONS_A_RUN = 500;

/** Deletes what is older, or more, than the rules keep, and has the database forget what is deleted. */
export class Retention {
  constructor(private readonly parts: RetentionParts) {}

  async run(): Promise<void> {
    const { store, log, rules } = this.parts;
    for (const status of BATCH_STATUSES.filter((candidate) => !isRunning(candidate))) {
      const rule = rules[status];
      if (!rule) continue;
      const expired = await store.expired(status, rule.age, rule.count, EXECUTIONS_A_RUN);
      for (const id of expired) await forgetExecution(this.parts, id);
      if (expired.length > 0) log.info('Old executions deleted', { status, executions: expired.length });
    }
    await this.#purge();
  }

  /** If the process dies in between, or the database is unavailable, the next run does it. */
  async #purge(): Promise<void> {
    const { store, databases, purgeAfterMs } = this.parts;
    for (const execution of await store.forgottenFor(purgeAfterMs, EXECUTIONS_A_RUN)) {
      for (const { ledger } of databases) await ledger.forget(execution);
      await store.purged(execution);
    }
  }
}

/**
 * Deletes an execution from Redis, which notes what its database still holds. That goes later: were it gone at once, a
 * Redis that loses its last second would have the execution back, and its checkpoints not. One that is unsettled is
 * settled first, since its gate may still be open.
 *
 * @returns false if it is running
 */
export async function forgetExecution({ store, settlement }: DeletionParts, id: ExecutionId): Promise<boolean> {
  for (let settled = false; ;) {
    const answer = await store.forget(id, STEPS_A_CALL, settled);
    if (answer === 'unsettled') {
      const execution = await store.findExecution(id);
      if (execution) await settlement.settle(execution);
      settled = true;
    } else if (answer !== 'more') return answer !== 'running';
  }
}
