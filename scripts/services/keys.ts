import ioredis from 'ioredis';

/** Removes every key that begins with the prefix, a thousand at a time. */
export async function removeKeys(redisUrl: string, prefix: string): Promise<void> {
  const redis = new ioredis.Redis(redisUrl, { maxRetriesPerRequest: 3 });
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
  } finally {
    redis.disconnect();
  }
}
