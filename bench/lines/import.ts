import type { Bench } from '../bench.js';
import type { BenchFleet } from '../fleet.js';
import type { Line, Sample } from '../line.js';
import { oncePerBench } from '../once.js';
import { rounds, timed } from '../rounds.js';
import { perSecond } from '../statistics.js';
import { copyAndUpsert } from '../yardsticks/copy-upsert.js';

/** Rows/s of one round. */
interface Round {
  psql: number;
  first: number;
  again: number;
  gzip: number;
}

const JOB = 'bulkImportJob';

/** The four imports of a round follow each other on the same fleet; three lines look at them. */
const importRounds = oncePerBench(async (bench): Promise<Round[]> => {
  const { rows, plain, gzip, small, files } = await bench.dataset();
  return bench.withFleet({}, async (fleet) => {
    const ours = async (source: string) => {
      await settle(fleet);
      return perSecond(rows, (await fleet.run(JOB, { source })).ms);
    };
    const yardstick = async () => {
      await settle(fleet);
      return perSecond(rows, await timed(() => copyAndUpsert(bench.databaseUrl, files)));
    };
    await fleet.run(JOB, { source: small });
    return rounds(bench.sizes.rounds, async () => {
      await empty(fleet);
      const psql = await yardstick();
      await empty(fleet);
      const first = await ours(plain);
      const again = await ours(plain);
      await empty(fleet);
      return { psql, first, again, gzip: await ours(gzip) };
    });
  });
});

const empty = (fleet: BenchFleet) => fleet.postgres.query('TRUNCATE resource');

/** Everybody begins with nothing left to write from before. */
const settle = (fleet: BenchFleet) => fleet.postgres.query('CHECKPOINT');

const of = (pick: (round: Round) => Sample) => async (bench: Bench) => (await importRounds(bench)).map(pick);

export const importLines: readonly Line[] = [
  {
    name: 'import',
    title: 'bulkImportJob, two workers, empty table',
    yardstick: 'psql \\copy + INSERT … ON CONFLICT',
    unit: 'rows/s',
    wanted: { of: 'ratio', atLeast: 1 },
    measure: of(({ first, psql }) => ({ ours: first, yardstick: psql })),
  },
  {
    name: 're-import',
    title: 'the same unchanged data again',
    yardstick: 'the first import',
    unit: 'rows/s',
    wanted: { of: 'ratio', atLeast: 1.3 },
    measure: of(({ again, first }) => ({ ours: again, yardstick: first })),
  },
  {
    name: 'gzip',
    title: 'bulkImportJob from .ndjson.gz',
    yardstick: 'from .ndjson',
    unit: 'rows/s',
    wanted: { of: 'ratio', atLeast: 0.9 },
    measure: of(({ gzip, first }) => ({ ours: gzip, yardstick: first })),
  },
];
