import type { LedgerReport, SinkExecution } from '#job-kit';

type Run = (sql: string, values: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>;

const SEALED = 'SELECT sealed_mark IS NOT NULL AS sealed FROM execution_gate WHERE execution_uuid = $1';

/**
 * A tally counts what all executions have accepted, the counts what the last owner has; so a tally may be larger, never
 * smaller. A sink that tallies nothing has none.
 */
const CHECKPOINTS = `
  SELECT count(*) FILTER (WHERE finished AND partition < $3)::float8 AS finished,
    count(*) FILTER (WHERE partition >= $3)::float8 AS beyond,
    count(*) FILTER (WHERE tally <> '{}' AND accepted < write_count)::float8 AS short,
    count(*) FILTER (WHERE position IS NULL AND read_count > 0)::float8 AS unplaced
  FROM partition_checkpoint
  CROSS JOIN LATERAL (SELECT coalesce(sum(value::bigint), 0) AS accepted FROM jsonb_each_text(tally)) AS tallied
  WHERE instance_uuid = $1 AND step_name = $2`;

/** Compares what the database knows of a step with itself. */
export async function verify(
  run: Run,
  { uuid, instanceUuid }: SinkExecution,
  stepName: string,
  partitions: number,
): Promise<LedgerReport> {
  const gate = (await run(SEALED, [uuid])).rows[0];
  const found = (await run(CHECKPOINTS, [instanceUuid, stepName, partitions])).rows[0] ?? {};
  const [finished, beyond, short, unplaced] = ['finished', 'beyond', 'short', 'unplaced'].map((name) =>
    Number(found[name]),
  ) as [number, number, number, number];
  const sealed = gate?.['sealed'] === true;
  const findings: [found: boolean, finding: string][] = [
    [gate === undefined, 'The database does not know the execution: it was put back to an older state.'],
    [gate !== undefined && !sealed, 'The database has not noted that the execution has COMPLETED.'],
    [finished < partitions, `${partitions - finished} of ${partitions} partitions of ${stepName} are not finished.`],
    [beyond > 0, `${beyond} checkpoints of ${stepName} belong to partitions that its plan does not have.`],
    [short > 0, `${short} checkpoints of ${stepName} count more written items than they tally.`],
    [unplaced > 0, `${unplaced} checkpoints of ${stepName} count items, but have no position.`],
  ];
  return { finished, sealed, findings: findings.filter(([isSo]) => isSo).map(([, finding]) => finding) };
}
