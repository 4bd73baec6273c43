import fastify from 'fastify';
import ioredis from 'ioredis';

/** What the process is handed as its only argument, in JSON. */
export interface BareList {
  redisUrl: string;
  /** The hashes to read. */
  keys: readonly string[];
}

/** Bare Fastify: reads the hashes in one pipeline and answers with them as they are. Prints its port. */
const { redisUrl, keys } = JSON.parse(process.argv[2] ?? '') as BareList;
const redis = new ioredis.Redis(redisUrl);
const app = fastify();
app.get('/list', async () => {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.hgetall(key);
  return (await pipeline.exec())?.map(([, hash]) => hash);
});
const url = await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${new URL(url).port}\n`);
