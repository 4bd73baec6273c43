import { MODULE_ID } from '../../scripts/local/apps.js';
import type { Bench } from '../bench.js';
import type { Line, Sample } from '../line.js';
import { gatewayRate } from '../load/ask.js';
import { oncePerBench } from '../once.js';
import { rounds } from '../rounds.js';
import { watch } from '../watch.js';
import { DEFAULT_WINDOW, jobsInQueues } from './queued.js';

const FEW_PARTITIONS = 20;
const FEW_STEPS = 20;
const MANY_STEPS = 100;
const LOOK_EVERY_MS = 5;

/** What an execution of many partitions shows, beside one of few. */
interface Huge {
  /** The same page of few steps: of the large execution, from its middle. */
  samePage: Sample[];
  /** As many steps as there are, at most 100. */
  fullPage: Sample[];
  mostJobs: number;
}

const measureHuge = oncePerBench((bench): Promise<Huge> =>
  bench.withFleet({}, async (fleet) => {
    const { hugePartitions, loadMs } = bench.sizes;
    const small = await fleet.run('noopJob', { partitions: String(FEW_PARTITIONS) });
    const watched = watch(() => jobsInQueues(fleet.redis), LOOK_EVERY_MS);
    const large = await fleet.run('noopJob', { partitions: String(hugePartitions) });
    const mostJobs = Math.max(...(await watched.stop()));
    const rate = (id: number, start: number, count: number) => gatewayRate(fleet, viewPath(id, start, count), loadMs);
    const page = (count: number) =>
      rounds(bench.sizes.rounds, async () => ({
        yardstick: await rate(small.id, 0, count),
        ours: await rate(large.id, hugePartitions / 2, count),
      }));
    return { samePage: await page(FEW_STEPS), fullPage: await page(MANY_STEPS), mostJobs };
  }),
);

const viewPath = (id: number, start: number, count: number) =>
  `/batch-job/${MODULE_ID}/noopJob/${id}?stepStart=${start}&stepCount=${count}`;

const of = (pick: (huge: Huge) => Sample[]) => async (bench: Bench) => pick(await measureHuge(bench));

export const hugeLines: readonly Line[] = [
  {
    name: 'view',
    title: 'single view with 20 steps out of the middle of 20,000 partitions',
    yardstick: '20 steps of 20 partitions',
    unit: 'requests/s',
    wanted: { of: 'ratio', atLeast: 0.8 },
    measure: of(({ samePage }) => samePage),
  },
  {
    name: 'view-100',
    title: 'single view with 100 steps out of the middle of 20,000 partitions',
    yardstick: 'all 21 steps of 20 partitions',
    unit: 'requests/s',
    wanted: { of: 'ratio', atLeast: 0.8 },
    measure: of(({ fullPage }) => fullPage),
  },
  {
    name: 'queued',
    title: 'BullMQ jobs in Redis at any moment, 20,000 partitions',
    unit: 'jobs',
    wanted: { of: 'ours', atMost: DEFAULT_WINDOW + 10 },
    measure: of(({ mostJobs }) => [{ ours: mostJobs }]),
  },
];
