import { COUNT_NAMES, type Counts } from '#domain';
import type { Pool } from 'pg';
import { classified } from './errors.js';
import { COUNT_COLUMNS, countsIn } from './sink/checkpoint.js';

/** What an execution is known by. */
interface LedgerKey {
  uuid: string;
  instanceUuid: string;
}

/** What the checkpoints say of executions. */
export interface Ledger {
  /** What the execution has committed in a step, over the partitions that it was the last to claim. */
  total(execution: LedgerKey, stepName: string): Promise<Counts>;
  /** The same, partition by partition. */
  committed(execution: LedgerKey, stepName: string): Promise<Map<number, Counts>>;
  /** Forgets an ended execution: its gate and rejected rows; with `instanceGone` the instance's checkpoints too. */
  forget(execution: LedgerKey & { instanceGone: boolean }): Promise<void>;
}

const COMMITTED = `
  SELECT partition, ${COUNT_COLUMNS.map((name, i) => `${name} AS "${COUNT_NAMES[i]}"`).join(', ')}
  FROM partition_checkpoint WHERE instance_uuid = $1 AND step_name = $2 AND execution_uuid = $3`;

const TOTAL = `
  SELECT ${COUNT_COLUMNS.map((name, i) => `sum(${name})::bigint AS "${COUNT_NAMES[i]}"`).join(', ')}
  FROM partition_checkpoint WHERE instance_uuid = $1 AND step_name = $2 AND execution_uuid = $3`;

const FORGET = `
  WITH gate AS (DELETE FROM execution_gate WHERE execution_uuid = $1),
    skips AS (DELETE FROM step_skips WHERE execution_uuid = $1),
    rejected AS (DELETE FROM rejected_row WHERE execution_uuid = $1)
  DELETE FROM partition_checkpoint WHERE instance_uuid = $2 AND $3`;

export function ledgerOf(pool: Pool): Ledger {
  const run = (sql: string, values: unknown[]) =>
    pool.query<Record<string, unknown>>(sql, values).catch((error: unknown) => Promise.reject(classified(error)));
  return {
    async total({ uuid, instanceUuid }, stepName) {
      const { rows } = await run(TOTAL, [instanceUuid, stepName, uuid]);
      return countsIn(rows[0] ?? {});
    },
    async committed({ uuid, instanceUuid }, stepName) {
      const { rows } = await run(COMMITTED, [instanceUuid, stepName, uuid]);
      return new Map(rows.map((row) => [Number(row['partition']), countsIn(row)]));
    },
    async forget({ uuid, instanceUuid, instanceGone }) {
      await run(FORGET, [uuid, instanceUuid, instanceGone]);
    },
  };
}
