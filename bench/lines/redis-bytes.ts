import type { BenchFleet } from '../fleet.js';
import type { Line } from '../line.js';

/** Everything that Redis holds, in bytes: the data, the table of keys, and the little that connections need. */
async function usedMemory({ redis }: BenchFleet): Promise<number> {
  const info = await redis.info('memory');
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

/** The partitions of an import say more of themselves than those of noopJob: file, rows and place. */
export const redisBytesLine: Line = {
  name: 'redis-bytes',
  title: 'Redis, per finished partition of bulkImportJob',
  unit: 'bytes',
  wanted: { of: 'ours', atMost: 500 },
  measure: (bench) =>
    bench.withFleet({}, async (fleet) => {
      const { plain, rows, small } = await bench.dataset();
      const rowsPerPartition = Math.floor(rows / bench.sizes.hugePartitions);
      await fleet.run('bulkImportJob', { source: small });
      // Fills BullMQ's event streams, which hold the newest 10,000 events whatever has run.
      await fleet.run('noopJob', { partitions: String(bench.sizes.hugePartitions) });
      const before = await usedMemory(fleet);
      const { view } = await fleet.run('bulkImportJob', { source: plain, rowsPerPartition: String(rowsPerPartition) });
      return [{ ours: ((await usedMemory(fleet)) - before) / view.progress.partitions.total }];
    }),
};
