import { inChild } from '../child.js';
import type { Line } from '../line.js';
import { rounds } from '../rounds.js';
import { perSecond } from '../statistics.js';
import type { RedisLoop } from '../yardsticks/redis-loop.js';

export const chunkLine: Line = {
  name: 'chunk',
  title: 'empty chunks of one partition',
  yardstick: 'a bare loop of one pipelined Redis write a chunk',
  unit: 'chunks/s',
  wanted: { of: 'ratio', atLeast: 0.5 },
  measure: (bench) =>
    bench.withFleet({ workers: 1 }, async (fleet) => {
      const { sizes, redisUrl } = bench;
      const { chunks } = sizes;
      await fleet.run('noopJob', { chunks: '1000' });
      return rounds(sizes.rounds, async () => {
        const loop: RedisLoop = { redisUrl, chunks };
        const yardstick = perSecond(chunks, await inChild<number>('yardsticks/redis-loop', loop));
        const { ms } = await fleet.run('noopJob', { chunks: String(chunks) });
        return { ours: perSecond(chunks, ms), yardstick };
      });
    }),
};
