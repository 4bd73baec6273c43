import ioredis from 'ioredis';
import { asChild } from '../child.js';
import { timed } from '../rounds.js';

export interface RedisLoop {
  redisUrl: string;
  chunks: number;
}

const KEY = 'longshore-bench-loop';

/** The least a checkpoint in Redis can be: position and counts in one pipelined write, waited for. Prints its ms. */
await asChild(async ({ redisUrl, chunks }: RedisLoop) => {
  const redis = new ioredis.Redis(redisUrl);
  const ms = await timed(async () => {
    for (let n = 1; n <= chunks; n += 1) {
      await redis.pipeline().hset(KEY, { position: n, readCount: n, writeCount: n, commitCount: n }).exec();
    }
  });
  await redis.del(KEY);
  redis.disconnect();
  return ms;
});
