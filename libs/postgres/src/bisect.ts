import type { PartitionAttempt, Rejection } from '#job-kit';
import type { PoolClient } from 'pg';
import { isDataError } from './errors.js';
import type { AttemptConnection } from './connection.js';
import type { ItemTable } from './item-table.js';

/**
 * Finds the items that the database refuses for their data, by writing ever smaller parts of a chunk in a transaction
 * that is rolled back. Few bad items are found with few more writes than the chunk itself.
 *
 * @throws what else goes wrong
 */
export async function findBadItems<O>(
  connection: AttemptConnection,
  table: ItemTable<O>,
  items: readonly O[],
  attempt: PartitionAttempt,
): Promise<Map<O, Rejection>> {
  const bad = new Map<O, Rejection>();
  const { reject } = table;
  if (!reject) return bad;
  const halve = async (client: PoolClient): Promise<void> => {
    const parts = [items];
    for (let part = parts.pop(); part; part = parts.pop()) {
      const reason = await refusal(client, part, (some) => table.writeChunk(client, some, attempt));
      if (reason === undefined) continue;
      const [item, ...others] = part;
      if (item !== undefined && others.length === 0) bad.set(item, reject(item, reason));
      else parts.push(...halves(part));
    }
  };
  await connection.transaction('BEGIN', halve, 'ROLLBACK');
  return bad;
}

const halves = <O>(part: readonly O[]): (readonly O[])[] => {
  const middle = Math.ceil(part.length / 2);
  return [part.slice(middle), part.slice(0, middle)];
};

/** Why the database refuses these items together; undefined if it does not. Row locks are given back each time. */
async function refusal<O>(
  client: PoolClient,
  items: readonly O[],
  write: (items: readonly O[]) => Promise<void>,
): Promise<string | undefined> {
  await client.query('SAVEPOINT bisect');
  try {
    await write(items);
    return undefined;
  } catch (error) {
    if (!isDataError(error)) throw error;
    // A constraint's detail repeats the whole row.
    const detail = error.detail && !error.constraint ? ` (${error.detail})` : '';
    return `is refused by the database: ${error.message}${detail}`;
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT bisect; RELEASE SAVEPOINT bisect');
  }
}
