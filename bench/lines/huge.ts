import { MODULE_ID } from '../../scripts/local/apps.js';
import type { Bench } from '../bench.js';
import type { BenchFleet } from '../fleet.js';
import type { Line, Sample } from '../line.js';
import { gatewayRate } from '../load/ask.js';
import { oncePerBench } from '../once.js';
import { rounds } from '../rounds.js';
import { watch } from '../watch.js';
import { DEFAULT_WINDOW, jobsInQueues } from './queued.js';

const FEW_PARTITIONS = 20;
const STEPS_SHOWN = 100;
const LOOK_EVERY_MS = 5;

/** What an execution of many partitions shows, beside one of few. */
interface Huge {
  view: Sample[];
  bytesPerPartition: number;
  mostJobs: number;
}

const measureHuge = oncePerBench((bench): Promise<Huge> =>
  bench.withFleet({}, async (fleet) => {
    const { hugePartitions, loadMs } = bench.sizes;
    const small = await fleet.run('noopJob', { partitions: String(FEW_PARTITIONS) });
    const before = await usedMemory(fleet);
    const watched = watch(() => jobsInQueues(fleet.redis), LOOK_EVERY_MS);
    const large = await fleet.run('noopJob', { partitions: String(hugePartitions) });
    const mostJobs = Math.max(...(await watched.stop()));
    const bytesPerPartition = ((await usedMemory(fleet)) - before) / hugePartitions;
    const view = await rounds(bench.sizes.rounds, async () => ({
      yardstick: await gatewayRate(fleet, viewPath(small.id), loadMs),
      ours: await gatewayRate(fleet, viewPath(large.id), loadMs),
    }));
    return { view, bytesPerPartition, mostJobs };
  }),
);

const viewPath = (id: number) => `/batch-job/${MODULE_ID}/noopJob/${id}?stepCount=${STEPS_SHOWN}`;

/** Bytes of Redis's data, without what connections and the allocator hold. */
async function usedMemory({ redis }: BenchFleet): Promise<number> {
  const info = await redis.info('memory');
  return Number(/used_memory_dataset:(\d+)/.exec(info)?.[1]);
}

const of = (pick: (huge: Huge) => Sample[]) => async (bench: Bench) => pick(await measureHuge(bench));

export const hugeLines: readonly Line[] = [
  {
    name: 'view',
    title: 'single view with 100 steps of an execution of 20,000 partitions',
    yardstick: 'of one of 20 partitions',
    unit: 'requests/s',
    wanted: { of: 'ratio', atLeast: 0.8 },
    measure: of(({ view }) => view),
  },
  {
    name: 'redis-bytes',
    title: 'Redis, per finished partition',
    unit: 'bytes',
    wanted: { of: 'ours', atMost: 500 },
    measure: of(({ bytesPerPartition }) => [{ ours: bytesPerPartition }]),
  },
  {
    name: 'queued',
    title: 'BullMQ jobs in Redis at any moment, 20,000 partitions',
    unit: 'jobs',
    wanted: { of: 'ours', atMost: DEFAULT_WINDOW + 10 },
    measure: of(({ mostJobs }) => [{ ours: mostJobs }]),
  },
];
