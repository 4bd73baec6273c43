import { COUNT_NAMES } from '#domain';
import { GateMissingError, type DatabaseMark, type Ledger, type PartitionRange } from '#job-kit';
import type { ClientBase, Pool } from 'pg';
import { COUNT_COLUMNS, countsIn } from './checkpoint.js';
import { AttemptConnection } from './connection.js';
import { rethrow } from './errors.js';
import { runAgain } from './order.js';
import { verify } from './verify.js';

const OF_EXECUTION = 'FROM partition_checkpoint WHERE instance_uuid = $1 AND step_name = $2 AND execution_uuid = $3';

const COMMITTED = `
  SELECT partition, ${COUNT_COLUMNS.map((name, i) => `${name} AS "${COUNT_NAMES[i]}"`).join(', ')} ${OF_EXECUTION}`;

const TOTAL = `
  SELECT ${COUNT_COLUMNS.map((name, i) => `sum(${name})::bigint AS "${COUNT_NAMES[i]}"`).join(', ')} ${OF_EXECUTION}`;

const TOTALS_BY_KIND = `
  SELECT key AS kind, sum(value::bigint)::float8 AS total
  FROM partition_checkpoint, jsonb_each_text(tally)
  WHERE instance_uuid = $1 AND step_name = $2 GROUP BY key ORDER BY key COLLATE "C"`;

const FINISHED =
  'FROM partition_checkpoint WHERE instance_uuid = $1 AND step_name = $2 AND partition < $3 AND finished';

const COUNT_FINISHED = `SELECT count(*)::float8 AS finished ${FINISHED}`;

/** What lies between finished partitions, and between the last of them and the plan's end. */
const UNFINISHED = `
  SELECT first, last FROM (
    SELECT coalesce(lag(partition) OVER (ORDER BY partition) + 1, 0) AS first, partition - 1 AS last
    FROM (SELECT partition ${FINISHED} UNION ALL SELECT $3::integer) AS bounds
  ) AS gaps WHERE first <= last ORDER BY first`;

const MARK = 'SELECT database, mark::float8 FROM database_mark';
const SEALED = 'SELECT sealed_mark::float8 AS mark FROM execution_gate WHERE execution_uuid = $1 FOR UPDATE';
const COUNT_UP = `
  WITH next AS (UPDATE database_mark SET mark = mark + 1 RETURNING mark),
    trace AS (DELETE FROM order_trace WHERE instance_uuid = $2)
  UPDATE execution_gate SET sealed_mark = next.mark FROM next WHERE execution_uuid = $1`;

const FORGET = `
  WITH gate AS (DELETE FROM execution_gate WHERE execution_uuid = $1),
    skips AS (DELETE FROM step_skips WHERE execution_uuid = $1),
    rejected AS (DELETE FROM rejected_row WHERE execution_uuid = $1),
    trace AS (DELETE FROM order_trace WHERE instance_uuid = $2 AND $3)
  DELETE FROM partition_checkpoint WHERE instance_uuid = $2 AND $3`;

/** @param pool with a short `lock_timeout` */
export function ledgerOf(pool: Pool, name: string): Ledger {
  const run = (sql: string, values: unknown[] = []) => pool.query<Record<string, unknown>>(sql, values).catch(rethrow);
  return {
    name,
    async total({ uuid, instanceUuid }, stepName) {
      const { rows } = await run(TOTAL, [instanceUuid, stepName, uuid]);
      return countsIn(rows[0] ?? {});
    },
    async committed({ uuid, instanceUuid }, stepName) {
      const { rows } = await run(COMMITTED, [instanceUuid, stepName, uuid]);
      return new Map(rows.map((row) => [Number(row['partition']), countsIn(row)]));
    },
    async missing(execution, stepName, partitions) {
      const step = [execution.instanceUuid, stepName, partitions];
      const { rows } = await run(COUNT_FINISHED, step);
      if (rows[0]?.['finished'] !== partitions) return rangesIn((await run(UNFINISHED, step)).rows);
      return transaction(pool, (client) => runAgain(client, execution, stepName));
    },
    seal: ({ uuid, instanceUuid }) => transaction(pool, (client) => seal(client, uuid, instanceUuid)),
    mark: async () => (await run(MARK)).rows[0] as unknown as DatabaseMark,
    verify: (execution, stepName, partitions) => verify(run, execution, stepName, partitions),
    async forget({ uuid, instanceUuid, instanceGone }) {
      await run(FORGET, [uuid, instanceUuid, instanceGone]);
    },
  };
}

/** Items accepted in a step, in all executions of the instance, by kind. */
export async function totalsByKind(
  pool: Pool,
  instanceUuid: string,
  stepName: string,
): Promise<Record<string, number>> {
  type Total = { kind: string; total: number };
  const { rows } = await pool.query<Total>(TOTALS_BY_KIND, [instanceUuid, stepName]).catch(rethrow);
  return Object.fromEntries(rows.map(({ kind, total }) => [kind, total]));
}

const rangesIn = (rows: readonly Record<string, unknown>[]): PartitionRange[] =>
  rows.map(({ first, last }) => [Number(first), Number(last)]);

async function transaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const connection = await AttemptConnection.take(pool, 'longshore ledger');
  try {
    return await connection.transaction('BEGIN', work);
  } finally {
    await connection.release();
  }
}

/** The gate's row is locked first, so that two who seal the same execution count once. */
async function seal(client: ClientBase, uuid: string, instanceUuid: string): Promise<DatabaseMark> {
  const before = await client.query<{ mark: number | null }>(SEALED, [uuid]);
  if (!before.rows[0])
    throw new GateMissingError(`The database does not know execution ${uuid}, so it cannot seal it.`);
  if (before.rows[0].mark === null) await client.query(COUNT_UP, [uuid, instanceUuid]);
  const { rows } = await client.query<DatabaseMark>(
    'SELECT database, sealed_mark::float8 AS mark FROM database_mark, execution_gate WHERE execution_uuid = $1',
    [uuid],
  );
  return rows[0] as DatabaseMark;
}
