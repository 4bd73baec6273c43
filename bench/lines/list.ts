import { key, keyRoot } from '#repository';
import { MODULE_ID } from '../../scripts/local/apps.js';
import { KEY_PREFIX, type BenchFleet } from '../fleet.js';
import type { Line } from '../line.js';
import { gatewayRate, requestRate } from '../load/ask.js';
import { rounds } from '../rounds.js';
import { withBareList } from '../yardsticks/bare-server.js';

export const LISTED = 20;
const STEP = 'noopStep';
const PARTITIONS = 11;

export const LIST_PATH = `/batch-job/${MODULE_ID}/noopJob?count=${LISTED}`;

/** Runs twenty executions of twelve steps: one step in eleven partitions. */
export const runListed = (fleet: BenchFleet) =>
  rounds(LISTED, () => fleet.run('noopJob', { partitions: String(PARTITIONS) }));

/** The hashes that a listing of the executions 1 to 20 is read from. */
function listedKeys(): string[] {
  const root = keyRoot(KEY_PREFIX, MODULE_ID);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  return Array.from({ length: LISTED }, (_, index) => index + 1).flatMap((id) => [
    key(root, 'instance', id),
    key(root, 'execution', id),
    key(root, 'stepExecution', id, STEP),
    ...partitions.map((partition) => key(root, 'partition', id, STEP, partition)),
  ]);
}

export const listLine: Line = {
  name: 'list',
  title: '20 executions of 12 steps, 50 connections, authenticated',
  yardstick: 'bare Fastify + ioredis, the same hashes in one pipeline, no auth',
  unit: 'requests/s',
  wanted: { of: 'ratio', atLeast: 0.6 },
  measure: (bench) =>
    bench.withFleet({}, async (fleet) => {
      await runListed(fleet);
      const { loadMs } = bench.sizes;
      return withBareList({ redisUrl: bench.redisUrl, keys: listedKeys() }, (port) =>
        rounds(bench.sizes.rounds, async () => ({
          yardstick: await requestRate(port, '/list', loadMs),
          ours: await gatewayRate(fleet, LIST_PATH, loadMs),
        })),
      );
    }),
};
