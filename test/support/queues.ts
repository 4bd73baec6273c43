import ioredis from 'ioredis';
import { Queue } from 'bullmq';
import { MODULE_ID } from '../../scripts/local/apps.js';
import { queueName, queuePrefix, type QueueKind } from '#queues';
import type { Fleet } from './fleet.js';

/** Opens one of a fleet's queues on a connection that is closed afterwards. */
export async function withQueue<T>(fleet: Fleet, kind: QueueKind, work: (queue: Queue) => Promise<T>): Promise<T> {
  const connection = new ioredis.Redis(fleet.settings.redisUrl, { maxRetriesPerRequest: null });
  const prefix = queuePrefix(fleet.settings.keyPrefix, MODULE_ID);
  const queue = new Queue(queueName(MODULE_ID, kind), { connection, prefix });
  try {
    return await work(queue);
  } finally {
    await queue.close();
    connection.disconnect();
  }
}

/** How many jobs are waiting, delayed or active; those that have failed for good do not count. */
export async function queueSizes(fleet: Fleet): Promise<{ executions: number; partitions: number }> {
  const size = (kind: QueueKind) =>
    withQueue(fleet, kind, (queue) => queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized'));
  return { executions: await size('executions'), partitions: await size('partitions') };
}
