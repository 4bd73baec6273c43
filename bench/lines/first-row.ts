import type { BenchFleet } from '../fleet.js';
import type { Line } from '../line.js';
import { rounds, seen } from '../rounds.js';

const LOOK_EVERY_MS = 1;

/** From the request to start until the first chunk is there for others to see. */
async function firstRow(fleet: BenchFleet, source: string): Promise<number> {
  await fleet.postgres.query('TRUNCATE resource');
  const began = performance.now();
  const starting = fleet.client.start('bulkImportJob', { source });
  await seen(async () => {
    const { rowCount } = await fleet.postgres.query('SELECT FROM resource LIMIT 1');
    return rowCount ? true : undefined;
  }, LOOK_EVERY_MS);
  const ms = performance.now() - began;
  await fleet.completed('bulkImportJob', (await starting).jobExecutionId);
  return ms;
}

export const firstRowLine: Line = {
  name: 'first-row',
  title: 'start request to first committed chunk, idle fleet, p50',
  unit: 'ms',
  wanted: { of: 'ours', atMost: 50 },
  measure: (bench) =>
    bench.withFleet({}, async (fleet) => {
      const { small } = await bench.dataset();
      await rounds(2, () => firstRow(fleet, small));
      return rounds(bench.sizes.starts, async () => ({ ours: await firstRow(fleet, small) }));
    }),
};
