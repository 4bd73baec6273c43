import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Endpoint, ROOT, type ExecutionView, type Given } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { ndjson, numbered, someResources, tiny, writeSource, type Resource } from '../support/resources.js';
import { blockAt } from '../support/roadblock.js';
import { rowsOf, storedRows } from '../support/stored.js';

const JOB = 'bulkImportJob';
const STEP = 'bulkImportProcessingStep';
const MAX_LINE_BYTES = 4_096;

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 2, env: { MAX_LINE_BYTES: String(MAX_LINE_BYTES) } });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

beforeEach(async () => {
  await fleet.database.query('TRUNCATE resource, rejected_row');
});

const write = (name: string, content: string | Buffer) => writeSource(fleet.importDirectory, name, content);

const run = (source: string, more: Given = {}): Promise<ExecutionView> => endpoint.run(JOB, { source, ...more });

const writtenOf = async (source: string): Promise<number> => (await run(source)).recordWriteCount;

const stepsOf = ({ stepExecutions }: ExecutionView) =>
  stepExecutions.map(({ stepName, exitCode }) => [stepName, exitCode]);

function totalsOf(resources: readonly Resource[]): Record<string, number> {
  const types = [...new Set(resources.map(({ resourceType }) => resourceType))];
  const countOf = (type: string) => resources.filter(({ resourceType }) => resourceType === type).length;
  return Object.fromEntries(types.map((type) => [type, countOf(type)]));
}

describe('a full import', () => {
  const resources = someResources(3_000, 7);

  beforeAll(() => {
    write('full/1.ndjson', ndjson(resources.slice(0, 1_200)));
    write('full/2.ndjson.gz', ndjson(resources.slice(1_200, 2_500)));
    write('full/10.ndjson', ndjson(resources.slice(2_500)));
    write('full/readme.txt', 'not imported');
  });

  it('brings every resource of every file into the table, plain or compressed', async () => {
    const view = await run('full', { rowsPerPartition: 400, commitInterval: 150 });
    expect(view).toMatchObject({
      status: 'COMPLETED',
      recordWriteCount: 3_000,
      progress: { partitions: { total: 9, done: 9 }, rows: { total: 3_000, done: 3_000 } },
      counts: { readCount: 3_000, writeCount: 3_000, filterCount: 0, skipCount: 0, commitCount: 23, rollbackCount: 0 },
      results: { totalsByResourceType: totalsOf(resources) },
    });
    expect(await storedRows(fleet.database)).toEqual(rowsOf(resources));
  });

  it('numbers the files in the order of their names, and the rows within each file', async () => {
    const names = stepsOf(await run('full', { rowsPerPartition: 1_000 })).map(([stepName]) => stepName);
    expect(names.toSorted()).toEqual(
      [
        STEP,
        `${STEP}:FILE0:Rows 0 - 999`,
        `${STEP}:FILE0:Rows 1000 - 1199`,
        `${STEP}:FILE1:Rows 0 - 499`,
        `${STEP}:FILE2:Rows 0 - 999`,
        `${STEP}:FILE2:Rows 1000 - 1299`,
        'bulkImportCloseJobStep',
      ].toSorted(),
    );
    expect([names[0], names.at(-1)]).toEqual([STEP, 'bulkImportCloseJobStep']);
  });

  it('takes a file, a directory or a glob', async () => {
    expect(await writtenOf('full/10.ndjson')).toBe(500);
    expect(await writtenOf('full/*.ndjson')).toBe(1_700);
    expect(await writtenOf('**/2.ndjson.gz')).toBe(1_300);
    expect(await writtenOf('full/')).toBe(3_000);
  });

  it('imported again, leaves versions and rows as they are', async () => {
    await run('full');
    const before = await fleet.database.query('SELECT * FROM resource ORDER BY resource_type, id');
    expect(await run('full')).toMatchObject({ status: 'COMPLETED', recordWriteCount: 3_000 });
    expect(await fleet.database.query('SELECT * FROM resource ORDER BY resource_type, id')).toEqual(before);
  });

  it('of a changed resource makes a new version of that one', async () => {
    write('changing.ndjson', ndjson(numbered('changing', 10)));
    await run('changing.ndjson');
    const changed = tiny('changing-3', { row: 'another' });
    write('changing.ndjson', ndjson(numbered('changing', 10).with(3, changed)));
    await run('changing.ndjson');
    const others = numbered('changing', 10).toSpliced(3, 1);
    expect(await storedRows(fleet.database)).toEqual([...rowsOf(others), ...rowsOf([changed], 2)].toSorted());
  });

  it('of a repeated id keeps the last, and counts each row', async () => {
    const first = Array.from({ length: 12 }, (_, row) => tiny('same', { row }));
    write('repeated.ndjson', ndjson([...first, tiny('other')]));
    const view = await run('repeated.ndjson', { commitInterval: 5 });
    expect(view).toMatchObject({ recordWriteCount: 13, results: { totalsByResourceType: { Basic: 13 } } });
    // One import makes one version, however often the id stands in its source.
    expect(await storedRows(fleet.database)).toEqual(rowsOf([tiny('other'), tiny('same', { row: 11 })]));
  });

  it('keeps apart what has the same id in another type, and the numbers as they were written', async () => {
    write('apart.ndjson', '{"resourceType":"A","id":"1","n":1.10}\n{"resourceType":"B","id":"1","n":1e400}\n');
    expect((await run('apart.ndjson')).recordWriteCount).toBe(2);
    const rows = await fleet.database.query("SELECT resource_type, body->>'n' AS n FROM resource ORDER BY 1");
    expect(rows).toEqual([
      { resource_type: 'A', n: '1.10' },
      { resource_type: 'B', n: `1${'0'.repeat(400)}` },
    ]);
  });

  it('starts a new instance each time', async () => {
    const ids = [(await run('full/10.ndjson')).instanceId, (await run('full/10.ndjson')).instanceId];
    expect(new Set(ids).size).toBe(2);
  });
});

describe('what is no error', () => {
  it('is a byte order mark, CRLF, blank lines and a last line without its end', async () => {
    const [a, b, c] = numbered('ending', 3).map((resource) => JSON.stringify(resource));
    write('ending.ndjson', `\uFEFF${a}\r\n\r\n \t\n${b}\n\n${c}`);
    expect(await run('ending.ndjson', { rowsPerPartition: 2 })).toMatchObject({
      status: 'COMPLETED',
      recordWriteCount: 3,
      counts: { readCount: 6, writeCount: 3, filterCount: 3, skipCount: 0 },
      progress: { partitions: { total: 3, done: 3 }, rows: { total: 6, done: 6 } },
    });
    expect(await storedRows(fleet.database)).toEqual(rowsOf(numbered('ending', 3)));
  });

  it('is an empty file: it has no partition, and the step nothing to do', async () => {
    write('empty.ndjson', '');
    const view = await run('empty.ndjson');
    expect(view).toMatchObject({
      status: 'COMPLETED',
      exitStatus: { exitCode: 'COMPLETED' },
      recordWriteCount: 0,
      progress: { partitions: { total: 0, done: 0 }, rows: { total: 0, done: 0 } },
      results: { totalsByResourceType: {} },
    });
    expect(stepsOf(view)).toEqual([
      [STEP, 'NOOP'],
      ['bulkImportCloseJobStep', 'COMPLETED'],
    ]);
  });

  it('is an empty gzip file beside others', async () => {
    write('hollow/a.ndjson.gz', '');
    write('hollow/b.ndjson', ndjson(numbered('hollow', 2)));
    expect(stepsOf(await run('hollow')).map(([stepName]) => stepName)).toContain(`${STEP}:FILE1:Rows 0 - 1`);
  });
});

/** Every kind of bad row, with the reason that is given for it. */
const BAD_ROWS: readonly [kind: string, line: string | Buffer, reason: string][] = [
  ['no JSON', '{"resourceType":"Basic","id":', 'is not valid JSON'],
  ['an array', '[1]', 'is not a JSON object'],
  ['null', 'null', 'is not a JSON object'],
  ['no resourceType', '{"id":"a"}', 'has no resourceType'],
  ['no id', '{"resourceType":"Basic"}', 'has no id'],
  ['an empty id', '{"resourceType":"Basic","id":""}', 'has no id'],
  ['a number as id', '{"resourceType":"Basic","id":7}', 'has something other than a string as its id'],
  ['a long id', JSON.stringify(tiny('x'.repeat(65))), 'has more than 64 characters in its id'],
  ['an escaped NUL', '{"resourceType":"Basic","id":"a","x":"\\u0000"}', 'contains a NUL character'],
  ['a NUL', '{"resourceType":"Basic","id":"a","x":"\0"}', 'contains a NUL character'],
  ['a long line', JSON.stringify(tiny('long', { x: 'x'.repeat(5_000) })), `is longer than ${MAX_LINE_BYTES} bytes`],
  ['broken UTF-8', Buffer.from('{"resourceType":"Basic","id":"a\xff"}', 'latin1'), 'is not valid UTF-8'],
];

/** What the database alone finds fault with. */
const REFUSED: (typeof BAD_ROWS)[number] = [
  'half a surrogate pair',
  '{"resourceType":"Basic","id":"a","x":"\\ud800"}',
  'is refused by the database: ',
];

describe('a bad row', () => {
  const kinds = [...BAD_ROWS, REFUSED];
  const [before, after] = [numbered('before', 3), numbered('after', 3)];

  it('is set aside with its place, reason and beginning, whatever is wrong with it; the others are written', async () => {
    const lines = kinds.map(([, line]) => Buffer.from(line));
    const bad = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
    write('bad.ndjson', Buffer.concat([Buffer.from(ndjson(before)), bad, Buffer.from(ndjson(after))]));
    const view = await run('bad.ndjson', { skipLimit: kinds.length });
    expect(view).toMatchObject({
      status: 'COMPLETED',
      recordWriteCount: 6,
      counts: { readCount: 6 + kinds.length, writeCount: 6, skipCount: kinds.length },
      failures: [],
    });
    expect(await storedRows(fleet.database)).toEqual(rowsOf([...before, ...after]));

    const rejected = await fleet.database.query(
      'SELECT execution_uuid, step_name, file, row_number::int, reason, excerpt FROM rejected_row ORDER BY row_number',
    );
    expect(rejected).toEqual(
      kinds.map(([, line, reason], i) => ({
        execution_uuid: view.executionUUID,
        step_name: STEP,
        file: 'bad.ndjson',
        row_number: before.length + i,
        reason: expect.stringMatching(`^${reason}`),
        excerpt: Buffer.from(line).toString().slice(0, 200).replaceAll('\0', '\uFFFD'),
      })),
    );
  });

  it.each(kinds)('over the limit fails the step, naming file, row and reason: %s', async (_, line, reason) => {
    write('over.ndjson', Buffer.concat([Buffer.from(ndjson(before)), Buffer.from(line), Buffer.from('\n')]));
    const view = await run('over.ndjson');
    const message = expect.stringMatching(
      new RegExp(`^over\\.ndjson, row 3: ${reason.replaceAll('.', '\\.')}.*\\(skipLimit 0 exceeded\\)$`),
    );
    expect(view).toMatchObject({
      status: 'FAILED',
      exitStatus: { exitCode: 'FAILED' },
      failures: [{ stepName: `${STEP}:FILE0:Rows 0 - 3`, message }],
    });
    expect(stepsOf(view)).toEqual([
      [STEP, 'FAILED'],
      [`${STEP}:FILE0:Rows 0 - 3`, 'FAILED'],
    ]);
    // Its chunk was rolled back.
    expect(await storedRows(fleet.database)).toEqual([]);
    expect(await fleet.database.query('SELECT 1 FROM rejected_row')).toEqual([]);
  });

  describe('at the skip limit', () => {
    const bad = 5;

    beforeAll(() => {
      // One bad row in each of five partitions.
      const lines = numbered('limit', 50).map((resource, row) => (row % 10 === 4 ? 'bad' : JSON.stringify(resource)));
      write('limit.ndjson', lines.join('\n'));
    });

    it('is accepted as often as the limit says, over all partitions', async () => {
      const view = await run('limit.ndjson', { rowsPerPartition: 10, commitInterval: 3, skipLimit: bad });
      expect(view).toMatchObject({ status: 'COMPLETED', recordWriteCount: 45, counts: { skipCount: bad } });
    });

    it('is one too many with a limit less by one', async () => {
      const view = await run('limit.ndjson', { rowsPerPartition: 10, commitInterval: 3, skipLimit: bad - 1 });
      expect(view).toMatchObject({ status: 'FAILED', counts: { skipCount: bad - 1 } });
      expect(view.failures).toHaveLength(1);
      expect(view.failures[0]?.message).toMatch(/^limit\.ndjson, row \d4: is not valid JSON \(skipLimit 4 exceeded\)$/);
      expect(await fleet.database.query('SELECT 1 FROM rejected_row')).toHaveLength(bad - 1);
    });
  });
});

describe('a source that is not there', () => {
  const outside = 'outside';

  beforeAll(() => {
    const neighbour = join(fleet.settings.directory, outside);
    mkdirSync(neighbour);
    writeFileSync(join(neighbour, 'secret.ndjson'), ndjson(numbered('secret', 1)));
    symlinkSync(join(neighbour, 'secret.ndjson'), join(fleet.importDirectory, 'link.ndjson'));
    symlinkSync(neighbour, join(fleet.importDirectory, 'linked'));
    mkdirSync(join(fleet.importDirectory, 'nothing'));
  });

  it.each([
    ['a way up', '../outside/secret.ndjson'],
    ['a way up in the middle', 'full/../../outside/secret.ndjson'],
    ['an absolute path', '/etc/passwd'],
    ['a NUL', 'full\0.ndjson'],
    ['a backslash', '..\\outside'],
    ['a link to a file outside', 'link.ndjson'],
    ['a link to a directory outside', 'linked'],
    ['a file through a link', 'linked/secret.ndjson'],
    ['a brace that spells dots', '.{.,}/outside/*.ndjson'],
    ['no such file', 'missing.ndjson'],
    ['an empty directory', 'nothing'],
    ['a glob that matches nothing', 'full/*.json'],
    ['a file of another kind', 'full/readme.txt'],
    ['nothing', ''],
  ])('is refused before anything starts: %s', async (_, source) => {
    const [newest] = await endpoint.list(JOB, '?count=1');
    const { body } = await endpoint.post(`${ROOT}/${JOB}/start`, { jobParameters: { source } }).expect(400);
    expect(body).toMatchObject({ code: 'INVALID_PARAMETERS', success: false, errors: [{ field: 'source' }] });
    expect(body.errors).toHaveLength(1);
    expect(await endpoint.list(JOB, '?count=1')).toEqual([newest]);
  });

  it('has nothing of what is outside in its glob', async () => {
    const { body } = await endpoint.post(`${ROOT}/${JOB}/start`, { jobParameters: { source: '**/secret.ndjson' } });
    expect(body.code).toBe('INVALID_PARAMETERS');
  });
});

describe('a source that changes', () => {
  it('between plan and read is noticed, and nothing of it is written after that', async () => {
    const resources = numbered('moving', 40);
    write('moving.ndjson', ndjson(resources));
    const roadblock = await blockAt(fleet.database, resources[15]!);
    const id = await endpoint.start(JOB, { source: 'moving.ndjson', rowsPerPartition: 40, commitInterval: 10 });
    await roadblock.reached();
    appendFileSync(join(fleet.importDirectory, 'moving.ndjson'), ndjson([tiny('moving-late')]));
    await roadblock.lift();
    const view = await endpoint.ended(JOB, id);
    expect(view.status).toBe('FAILED');
    expect(view.failures[0]?.message).toBe('moving.ndjson has changed since it was planned; start a new job.');
    // One chunk was read ahead before it changed, so as to be written while the next is read.
    expect(view.recordWriteCount).toBeLessThanOrEqual(30);
    const written = resources.slice(0, view.recordWriteCount);
    expect(await storedRows(fleet.database)).toEqual(rowsOf(written));
  });
});

describe('noopJob', () => {
  it('runs partitions of chunks that do nothing', async () => {
    const view = await endpoint.run('noopJob', { partitions: 30, chunks: 4 });
    expect(view).toMatchObject({
      status: 'COMPLETED',
      recordWriteCount: 120,
      counts: { readCount: 120, writeCount: 120, commitCount: 120 },
      progress: { partitions: { total: 30, done: 30 }, rows: { total: 120, done: 120 } },
      stepExecutionCount: 31,
    });
  });

  it('runs more partitions than stand in the queue at a time', async () => {
    const view = await endpoint.run('noopJob', { partitions: 300 });
    expect(view).toMatchObject({ status: 'COMPLETED', recordWriteCount: 300, stepExecutionCount: 301 });
    expect(new Set(view.stepExecutions.map(({ stepName }) => stepName)).size).toBe(301);
  });
});
