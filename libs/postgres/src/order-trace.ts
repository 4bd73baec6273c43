import type { ClientBase } from 'pg';

/*
 * A table that keeps one row a key may leave a row out that stands there unchanged, without touching it. Nobody locks
 * what is only looked at, so a chunk of another partition may change the same row a moment later, although it comes
 * before in the source. So both are noted, each in the transaction of its chunk: keys that were left as they were, and
 * keys that were taken over from an earlier import. Once all partitions are finished, the two are joined.
 */

/**
 * SQL that notes keys as part of a statement (`WITH … AS (…)`), a row a chunk and none if there are no keys. A key is
 * hashed to 64 bits: two that hash alike cost a partition that runs again for nothing.
 *
 * @param what `left`: an unchanged row was left as it was; `taken`: a row of an earlier import was changed or confirmed
 * @param key an expression of type text
 * @param from what it is selected from, with its conditions
 * @param place names of the parameters that hold instance UUID, step name and partition, e.g. `['$1', '$2', '$3']`
 */
export const noteKeys = (
  what: 'left' | 'taken',
  key: string,
  from: string,
  [instance, step, partition]: readonly [instance: string, step: string, partition: string],
): string => `
  INSERT INTO order_trace (instance_uuid, step_name, partition, taken, keys)
  SELECT ${instance}::uuid, ${step}::text, ${partition}::integer, ${what === 'taken'}, array_agg(hashtextextended(${key}, 0))
  FROM ${from} HAVING count(*) > 0`;

/**
 * Within a partition chunks follow each other, and each sees what was taken before; so only what a partition *before*
 * has taken can be in the place of a row that was left.
 */
const OVERTAKEN = `
  WITH taken AS MATERIALIZED (
    SELECT key, min(partition) AS partition FROM order_trace, unnest(keys) AS key
    WHERE instance_uuid = $1 AND step_name = $2 AND taken GROUP BY key
  )
  SELECT DISTINCT kept.partition FROM (
    SELECT partition, key FROM order_trace, unnest(keys) AS key
    WHERE instance_uuid = $1 AND step_name = $2 AND NOT taken AND EXISTS (SELECT FROM taken)
  ) AS kept JOIN taken USING (key)
  WHERE taken.partition < kept.partition ORDER BY kept.partition`;

/** The planner cannot know how many keys there are. */
const JOIN_BY_HASH = 'SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off';

/**
 * Partitions of a step with a row that was left as it was, and that another row with its key, which comes before in the
 * source, has replaced since. Exact only once all partitions are finished. To be called in a transaction.
 */
export async function overtaken(client: ClientBase, instanceUuid: string, stepName: string): Promise<number[]> {
  await client.query(JOIN_BY_HASH);
  const { rows } = await client.query<{ partition: number }>(OVERTAKEN, [instanceUuid, stepName]);
  return rows.map(({ partition }) => partition);
}

/** What these partitions left as it was; they note it again. What they took over stays noted. */
const FORGET_LEFT = `
  DELETE FROM order_trace WHERE instance_uuid = $1 AND step_name = $2 AND NOT taken AND partition = ANY($3::integer[])`;

export async function forgetLeft(
  client: ClientBase,
  instanceUuid: string,
  stepName: string,
  partitions: readonly number[],
): Promise<void> {
  await client.query(FORGET_LEFT, [instanceUuid, stepName, partitions]);
}
