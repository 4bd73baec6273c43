import type { Redis } from 'ioredis';
import { queueName, queuePrefix } from '#queues';
import { readSettings } from '#platform';
import { MODULE_ID } from '../../scripts/local/apps.js';
import { KEY_PREFIX } from '../fleet.js';

/** How many partitions of one execution may be queued, by default. */
export const DEFAULT_WINDOW = readSettings({ DATABASE_URL: 'none', IMPORT_DIRECTORY: '/' }).PARTITION_WINDOW;

const LISTS = ['wait', 'active', 'paused'];
const SORTED_SETS = ['delayed', 'prioritized', 'waiting-children', 'completed', 'failed'];

/** BullMQ jobs in the queues of executions and partitions, in any state. */
export async function jobsInQueues(redis: Redis): Promise<number> {
  const pipeline = redis.multi();
  for (const kind of ['executions', 'partitions'] as const) {
    const base = `${queuePrefix(KEY_PREFIX, MODULE_ID)}:${queueName(MODULE_ID, kind)}`;
    for (const list of LISTS) pipeline.llen(`${base}:${list}`);
    for (const set of SORTED_SETS) pipeline.zcard(`${base}:${set}`);
  }
  const counts = (await pipeline.exec()) ?? [];
  return counts.reduce((sum, [error, count]) => {
    if (error) throw error;
    return sum + Number(count);
  }, 0);
}
