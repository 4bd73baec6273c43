import type { Bench } from '../bench.js';
import { repeated } from '../data/dataset.js';
import { BenchFleet, type FleetOptions } from '../fleet.js';
import { addHistory } from '../lines/history.js';
import { LIST_PATH, runListed } from '../lines/list.js';
import { rounds, timed } from '../rounds.js';
import { median, perSecond } from '../statistics.js';
import type { Curve, Point } from './curve.js';

const ROUNDS = 3;
const LATENCY_SAMPLES = 200;

const importPace = 'rows/s, bulkImportJob';

/** Rows/s of an import into an empty table: the median of a few. */
async function importRate(fleet: BenchFleet, rows: number, parameters: Record<string, string>): Promise<number> {
  const rates = await rounds(ROUNDS, async () => {
    await fleet.postgres.query('TRUNCATE resource');
    await fleet.postgres.query('CHECKPOINT');
    return perSecond(rows, (await fleet.run('bulkImportJob', parameters)).ms);
  });
  return median(rates);
}

/** One point after the other. */
const pointsOf = (xs: readonly number[], y: (x: number) => Promise<number>): Promise<Point[]> =>
  rounds(xs.length, async (index) => ({ x: xs[index] ?? 0, y: await y(xs[index] ?? 0) }));

/** Imports of the data set, with one of the parameters varied. */
const byParameter =
  (name: 'commitInterval' | 'rowsPerPartition', values: readonly number[]) =>
  (bench: Bench): Promise<Point[]> =>
    onFleet(bench, {}, async (fleet) => {
      const { rows, plain } = await bench.dataset();
      return pointsOf(values, (value) => importRate(fleet, rows, { source: plain, [name]: String(value) }));
    });

/** A fleet that has imported something before it is measured. */
const onFleet = <T>(bench: Bench, options: FleetOptions, work: (fleet: BenchFleet) => Promise<T>): Promise<T> =>
  bench.withFleet(options, async (fleet) => {
    const { small } = await bench.dataset();
    await fleet.run('bulkImportJob', { source: small });
    return work(fleet);
  });

async function byRows(bench: Bench): Promise<Point[]> {
  const dataset = await bench.dataset();
  return onFleet(bench, {}, (fleet) =>
    pointsOf([1, 2, 4, 8], (files) =>
      importRate(fleet, (dataset.rows * files) / dataset.files.length, {
        source: repeated({ ...dataset, files: dataset.files.slice(0, files), rows: dataset.rows * files }, 1),
      }),
    ),
  );
}

async function byWorkers(bench: Bench): Promise<Point[]> {
  const { rows, plain } = await bench.dataset();
  return pointsOf([1, 2, 4], (workers) =>
    onFleet(bench, { workers }, (fleet) => importRate(fleet, rows, { source: plain })),
  );
}

const latencyByHistory = (bench: Bench): Promise<Point[]> =>
  bench.withFleet({ workers: 1 }, async (fleet) => {
    await runListed(fleet);
    let stored = 0;
    return pointsOf([200, 2_000, 20_000, 200_000], async (wanted) => {
      await addHistory(fleet, wanted - stored);
      stored = wanted;
      const headers = { authorization: fleet.authorization };
      const ask = async () => (await fetch(fleet.url + LIST_PATH, { headers })).arrayBuffer();
      return median(await rounds(LATENCY_SAMPLES, () => timed(ask)));
    });
  });

/** Every picture of docs/plots. */
export const CURVES: readonly Curve[] = [
  {
    name: 'rows',
    title: 'Import against its size',
    x: 'files, an eighth of the data set each',
    y: importPace,
    measure: byRows,
  },
  { name: 'workers', title: 'Import against workers', x: 'worker processes', y: importPace, measure: byWorkers },
  {
    name: 'commit-interval',
    title: 'Import against commitInterval',
    x: 'rows in a chunk',
    y: importPace,
    measure: byParameter('commitInterval', [10, 50, 100, 500, 1_000, 5_000]),
  },
  {
    name: 'rows-per-partition',
    title: 'Import against rowsPerPartition',
    x: 'rows in a partition',
    y: importPace,
    measure: byParameter('rowsPerPartition', [100, 500, 1_000, 5_000, 20_000]),
  },
  {
    name: 'list-latency',
    title: 'Listing 20 executions against history',
    x: 'executions stored',
    y: 'ms, median of single requests one after the other',
    measure: latencyByHistory,
  },
];
