import { Queue, Worker } from 'bullmq';
import ioredis from 'ioredis';
import { asChild } from '../child.js';
import { timed } from '../rounds.js';

export interface RawQueue {
  redisUrl: string;
  jobs: number;
  concurrency: number;
}

const QUEUE = 'raw';
const PREFIX = 'longshore-bench-raw';

/** Empty BullMQ jobs, added in bulk and processed in the same process. Prints how long that took, in ms. */
await asChild(async ({ redisUrl, jobs, concurrency }: RawQueue) => {
  const connection = new ioredis.Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(QUEUE, { connection, prefix: PREFIX });
  const worker = new Worker(QUEUE, async () => {}, { connection, prefix: PREFIX, concurrency });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const ms = await timed(async () => {
    const done = completed(worker, jobs);
    const bulk = Array.from({ length: jobs }, (_, n) => ({
      name: 'empty',
      data: { n },
      opts: { removeOnComplete: true },
    }));
    await queue.addBulk(bulk);
    await done;
  });
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  connection.disconnect();
  return ms;
});

function completed(worker: Worker, jobs: number): Promise<void> {
  let left = jobs;
  return new Promise((resolve) => {
    worker.on('completed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
}
