import { array, assert, asyncProperty, constantFrom, nat, option, record } from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OnConflict } from '#fhir';
import { Life } from '../support/model/life.js';
import { ndjson, tiny, writeSource, type Resource } from '../support/resources.js';
import { importsOf } from '../support/truth/imports.js';
import { Scene } from '../support/truth/scene.js';

/*
 * Which row stays where an id is repeated. Once it was the one whose chunk happened to be committed last.
 */

const scene = Scene.ofThisFile();
const { start, run, stored } = importsOf(scene);

beforeEach(() => scene.current.deployImport());

const write = (name: string, ...resources: Resource[]) =>
  writeSource(scene.current.importDirectory, name, ndjson(resources));

const bodies = async () => (await stored()).map(({ body }) => JSON.parse(body) as Resource);

const decimal = (value: string) => `{"resourceType":"Observation","id":"o","valueQuantity":{"value":${value}}}\n`;

describe('an import of what is there already', () => {
  it('leaves bodies, versions and times as they are', async () => {
    write('twice/1.ndjson', tiny('a', { v: 1 }), tiny('b', { v: 1 }));
    write('twice/2.ndjson', tiny('a', { v: 2 }));
    await run({ source: 'twice' });
    const before = await stored();
    expect(before.map(({ version }) => version)).toEqual([1, 1]);
    await run({ source: 'twice', rowsPerPartition: '1' });
    await run({ source: 'twice', commitInterval: '1' });
    expect(await stored()).toEqual(before);
  });

  it('stores 1.00 where 1.0 was: in FHIR, precision is meaning', async () => {
    const name = 'decimal.ndjson';
    writeSource(scene.current.importDirectory, name, decimal('1.0'));
    await run({ source: name });
    writeSource(scene.current.importDirectory, name, decimal('1.00'));
    await run({ source: name });
    expect(await stored()).toMatchObject([{ body: expect.stringContaining('"value": 1.00}'), version: 2 }]);
  });
});

describe('daily exports in one source', () => {
  it('leave the row of the last file, and of its last row', async () => {
    write('days/2024-01-01.ndjson', tiny('a', { day: 1 }), tiny('b', { day: 1 }));
    write(
      'days/2024-01-02.ndjson',
      tiny('a', { day: 2 }),
      tiny('b', { day: 2 }),
      tiny('a', { day: 2, corrected: true }),
    );
    await run({ source: 'days', rowsPerPartition: '1' });
    expect(await bodies()).toEqual([tiny('a', { day: 2, corrected: true }), tiny('b', { day: 2 })]);
  });
});

const dated = (day: number) => tiny('a', { meta: { lastUpdated: `2024-01-0${day}T00:00:00Z` }, day });

describe('an older export after a newer one', () => {
  it('changes nothing with onConflict=last-updated', async () => {
    write('newer.ndjson', dated(2));
    write('older.ndjson', dated(1));
    await run({ source: 'newer.ndjson', onConflict: 'last-updated' });
    const before = await stored();
    await run({ source: 'older.ndjson', onConflict: 'last-updated' });
    expect(await stored()).toEqual(before);
  });
});

// Any source, any partitions, any order of commits, workers that stop in the middle and go on when they are superseded

interface Row {
  id: string;
  v: number;
  day: number | null;
}

const anyRow = record<Row>({ id: constantFrom('a', 'b', 'c'), v: nat(2), day: option(nat(2), { nil: null }) });
const source = array(array(anyRow, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });
/**
 * What workers do: take a delivery and stop after so many calls (or never), or go on where one had stopped. A job that a
 * queue loses comes back at its end once time passes, so partitions are done in any order.
 */
const happening = record({
  what: constantFrom('executions', 'steps', 'partitions', 'partitions', 'partitions', 'lose', 'wake', 'time'),
  calls: option(nat(15), { nil: Infinity }),
  choice: constantFrom(0, 0.5, 0.99),
});
const imported = record({
  files: source,
  onConflict: constantFrom<OnConflict>('source-order', 'last-updated', 'keep-first'),
  rowsPerPartition: constantFrom('1', '2', '3'),
  commitInterval: constantFrom('1', '2'),
  happenings: array(happening, { minLength: 3, maxLength: 16 }),
});

const resourceOf = ({ id, v, day }: Row): Resource =>
  tiny(id, { v, ...(day === null ? {} : { meta: { lastUpdated: `2024-01-0${day + 1}T00:00:00Z` } }) });

/** What the documentation says of each mode: whether a row takes the place of what stands there. */
const TAKES_PLACE: Record<OnConflict, (row: Row, standing: Row) => boolean> = {
  'source-order': () => true,
  'last-updated': (row, standing) => (row.day ?? -1) >= (standing.day ?? -1),
  'keep-first': () => false,
};

interface Kept {
  row: Row;
  version: number;
}

function expectedAfter(before: ReadonlyMap<string, Kept>, rows: readonly Row[], onConflict: OnConflict) {
  const standing = new Map([...before].map(([id, kept]) => [id, kept.row]));
  for (const next of rows) {
    const there = standing.get(next.id);
    if (!there || TAKES_PLACE[onConflict](next, there)) standing.set(next.id, next);
  }
  return new Map(
    [...standing].map(([id, kept]): [string, Kept] => {
      const was = before.get(id);
      const same = was && was.row.v === kept.v && was.row.day === kept.day;
      return [id, { row: kept, version: (was?.version ?? 0) + (same ? 0 : 1) }];
    }),
  );
}

const FOR_MS = Number(process.env.ORDER_MS ?? 15_000);
const MOST_RUNS = 100_000;

let imports = 0;

/** Writes a source, and has it imported as the happenings say. */
async function importAs(import_: {
  files: readonly Row[][];
  onConflict: OnConflict;
  rowsPerPartition: string;
  commitInterval: string;
  happenings: readonly { what: string; calls: number; choice: number }[];
}): Promise<void> {
  const { world } = scene.current;
  const { files, happenings, ...parameters } = import_;
  const directory = `any-${(imports += 1)}`;
  for (const [i, rows] of files.entries()) write(`${directory}/${i}.ndjson`, ...rows.map(resourceOf));
  const begun = await start({ source: directory, ...parameters });
  for (const { what, calls, choice } of happenings) {
    if (what === 'wake') await world.wake(choice);
    else if (what === 'time') await world.timePasses();
    else if (what === 'lose') await world.removeJob('partitions');
    else await world.deliver(what as 'partitions', new Life(calls, choice > 0));
  }
  await world.settle();
  expect(await scene.current.record(begun)).toMatchObject({
    status: 'COMPLETED',
    counts: { writeCount: files.flat().length },
  });
}

it(
  'what stays, and its version, follow from the sources alone',
  () =>
    assert(
      asyncProperty(array(imported, { minLength: 1, maxLength: 3 }), async (sequence) => {
        await scene.current.world.history.beginAnew();
        let expected: ReadonlyMap<string, Kept> = new Map();
        for (const each of sequence) {
          await importAs(each);
          expected = expectedAfter(expected, each.files.flat(), each.onConflict);
        }
        expect((await stored()).map(({ version, body }) => ({ version, body: JSON.parse(body) as Resource }))).toEqual(
          [...expected.values()]
            .toSorted((a, b) => (a.row.id < b.row.id ? -1 : 1))
            .map(({ row: kept, version }) => ({ version, body: resourceOf(kept) })),
        );
      }),
      { interruptAfterTimeLimit: FOR_MS, numRuns: MOST_RUNS, endOnFailure: false },
    ),
  FOR_MS + 60_000,
);
