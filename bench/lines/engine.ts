import { inChild } from '../child.js';
import type { Line } from '../line.js';
import { rounds } from '../rounds.js';
import { perSecond } from '../statistics.js';
import type { RawQueue } from '../yardsticks/raw-bullmq.js';

const CONCURRENCY = 50;

export const engineLine: Line = {
  name: 'engine',
  title: 'empty partitions added and finished, one worker, concurrency 50',
  yardstick: 'empty BullMQ jobs, addBulk + Worker',
  unit: 'partitions/s',
  wanted: { of: 'ratio', atLeast: 0.6 },
  measure: (bench) =>
    bench.withFleet({ workers: 1, env: { WORKER_CONCURRENCY: String(CONCURRENCY) } }, async (fleet) => {
      await fleet.run('noopJob', { partitions: '500' });
      const { sizes, redisUrl } = bench;
      const jobs = sizes.partitions;
      return rounds(sizes.rounds, async () => {
        const raw: RawQueue = { redisUrl, jobs, concurrency: CONCURRENCY };
        const yardstick = perSecond(jobs, await inChild<number>('yardsticks/raw-bullmq', raw));
        const { ms } = await fleet.run('noopJob', { partitions: String(jobs) });
        return { ours: perSecond(jobs, ms), yardstick };
      });
    }),
};
