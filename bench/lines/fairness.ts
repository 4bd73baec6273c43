import type { ExecutionView } from '../../scripts/demo/client.js';
import type { Line } from '../line.js';
import { rounds, seen } from '../rounds.js';
import { DEFAULT_WINDOW } from './queued.js';

/** Enough that the small job has to wait its turn. */
const HUGE = { partitions: '2000', busyMs: '2' };
const SMALL = { partitions: '1', busyMs: '2' };
const UNDER_WAY = 20;

/** The view has more in it than the demo reads. */
const partitionsDone = (view: ExecutionView): number =>
  (view.progress as ExecutionView['progress'] & { partitions: { done: number } }).partitions.done;

/** How much of the huge job was done while the small one, started behind it, went from start to end. */
export const fairnessLine: Line = {
  name: 'fairness',
  title: 'a 1-partition job behind a 2,000-partition one: work of the other done until it ends',
  unit: 'windows',
  wanted: { of: 'ours', atMost: 2 },
  measure: (bench) =>
    bench.withFleet({}, async (fleet) => {
      const client = fleet.client('noopJob');
      return rounds(bench.sizes.rounds, async () => {
        const huge = await client.start(HUGE);
        const done = async () => partitionsDone(await client.execution(huge));
        const before = await seen(async () => {
          const count = await done();
          return count >= UNDER_WAY ? count : undefined;
        }, 5);
        const small = await client.start(SMALL);
        await fleet.ended('noopJob', small, 5);
        const ours = ((await done()) - before) / DEFAULT_WINDOW;
        await fleet.ended('noopJob', huge);
        return { ours };
      });
    }),
};
