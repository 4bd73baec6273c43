import { COUNT_NAMES, NO_COUNTS, type Counts, type Json } from '#domain';
import { SupersededError, TransientError, type PartitionAttempt } from '#job-kit';
import type { ClientBase } from 'pg';
import { assertGateOpen } from './gate.js';

/** How far a partition has committed, and by whose hand. */
export interface Checkpoint {
  fence: number;
  position: Json | undefined;
  /** Of the owning execution. */
  counts: Counts;
  /** Items accepted in all executions of the instance, by kind. */
  tally: ReadonlyMap<string, number>;
}

const column = (name: keyof Counts): string => name.replace('Count', '_count');
/** The counts' columns, in the order of COUNT_NAMES. */
export const COUNT_COLUMNS = COUNT_NAMES.map(column);

/**
 * The gate's row, share-locked: until this transaction ends nobody closes the gate. It is evaluated before the
 * checkpoint's row is touched, so that everyone locks in the same order: gate, checkpoint, rows, skips.
 */
const OPEN_GATE = 'gate AS MATERIALIZED (SELECT FROM execution_gate WHERE execution_uuid = $1 AND open FOR SHARE)';

const unlessOwnerChanged = (name: string): string =>
  `CASE WHEN mine.execution_uuid = excluded.execution_uuid THEN mine.${name} ELSE 0 END`;

/** One row, or none if the gate is not open. Counts begin anew with an execution, position and tally with an instance. */
const CLAIM = `
  WITH ${OPEN_GATE}
  INSERT INTO partition_checkpoint AS mine (execution_uuid, instance_uuid, step_name, partition, fence)
  SELECT $1, $2::uuid, $3, $4::integer, 1 FROM gate
  ON CONFLICT (instance_uuid, step_name, partition) DO UPDATE SET
    execution_uuid = excluded.execution_uuid,
    fence = mine.fence + 1,
    ${COUNT_COLUMNS.map((name) => `${name} = ${unlessOwnerChanged(name)}`).join(', ')}
  RETURNING fence, position, ${COUNT_COLUMNS.map((name, i) => `${name} AS "${COUNT_NAMES[i]}"`).join(', ')}, tally`;

const MINE = 'instance_uuid = $2 AND step_name = $3 AND partition = $4 AND fence = $5 AND EXISTS (SELECT FROM gate)';

const ADVANCE = `
  WITH ${OPEN_GATE}
  UPDATE partition_checkpoint SET finished = false, position = $6, tally = $7,
    ${COUNT_COLUMNS.map((name, i) => `${name} = $${i + 8}`).join(', ')}
  WHERE ${MINE}`;

const FINISH = `WITH ${OPEN_GATE} UPDATE partition_checkpoint SET finished = true WHERE ${MINE}`;

const keyOf = (attempt: PartitionAttempt) => [
  attempt.executionUuid,
  attempt.instanceUuid,
  attempt.stepName,
  attempt.partition,
];

/**
 * Raises the partition's fence. One that is finished stays so: whoever reads it finds nothing behind its position.
 *
 * @throws GateClosedError, GateMissingError
 */
export async function claim(client: ClientBase, attempt: PartitionAttempt): Promise<Checkpoint> {
  const { rows } = await client.query<Record<string, unknown>>(CLAIM, keyOf(attempt));
  const row = rows[0];
  if (!row) throw await refusalOf(client, attempt);
  return {
    fence: Number(row['fence']),
    position: (row['position'] as Json | null) ?? undefined,
    counts: countsIn(row),
    tally: new Map(Object.entries(row['tally'] as Record<string, number>)),
  };
}

/** Bigints arrive as strings. */
export function countsIn(row: Record<string, unknown>): Counts {
  const counts = { ...NO_COUNTS };
  for (const name of COUNT_NAMES) counts[name] = Number(row[name]);
  return counts;
}

/**
 * Moves the checkpoint on, as the first thing in a chunk's transaction. What is written is absolute, so only the fence
 * decides whether it may be.
 *
 * @throws SupersededError if a newer attempt has raised the fence; GateClosedError, GateMissingError
 */
export async function advance(client: ClientBase, attempt: PartitionAttempt, next: Checkpoint): Promise<void> {
  const { rowCount } = await client.query({
    name: 'longshore-advance',
    text: ADVANCE,
    values: [
      ...keyOf(attempt),
      next.fence,
      JSON.stringify(next.position),
      JSON.stringify(Object.fromEntries(next.tally)),
      ...COUNT_NAMES.map((name) => next.counts[name]),
    ],
  });
  if (rowCount !== 1) throw await refusalOf(client, attempt, next.fence);
}

/** Notes that the partition was read to its end. @throws as {@link advance} */
export async function finish(client: ClientBase, attempt: PartitionAttempt, fence: number): Promise<void> {
  const { rowCount } = await client.query(FINISH, [...keyOf(attempt), fence]);
  if (rowCount !== 1) throw await refusalOf(client, attempt, fence);
}

const FENCE = 'SELECT fence FROM partition_checkpoint WHERE instance_uuid = $1 AND step_name = $2 AND partition = $3';

/**
 * Why an attempt may not write.
 *
 * @param fence the attempt's; undefined before it has one
 */
async function refusalOf(client: ClientBase, attempt: PartitionAttempt, fence?: number): Promise<Error> {
  const { executionUuid, instanceUuid, stepName, partition } = attempt;
  await assertGateOpen(client, executionUuid);
  const which = `Attempt ${fence ?? 'to claim'} at ${stepName}, partition ${partition},`;
  const { rows } = await client.query<{ fence: string }>(FENCE, [instanceUuid, stepName, partition]);
  if (fence === undefined || Number(rows[0]?.fence ?? 0) > fence) return new SupersededError(`${which} is superseded.`);
  // No newer attempt is going to do the work.
  return new TransientError(new Error(`${which} is unknown to the database: it was put back to an older state.`));
}
