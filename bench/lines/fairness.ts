import type { GivenParameters } from '#client';
import type { Line } from '../line.js';
import { rounds, seen } from '../rounds.js';
import { DEFAULT_WINDOW } from './queued.js';

/** Enough that the small job has to wait its turn. */
const HUGE = { partitions: '2000', busyMs: '2' };
const SMALL = { partitions: '1', busyMs: '2' };
const UNDER_WAY = 20;

/** How much of the huge job was done while the small one, started behind it, went from start to end. */
export const fairnessLine: Line = {
  name: 'fairness',
  title: 'a 1-partition job behind a 2,000-partition one: work of the other done until it ends',
  unit: 'windows',
  wanted: { of: 'ours', atMost: 2 },
  measure: (bench) =>
    bench.withFleet({}, async (fleet) => {
      const start = async (parameters: GivenParameters) =>
        (await fleet.client.start('noopJob', parameters)).jobExecutionId;
      return rounds(bench.sizes.rounds, async () => {
        const huge = await start(HUGE);
        const done = async () => (await fleet.client.view('noopJob', huge, { stepCount: 1 })).progress.partitions.done;
        const before = await seen(async () => {
          const count = await done();
          return count >= UNDER_WAY ? count : undefined;
        }, 5);
        const small = await start(SMALL);
        await fleet.completed('noopJob', small, 5);
        const ours = ((await done()) - before) / DEFAULT_WINDOW;
        await fleet.completed('noopJob', huge);
        return { ours };
      });
    }),
};
