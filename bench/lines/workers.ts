import type { Line } from '../line.js';
import { rounds } from '../rounds.js';
import { perSecond } from '../statistics.js';

const BUSY_MS = '10';

/** Two fleets take turns; the one that does not work is idle and costs next to nothing. */
export const workersLine: Line = {
  name: 'workers',
  title: 'CPU-bound partitions, two workers',
  yardstick: 'one worker',
  unit: 'partitions/s',
  wanted: { of: 'ratio', atLeast: 1.8 },
  measure: (bench) =>
    bench.withFleet({ workers: 1 }, (one) =>
      bench.withFleet({ workers: 2, apart: true }, (two) =>
        rounds(bench.sizes.rounds, async () => {
          const partitions = bench.sizes.busyPartitions;
          const job = { partitions: String(partitions), busyMs: BUSY_MS };
          return {
            yardstick: perSecond(partitions, (await one.run('noopJob', job)).ms),
            ours: perSecond(partitions, (await two.run('noopJob', job)).ms),
          };
        }),
      ),
    ),
};
