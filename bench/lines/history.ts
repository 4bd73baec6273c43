import { randomUUID } from 'node:crypto';
import { executionUuid } from '#domain';
import { redisExecutionStore } from '#repository';
import { MODULE_ID } from '../../scripts/local/apps.js';
import type { Bench } from '../bench.js';
import { KEY_PREFIX, type BenchFleet } from '../fleet.js';
import type { Line, Sample } from '../line.js';
import { gatewayRate } from '../load/ask.js';
import { oncePerBench } from '../once.js';
import { rounds } from '../rounds.js';
import { LIST_PATH, LISTED, runListed } from './list.js';

const FEW = 200;
const AT_ONCE = 500;

/** Adds ended executions to the history until so many are stored: each launched and force-stopped, by the store's own scripts. */
export async function addHistory(fleet: BenchFleet, count: number): Promise<void> {
  const store = redisExecutionStore(fleet.redis, KEY_PREFIX, MODULE_ID);
  const one = async (): Promise<void> => {
    const parameters = { partitions: '1', chunks: '1', busyMs: '0' };
    const launched = await store.launch({
      uuid: executionUuid(randomUUID()),
      jobName: 'noopJob',
      parameters,
      definition: { version: '1', steps: [{ name: 'noopStep', kind: 'chunk' }] },
      identity: undefined,
      restarts: undefined,
      idempotency: undefined,
    });
    if (launched.kind !== 'launched') throw new Error(`A launch came to nothing: ${launched.kind}.`);
    await store.forceStop(launched, 'the bench');
  };
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, one));
  }
}

/** Requests/s of a question on two fleets: one with a short history and one with a long one. */
interface Round {
  list: Sample;
  lookUp: Sample;
}

const historyRounds = oncePerBench((bench): Promise<Round[]> =>
  bench.withFleet({ workers: 1 }, (short) =>
    bench.withFleet({ workers: 1, apart: true }, async (long) => {
      await addHistory(short, FEW - LISTED);
      await addHistory(long, bench.sizes.history - LISTED);
      const [shortUuid, longUuid] = [await newest(short), await newest(long)];
      const rate = (fleet: BenchFleet, path: string) => gatewayRate(fleet, path, bench.sizes.loadMs);
      return rounds(bench.sizes.rounds, async () => ({
        list: { yardstick: await rate(short, LIST_PATH), ours: await rate(long, LIST_PATH) },
        lookUp: { yardstick: await rate(short, lookUpPath(shortUuid)), ours: await rate(long, lookUpPath(longUuid)) },
      }));
    }),
  ),
);

const lookUpPath = (uuid: string) => `/batch-job/${MODULE_ID}/noopJob?executionUUID=${uuid}`;

/** @returns UUID of the newest of the listed executions */
async function newest(fleet: BenchFleet): Promise<string> {
  const runs = await runListed(fleet);
  return runs.at(-1)?.view.executionUUID ?? '';
}

const of = (pick: (round: Round) => Sample) => async (bench: Bench) => (await historyRounds(bench)).map(pick);

const common = { yardstick: 'with 200 stored', unit: 'requests/s', wanted: { of: 'ratio', atLeast: 0.95 } } as const;

export const historyLines: readonly Line[] = [
  { name: 'history-list', title: 'the list with a long history', ...common, measure: of(({ list }) => list) },
  {
    name: 'history-look-up',
    title: 'executionUUID= with a long history',
    ...common,
    measure: of(({ lookUp }) => lookUp),
  },
];
