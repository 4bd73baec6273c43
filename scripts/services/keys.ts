import { createLogger, nodesOf, openRedis } from '#platform';

/** Deletes every key that starts with the prefix, a thousand at a time. */
export async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = await openRedis(redisUrl, 'failFast', createLogger('keys', 'warn'));
  try {
    for (const node of nodesOf(redis)) {
      for await (const keys of node.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<string[]>) {
        // One by one: a cluster rejects a command whose keys are in several slots.
        await Promise.all(keys.map((key) => node.unlink(key)));
      }
    }
  } finally {
    redis.disconnect();
  }
}
