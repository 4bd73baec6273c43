import type { PartitionRange, SinkExecution } from '#job-kit';
import type { ClientBase } from 'pg';
import { COUNT_COLUMNS } from './checkpoint.js';
import { assertGateOpen } from './gate.js';
import { forgetLeft, overtaken } from './order-trace.js';

/** The fence goes up, so that no attempt that finished the partition before says so again. */
const RESET = `
  UPDATE partition_checkpoint
  SET finished = false, fence = fence + 1, position = NULL, tally = '{}', ${COUNT_COLUMNS.map((name) => `${name} = 0`).join(', ')}
  WHERE instance_uuid = $1 AND step_name = $2 AND partition = ANY($3::integer[])`;

/** Rejected rows of an earlier execution are its own, and stay. */
const FORGET_REJECTED = `
  WITH gone AS (
    DELETE FROM rejected_row WHERE execution_uuid = $1 AND step_name = $2 AND partition = ANY($3::integer[]) RETURNING 1
  )
  UPDATE step_skips SET skip_count = skip_count - (SELECT count(*) FROM gone) WHERE execution_uuid = $1 AND step_name = $2`;

/**
 * Puts partitions of a finished step back to their beginning whose rows were overtaken by rows that come before them in
 * the source. When they run again, the rows in question belong to this import already, so they are sent, not left.
 *
 * @returns these partitions; none if every row is as the source has it
 * @throws GateClosedError, GateMissingError if there are any, and the execution may not write
 */
export async function runAgain(
  client: ClientBase,
  { uuid, instanceUuid }: SinkExecution,
  stepName: string,
): Promise<PartitionRange[]> {
  const partitions = await overtaken(client, instanceUuid, stepName);
  if (partitions.length === 0) return [];
  await assertGateOpen(client, uuid);
  await client.query(RESET, [instanceUuid, stepName, partitions]);
  await client.query(FORGET_REJECTED, [uuid, stepName, partitions]);
  await forgetLeft(client, instanceUuid, stepName, partitions);
  return rangesOf(partitions);
}

/** @param numbers ascending, each once */
export function rangesOf(numbers: readonly number[]): PartitionRange[] {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range && range[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
