import { readFileSync } from 'node:fs';
import type { Bench } from '../bench.js';
import { repeated } from '../data/dataset.js';
import type { Line } from '../line.js';

/** Most memory that a process of this fleet's workers has held so far, in MB: what Linux keeps as VmHWM. */
function peakMb(pid: number): number {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(peak) / 1_000;
}

/** Each import gets workers of its own, as a peak only rises. The larger peak of the two counts. */
const peakOfImport = (bench: Bench, source: string): Promise<number> =>
  bench.withFleet({}, async (fleet) => {
    await fleet.run('bulkImportJob', { source });
    return Math.max(...fleet.workers.map(({ pid }) => peakMb(pid)));
  });

export const memoryLine: Line = {
  name: 'memory',
  title: "a worker's peak memory, importing the data set ten times over",
  yardstick: 'importing it once',
  unit: 'MB',
  wanted: { of: 'ratio', atMost: 1.15 },
  async measure(bench) {
    const dataset = await bench.dataset();
    const yardstick = await peakOfImport(bench, dataset.plain);
    const ours = await peakOfImport(bench, repeated(dataset, bench.sizes.memoryCopies));
    return [{ ours, yardstick }];
  },
};
