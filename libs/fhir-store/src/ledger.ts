import { COUNT_NAMES, type Counts } from '#domain';
import type { Pool } from 'pg';
import { classified } from './errors.js';
import { COUNT_COLUMNS, countsIn } from './sink/checkpoint.js';

/** What the checkpoints say of executions. */
export interface Ledger {
  /** What the execution has committed in these partitions of a step; a partition that it never claimed is left out. */
  committed(
    execution: { uuid: string; instanceUuid: string },
    stepName: string,
    partitions: readonly number[],
  ): Promise<Map<number, Counts>>;
  /** Forgets an ended execution: its gate and rejected rows; with `instanceGone` the instance's checkpoints too. */
  forget(execution: { uuid: string; instanceUuid: string; instanceGone: boolean }): Promise<void>;
}

const COMMITTED = `
  SELECT partition, ${COUNT_COLUMNS.map((name, i) => `${name} AS "${COUNT_NAMES[i]}"`).join(', ')}
  FROM partition_checkpoint
  WHERE instance_uuid = $1 AND step_name = $2 AND partition = ANY($3::integer[]) AND execution_uuid = $4`;

const FORGET = `
  WITH gate AS (DELETE FROM execution_gate WHERE execution_uuid = $1),
    skips AS (DELETE FROM step_skips WHERE execution_uuid = $1),
    rejected AS (DELETE FROM rejected_row WHERE execution_uuid = $1)
  DELETE FROM partition_checkpoint WHERE instance_uuid = $2 AND $3`;

export function ledgerOf(pool: Pool): Ledger {
  const run = (sql: string, values: unknown[]) =>
    pool.query<Record<string, unknown>>(sql, values).catch((error: unknown) => Promise.reject(classified(error)));
  return {
    async committed({ uuid, instanceUuid }, stepName, partitions) {
      const { rows } = await run(COMMITTED, [instanceUuid, stepName, partitions, uuid]);
      return new Map(rows.map((row) => [Number(row['partition']), countsIn(row)]));
    },
    async forget({ uuid, instanceUuid, instanceGone }) {
      await run(FORGET, [uuid, instanceUuid, instanceGone]);
    },
  };
}
