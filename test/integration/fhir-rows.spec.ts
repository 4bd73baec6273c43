import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FhirRow } from '#fhir';
import type { SinkSession } from '#job-kit';
import { chunkOf, fhirRow, newAttempt, rejection, testStore, type TestStore, gateOf } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let store: TestStore;

beforeAll(async () => {
  database = await createDatabase();
  store = testStore(database.url);
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

/** Commits chunks by one attempt of a new execution. */
async function withSession<T>(
  use: (session: SinkSession<FhirRow>, uuid: string) => Promise<T>,
  skipLimit = 0,
): Promise<T> {
  const attempt = newAttempt({ skipLimit });
  await store.gate.open(gateOf(attempt));
  const session = await store.sink.open(attempt);
  try {
    return await use(session, attempt.executionUuid);
  } finally {
    await session.close();
  }
}

const stored = (resourceType: string) =>
  database.query('SELECT id, version_id, body FROM resource WHERE resource_type = $1 ORDER BY id', [resourceType]);

/** Where the only row of a type lies, and who wrote it: the same again if nobody has touched it. */
const tupleOf = (resourceType: string) =>
  database.query("SELECT ctid, xmin, encode(body_digest, 'hex') AS digest FROM resource WHERE resource_type = $1", [
    resourceType,
  ]);

const writeVersion = (v: number) =>
  withSession((session) =>
    session.commit(
      chunkOf([
        fhirRow({ resourceType: 'Version', id: 'changed', v } as never),
        fhirRow({ resourceType: 'Version', id: 'unchanged' }),
      ]),
    ),
  );

describe('rows', () => {
  it('writes what it is given, byte for byte as JSON means it', async () => {
    const resources = [
      { resourceType: 'Exact', id: 'b', text: 'ünï "quoted" \\ \t\n 𝄞', n: [1.5, -7, 1e30], nested: { id: 'x' } },
      { resourceType: 'Exact', id: 'a', text: '' },
    ];
    const counts = await withSession((session) => session.commit(chunkOf(resources.map((r, row) => fhirRow(r, row)))));
    expect(counts).toEqual({
      readCount: 2,
      writeCount: 2,
      filterCount: 0,
      skipCount: 0,
      commitCount: 1,
      rollbackCount: 0,
    });
    expect(await stored('Exact')).toEqual([
      { id: 'a', version_id: 1, body: resources[1] },
      { id: 'b', version_id: 1, body: resources[0] },
    ]);
  });

  it('keeps the last of a repeated id in a chunk, and counts both', async () => {
    const rows = ['first', 'second', 'third'].map((v) => fhirRow({ resourceType: 'Twice', id: 'same', v } as never));
    const counts = await withSession((session) => session.commit(chunkOf(rows)));
    expect(counts.writeCount).toBe(3);
    expect(await stored('Twice')).toEqual([
      { id: 'same', version_id: 1, body: { resourceType: 'Twice', id: 'same', v: 'third' } },
    ]);
  });

  it('tells apart keys that would read the same when joined', async () => {
    const rows = [fhirRow({ resourceType: 'Join', id: 'a' }), fhirRow({ resourceType: 'Joi', id: 'na' })];
    await withSession((session) => session.commit(chunkOf(rows)));
    expect([...(await stored('Join')), ...(await stored('Joi'))]).toHaveLength(2);
  });

  it('raises the version of a changed resource and leaves an unchanged one alone', async () => {
    await writeVersion(1);
    const before = await database.query("SELECT * FROM resource WHERE resource_type = 'Version' AND id = 'unchanged'");
    await writeVersion(2);
    await writeVersion(3);
    expect(await stored('Version')).toMatchObject([
      { id: 'changed', version_id: 3, body: { v: 3 } },
      { id: 'unchanged', version_id: 1 },
    ]);
    expect(await database.query("SELECT * FROM resource WHERE resource_type = 'Version' AND id = 'unchanged'")).toEqual(
      before,
    );
  });

  it('knows an unchanged row by its digest, and by its body if the source is only formatted otherwise', async () => {
    const row = fhirRow({ resourceType: 'Digest', id: 'a', text: 'same' } as never);
    const spaced = { ...row, body: Buffer.from(` ${row.body.toString()}\r`) };
    await withSession((session) => session.commit(chunkOf([row])));
    const before = await tupleOf('Digest');
    expect(before).toMatchObject([{ digest: createHash('sha256').update(row.body).digest('hex') }]);
    await withSession((session) => session.commit(chunkOf([row, fhirRow({ resourceType: 'New', id: 'beside' })])));
    expect(await tupleOf('Digest')).toEqual(before);
    expect(await stored('New')).toHaveLength(1);
    await withSession((session) => session.commit(chunkOf([spaced])));
    expect(await stored('Digest')).toMatchObject([{ version_id: 1 }]);
  });

  it('writes a row again that was changed by other means', async () => {
    const row = fhirRow({ resourceType: 'Hand', id: 'a', text: 'from the source' } as never);
    await withSession((session) => session.commit(chunkOf([row])));
    await database.query(`UPDATE resource SET body = '{"text": "by hand"}' WHERE resource_type = 'Hand'`);
    await withSession((session) => session.commit(chunkOf([row])));
    expect(await stored('Hand')).toMatchObject([{ version_id: 2, body: { text: 'from the source' } }]);
    await withSession((session) => session.commit(chunkOf([row])));
    expect(await stored('Hand')).toMatchObject([{ version_id: 2 }]);
  });

  it('commits a chunk of which nothing is left to write', async () => {
    const counts = await withSession(async (session) => session.commit(chunkOf<FhirRow>([], { filterCount: 7 })));
    expect(counts).toMatchObject({ readCount: 7, filterCount: 7, writeCount: 0, commitCount: 1 });
  });

  it('tallies accepted rows by resource type, over all partitions and executions of an instance', async () => {
    const instanceUuid = randomUUID();
    for (const [executionUuid, partition] of [
      [instanceUuid, 0],
      [instanceUuid, 1],
      [randomUUID(), 1],
    ] as const) {
      await store.gate.open({ uuid: executionUuid, instanceUuid });
      const session = await store.sink.open(newAttempt({ instanceUuid, executionUuid, partition }));
      await session.commit(
        chunkOf([
          fhirRow({ resourceType: 'Tally', id: 'a' }),
          fhirRow({ resourceType: 'Tally', id: 'a' }),
          fhirRow({ resourceType: '__proto__', id: 'a' }),
        ]),
      );
      await session.close();
    }
    expect(Object.entries(await store.totalsByResourceType(instanceUuid, 'step'))).toEqual([
      ['Tally', 6],
      ['__proto__', 3],
    ]);
  });
});

const isBad = (i: number): boolean => i % 97 === 0 || i > 495;

describe('rows the database refuses', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  const bad: [name: string, json: string, reason: RegExp][] = [
    ['a number beyond numeric', '1e999999', /numeric/],
    ['a NUL in a string', '"a\\u0000b"', /Unicode escape/],
    ['a lone surrogate', '"\\ud800"', /surrogate/],
    ['nesting beyond the stack depth', deep, /stack depth/],
    ['broken JSON', '{', /invalid input syntax for type json/],
  ];

  it.each(bad)('%s is set aside with its reason; the rest of the chunk is written', async (name, json, reason) => {
    const type = `Bad${bad.findIndex(([n]) => n === name)}`;
    const ids = ['a', 'b', 'c'];
    const rows = ids.map((id, row) =>
      fhirRow(
        { resourceType: type, id },
        row,
        `{"resourceType":"${type}","id":"${id}","x":${id === 'b' ? json : '1'}}`,
      ),
    );
    const { counts, uuid } = await withSession(
      async (session, execution) => ({
        uuid: execution,
        counts: await session.commit(chunkOf(rows, { rejections: [rejection(7)] })),
      }),
      2,
    );
    expect(counts).toEqual({
      readCount: 4,
      writeCount: 2,
      filterCount: 0,
      skipCount: 2,
      commitCount: 1,
      rollbackCount: 1,
    });
    expect((await stored(type)).map(({ id }) => id)).toEqual(['a', 'c']);
    const rejected = await database.query('SELECT * FROM rejected_row WHERE execution_uuid = $1 ORDER BY row_number', [
      uuid,
    ]);
    expect(rejected).toMatchObject([
      { step_name: 'step', partition: 0, file: 'a.ndjson', row_number: '1', reason: expect.stringMatching(reason) },
      { row_number: '7', reason: 'is not valid JSON', excerpt: 'row 7' },
    ]);
    expect(rejected[0]?.['excerpt']).toContain(`"resourceType":"${type}"`);
  });

  it('are found too where a later row of the chunk takes their place', async () => {
    const resource = { resourceType: 'Superseded', id: 'a' };
    const rows = [fhirRow(resource, 0, '{"resourceType":"Superseded","id":"a","x":1e200000}'), fhirRow(resource, 1)];
    const { counts, uuid } = await withSession(
      async (session, execution) => ({ uuid: execution, counts: await session.commit(chunkOf(rows)) }),
      1,
    );
    expect(counts).toMatchObject({ readCount: 2, writeCount: 1, skipCount: 1 });
    expect(
      await database.query('SELECT row_number, reason FROM rejected_row WHERE execution_uuid = $1', [uuid]),
    ).toEqual([{ row_number: '0', reason: expect.stringMatching(/numeric/) }]);
    expect(await stored('Superseded')).toEqual([{ id: 'a', version_id: 1, body: resource }]);
  });

  it('are found wherever they stand in a large chunk', async () => {
    const rows = Array.from({ length: 500 }, (_, i) => {
      const resource = { resourceType: 'Large', id: `${i}` };
      return fhirRow(resource, i, isBad(i) ? `{"x":1e999999,"id":"${i}"}` : JSON.stringify(resource));
    });
    const expected = rows.map(({ row }) => row).filter(isBad);
    const { counts, uuid } = await withSession(
      async (session, execution) => ({ uuid: execution, counts: await session.commit(chunkOf(rows)) }),
      expected.length,
    );
    expect(counts).toMatchObject({
      readCount: 500,
      writeCount: 500 - expected.length,
      skipCount: expected.length,
      rollbackCount: 1,
    });
    const rejected = await database.query<{ row_number: string }>(
      'SELECT row_number FROM rejected_row WHERE execution_uuid = $1 ORDER BY row_number',
      [uuid],
    );
    expect(rejected.map((one) => Number(one.row_number))).toEqual(expected);
    expect(await stored('Large')).toHaveLength(500 - expected.length);
  });

  it('does not repeat a row in the reason when a constraint refuses it', async () => {
    const attempt = withSession((session) =>
      session.commit(chunkOf([fhirRow({ resourceType: 'Long', id: 'x'.repeat(65) })])),
    );
    await expect(attempt).rejects.toThrow(
      /^a\.ndjson, row 0: is refused by the database: .*"id_has_1_to_64_characters" \(skipLimit 0 exceeded\)$/,
    );
  });
});
