import { createLogger, nodesOf, openRedis } from '#platform';

/** Removes every key that begins with the prefix, a thousand at a time. */
export async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = await openRedis(redisUrl, 'failFast', createLogger('keys', 'warn'));
  try {
    for (const node of nodesOf(redis)) {
      for await (const keys of node.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<string[]>) {
        // One by one: a cluster takes no command whose keys lie in several slots.
        await Promise.all(keys.map((key) => node.unlink(key)));
      }
    }
  } finally {
    redis.disconnect();
  }
}
