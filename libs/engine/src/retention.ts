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
      for (const id of expired) await forgetExecution(this.parts, id);
      if (expired.length > 0) log.info('Old executions deleted', { status, executions: expired.length });
    }
  }
}

/**
 * Deletes an execution from Redis, then from PostgreSQL. A crash in between leaves a few rows of checkpoints that
 * nobody refers to any more, and never an execution without them.
 *
 * @returns false if it is running
 */
export async function forgetExecution(
  { store, ledger }: Pick<RetentionParts, 'store' | 'ledger'>,
  id: ExecutionId,
): Promise<boolean> {
  for (;;) {
    const forgotten = await store.forget(id, STEPS_A_CALL);
    switch (forgotten.kind) {
      case 'more':
        continue;
      case 'done':
        await ledger.forget(forgotten);
        return true;
      default:
        return forgotten.kind === 'gone';
    }
  }
}
