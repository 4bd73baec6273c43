import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalProcess } from '../../scripts/local/processes.js';
import { Endpoint, ROOT, type ExecutionView, type Given } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { CHANGES } from '../support/hostile/changes.js';
import { LARGE_AND_COMPRESSED } from '../support/hostile/compressed.js';
import { peakMemoryOf, TELLS_MEMORY } from '../support/hostile/memory.js';
import { PLACES } from '../support/hostile/places.js';
import type { HostileSource, Outcome } from '../support/hostile/source.js';
import { TEXTS } from '../support/hostile/texts.js';
import { ndjson, numbered, someResources, tiny, writeSource } from '../support/resources.js';
import { blockAt } from '../support/roadblock.js';
import { rowsOf, storedRows } from '../support/stored.js';

// The plainly bad rows, and sources that are not there, are the business of import.spec.ts.

const JOB = 'bulkImportJob';

/** Nothing may take longer, in ms. */
const BOUND_MS = 30_000;

/** What a worker may grow by, in MB: less than any of the large files has. Most of it is garbage not yet collected. */
const GROWTH_MB = 250;

let fleet: Fleet;
let endpoint: Endpoint;
let worker: LocalProcess;
let ordinaryPeak = 0;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 1 });
  endpoint = Endpoint.of(fleet);
  worker = fleet.workers[0]!;
  writeSource(fleet.importDirectory, 'ordinary.ndjson', ndjson(someResources(20_000, 11)));
  await run('ordinary.ndjson');
  if (TELLS_MEMORY) ordinaryPeak = peakMemoryOf(worker);
});

afterAll(() => fleet?.stop());

beforeEach(async () => {
  await fleet.database.query('TRUNCATE resource, rejected_row');
});

async function run(source: string, more: Given = {}): Promise<ExecutionView> {
  return endpoint.ended(JOB, await endpoint.start(JOB, { source, ...more }), BOUND_MS);
}

/** Makes a source, imports it, and tells what came of it. */
async function cameOf({ make, source, parameters }: HostileSource): Promise<Outcome> {
  await make(fleet.importDirectory);
  const jobParameters = { source, skipLimit: 1_000, ...parameters };
  const { body, status: answer } = await endpoint.post(`${ROOT}/${JOB}/start`, { jobParameters });
  if (answer === 400) return { refused: body.errors };
  const { status, failures, counts } = await endpoint.ended(JOB, body.jobExecutionId as number, BOUND_MS);
  const { readCount, writeCount, filterCount, skipCount } = counts;
  return {
    status,
    failures: failures.map(({ message }) => message),
    counts: { readCount, writeCount, filterCount, skipCount },
    stored: (await fleet.database.query('SELECT FROM resource')).length,
    rejected: await fleet.database.query('SELECT row_number::int AS row, reason FROM rejected_row ORDER BY row_number'),
  };
}

describe.each([
  ['text', TEXTS],
  ['large or compressed', LARGE_AND_COMPRESSED],
  ['no file', PLACES],
] as const)('a hostile source that is %s', (_, sources) => {
  it.each(sources.map((source) => [source.name, source] as const))('%s', async (_name, source) => {
    expect(await cameOf(source)).toEqual(source.outcome);
  });
});

describe('what is accepted', () => {
  it('is stored as it was written, and counted by type', async () => {
    const digits = '9'.repeat(400);
    const rows = [
      `{"resourceType":"Basic","id":"n","n":[1e400,1e-3,${digits},-0,1.10,9007199254740993]}`,
      '{"resourceType":"__proto__","id":"constructor","__proto__":{"polluted":true}}',
      '{"resourceType":"constructor","id":"__proto__","constructor":{"prototype":{"polluted":true}}}',
    ];
    writeSource(fleet.importDirectory, 'exact.ndjson', rows.join('\n'));
    const { results } = await run('exact.ndjson');
    expect(Object.entries(results['totalsByResourceType'] as object)).toEqual(
      expect.arrayContaining([
        ['Basic', 1],
        ['__proto__', 1],
        ['constructor', 1],
      ]),
    );
    const stored = await fleet.database.query(`SELECT id, body::text FROM resource ORDER BY resource_type`);
    expect(stored).toEqual([
      {
        id: 'n',
        body: `{"n": [1${'0'.repeat(400)}, 0.001, ${digits}, 0, 1.10, 9007199254740993], "id": "n", "resourceType": "Basic"}`,
      },
      { id: 'constructor', body: expect.stringContaining('"__proto__": {"polluted": true}') },
      { id: '__proto__', body: expect.stringContaining('"constructor": {"prototype": {"polluted": true}}') },
    ]);
  });

  it('is the same id in every partition: the last one stays, and each row counts', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `again-${i}`);
    const rows = Array.from({ length: 8 }, (_, time) => ids.map((id) => tiny(id, { time }))).flat();
    writeSource(fleet.importDirectory, 'again.ndjson', ndjson(rows));
    const view = await run('again.ndjson', { rowsPerPartition: 100, commitInterval: 7 });
    expect(view).toMatchObject({ status: 'COMPLETED', recordWriteCount: 800, progress: { partitions: { done: 8 } } });
    const stored = await fleet.database.query(
      `SELECT id, version_id, (body->>'time')::integer AS time FROM resource ORDER BY id`,
    );
    expect(stored).toEqual(ids.toSorted().map((id) => ({ id, version_id: 1, time: 7 })));
  });
});

describe('a file that changes while it is read', () => {
  let files = 0;

  // Two partitions have read their rows and are held up in writing them; two are still to be opened.
  it.each(CHANGES)('and %s', async (_, change, message) => {
    const name = `moving-${files++}.ndjson`;
    const resources = numbered(name, 40);
    writeSource(fleet.importDirectory, name, ndjson(resources));
    const roadblocks = [await blockAt(fleet.database, resources[0]!), await blockAt(fleet.database, resources[10]!)];
    const id = await endpoint.start(JOB, { source: name, rowsPerPartition: 10 });
    for (const roadblock of roadblocks) await roadblock.reached();
    change(join(fleet.importDirectory, name));
    for (const roadblock of roadblocks) await roadblock.lift();
    const { status, failures, recordWriteCount } = await endpoint.ended(JOB, id, BOUND_MS);
    expect(status).toBe('FAILED');
    for (const failure of failures) expect(failure.message).toMatch(message);
    expect(failures.map(({ stepName }) => stepName)).toEqual(
      expect.arrayContaining(['20 - 29', '30 - 39'].map((rows) => `bulkImportProcessingStep:FILE0:Rows ${rows}`)),
    );
    expect(recordWriteCount).toBe(20);
    expect(await storedRows(fleet.database)).toEqual(rowsOf(resources.slice(0, 20)));
  });
});

describe('after all that', () => {
  it('the worker is still the same one, and works', async () => {
    expect(fleet.workers).toEqual([worker]);
    expect(worker.alive).toBe(true);
    expect(await run('ordinary.ndjson')).toMatchObject({ status: 'COMPLETED', recordWriteCount: 20_000 });
  });

  it.runIf(TELLS_MEMORY)(`has needed at most ${GROWTH_MB} MB more than for an ordinary import`, () => {
    expect(peakMemoryOf(worker)).toBeLessThan(ordinaryPeak + GROWTH_MB);
  });
});
