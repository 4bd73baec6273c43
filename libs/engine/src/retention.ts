import { isRunning, BATCH_STATUSES, type BatchStatus, type ExecutionId } from '#domain';
import type { Log } from '#job-kit';
import type { RetentionStore } from './store.port.js';
import type { Ambient, Ledger } from './work.port.js';

/** How long executions that have ended are kept. */
export interface RetentionRule {
  /** In ms since their end; Infinity for no limit. */
  age: number;
  /** The newest so many of each status; Infinity for no limit. */
  count: number;
}

export interface RetentionParts {
  store: RetentionStore;
  ledger: Ledger;
  ambient: Ambient;
  log: Log;
  rules: Partial<Record<BatchStatus, RetentionRule>>;
}

/** Steps deleted in one script, so that none holds Redis up for long. */
const STEPS_A_CALL = 1_000;
/** Executions deleted of one status in one run; the others follow in the next. */
const EXECUTIONS_A_RUN = 500;

/** Deletes what is older, or more, than the rules keep. */
export class Retention {
  constructor(private readonly parts: RetentionParts) {}

  async run(): Promise<void> {
    const { store, ambient, log, rules } = this.parts;
    for (const status of BATCH_STATUSES.filter((candidate) => !isRunning(candidate))) {
      const rule = rules[status];
      if (!rule) continue;
      const expired = await store.expired(status, ambient.now() - rule.age, rule.count, EXECUTIONS_A_RUN);
      for (const id of expired) await forgetExecution(store, id);
      if (expired.length > 0) log.info('Old executions deleted', { status, executions: expired.length });
    }
    await purgeForgotten(this.parts);
  }
}

/**
 * Deletes an execution from Redis, which notes what its database still holds.
 *
 * @returns false if it is running
 */
export async function forgetExecution(store: RetentionStore, id: ExecutionId): Promise<boolean> {
  for (;;) {
    const forgotten = await store.forget(id, STEPS_A_CALL);
    if (forgotten !== 'more') return forgotten !== 'running';
  }
}

/** Has the database forget what Redis has. Whoever dies in between, or finds it away, leaves it to the next run. */
export async function purgeForgotten({ store, ledger }: Pick<RetentionParts, 'store' | 'ledger'>): Promise<void> {
  for (const execution of await store.forgotten(EXECUTIONS_A_RUN)) {
    await ledger.forget(execution);
    await store.purged(execution.uuid);
  }
}
