import { appendFile, mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Json } from '#domain';
import type { Partition } from '#job-kit';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GzipCursors } from './gzip-cursors.js';
import type { Line } from './lines.js';
import { shareOf } from './planned-file.js';
import { openReader } from './reader.js';
import { split } from './split.js';

let importDirectory: string;
let gzipCursors: GzipCursors;
const maxLineBytes = 4_096;

beforeAll(async () => {
  importDirectory = await mkdtemp(join(tmpdir(), 'longshore-'));
  gzipCursors = new GzipCursors(importDirectory, maxLineBytes);
});

afterAll(() => rm(importDirectory, { recursive: true }));

let files = 0;

/** Writes a file of its own; the ending says how. */
async function fileOf(content: Buffer | string, ending: string): Promise<string> {
  const name = `${files++}${ending}`;
  await writeFile(join(importDirectory, name), encoded(content, ending));
  return name;
}

const encoded = (content: Buffer | string, ending: string) => (ending.endsWith('.gz') ? gzipSync(content) : content);

async function planOf(file: string, rowsPerPartition: number): Promise<Partition[]> {
  const partitions: Partition[] = [];
  for await (const partition of split(importDirectory, file, 'FILE0', rowsPerPartition)) partitions.push(partition);
  return partitions;
}

const open = (partition: Partition, position?: Json) =>
  openReader({ importDirectory, maxLineBytes, gzipCursors }, partition, position);

/** Reads a partition in chunks of `max`, by a new reader after every `chunksAReader` chunks, as after a crash. */
async function linesOf(partition: Partition, max = 100, chunksAReader = Infinity): Promise<Line[]> {
  const lines: Line[] = [];
  for (let position: Json | undefined, ended = false; !ended;) {
    const reader = await open(partition, position);
    try {
      for (let i = 0; i < chunksAReader && !ended; i++) {
        const chunk = await reader.read(max);
        ended = chunk === undefined;
        if (!chunk) continue;
        expect(chunk.items.length).toBeLessThanOrEqual(max);
        lines.push(...chunk.items);
        position = chunk.position;
      }
    } finally {
      await reader.close();
    }
  }
  return lines;
}

const ENDINGS = ['.ndjson', '.ndjson.gz'];

describe.each(ENDINGS)('split and read %s', (ending) => {
  const line = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '{', '"', 'é', '𝄞', ' ', '\uFEFF', '\r', '\0') }),
    fc.constantFrom('', '\r', '{"a":1}\r'),
  );
  const content = fc
    .record({ mark: fc.boolean(), lines: fc.array(line, { maxLength: 40 }), ended: fc.boolean() })
    .map(({ mark, lines, ended }) => (mark ? '\uFEFF' : '') + lines.join('\n') + (ended ? '\n' : ''));

  it('finds every line once, in order, whatever the sizes and wherever reading was broken off', async () => {
    await fc.assert(
      fc.asyncProperty(
        content,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        async (text, rowsPerPartition, max, chunksAReader) => {
          const expected = text.replace(/\n$/, '').split('\n');
          if (text === '') expected.pop();
          const partitions = await planOf(await fileOf(text, ending), rowsPerPartition);
          expect(partitions.map(({ rows }) => rows).reduce((a, b) => a + b, 0)).toBe(expected.length);

          const found: Line[] = [];
          for (const partition of partitions) {
            const lines = await linesOf(partition, max, chunksAReader);
            const first = lines[0]?.row;
            expect(partition.label).toBe(`FILE0:Rows ${first} - ${(first ?? 0) + partition.rows - 1}`);
            expect(lines).toHaveLength(partition.rows);
            found.push(...lines);
          }
          expect(found.map(({ row }) => row)).toEqual(expected.map((_, row) => row));
          expect(found.map(({ bytes }) => bytes.toString())).toEqual(
            expected.map((one, row) => (row === 0 ? one.replace(/^\uFEFF/, '') : one).replace(/\r$/, '')),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads lines that lie across blocks', async () => {
    const expected = Array.from({ length: 2_000 }, (_, i) => `${i}:${'x'.repeat((i * 37) % 3_000)}`);
    const partitions = await planOf(await fileOf(expected.join('\n'), ending), 700);
    expect(partitions.map(({ label }) => label)).toEqual([
      'FILE0:Rows 0 - 699',
      'FILE0:Rows 700 - 1399',
      'FILE0:Rows 1400 - 1999',
    ]);
    const found = (await Promise.all(partitions.map((partition) => linesOf(partition)))).flat();
    expect(found.map(({ bytes }) => bytes.toString())).toEqual(expected);
  });

  it('has no partition for an empty file', async () => {
    const name = `${files++}${ending}`;
    await writeFile(join(importDirectory, name), '');
    expect(await planOf(name, 10)).toEqual([]);
  });

  it('keeps of a line that is too long only its beginning', async () => {
    const long = `${'ab'.repeat(500_000)}`;
    const exact = 'c'.repeat(maxLineBytes);
    const [partition] = await planOf(await fileOf(['short', long, exact, `${exact}d`, 'end'].join('\n'), ending), 10);
    const lines = await linesOf(partition!);
    expect(lines.map(({ tooLong }) => tooLong)).toEqual([false, true, false, true, false]);
    expect(lines[1]!.bytes.toString()).toBe(long.slice(0, 1_024));
    const held = lines.filter(({ tooLong }) => tooLong).map(({ bytes }) => bytes.buffer.byteLength);
    for (const size of held) expect(size).toBeLessThanOrEqual(Buffer.poolSize);
    expect(lines[2]!.bytes).toHaveLength(maxLineBytes);
    expect(lines[4]!.bytes.toString()).toBe('end');
  });

  it('ends a chunk by the bytes it has passed, those of lines that are too long as well', async () => {
    const pair = `${'x'.repeat(1_000_000)}\nshort\n`;
    const [partition] = await planOf(await fileOf(pair.repeat(40), ending), 1_000);
    const reader = await open(partition!);
    const sizes: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) sizes.push((await reader.read(1_000))?.items.length);
    await reader.close();
    // The 34th line that is too long passes 32 MB.
    expect(sizes).toEqual([67, 13, undefined]);
  });

  it.each([
    ['grows', (path: string) => appendFile(path, 'd')],
    ['is emptied', (path: string) => truncate(path, 0)],
  ])('notices a file that %s while it is planned', async (_, change) => {
    const file = await fileOf('a\nb\nc\n', ending);
    const planning = split(importDirectory, file, 'FILE0', 1);
    await planning.next();
    await change(join(importDirectory, file));
    const rest = async () => {
      while (!(await planning.next()).done);
    };
    await expect(rest()).rejects.toThrow(`${file} has changed since it was planned`);
  });

  it('notices a file that changed since it was planned', async () => {
    const change = /^.* has changed since it was planned; start a new job\.$/;
    const file = await fileOf('a\nb\nc\n', ending);
    const path = join(importDirectory, file);
    const [partition] = await planOf(file, 10);
    const reader = await open(partition!);
    expect((await reader.read(1))?.items).toHaveLength(1);
    await appendFile(path, 'd\n');
    await expect(reader.read(1)).rejects.toThrow(change);
    await reader.close();
    await expect(linesOf(partition!)).rejects.toThrow(change);
  });

  it('notices a file of the same size that was written later', async () => {
    const file = await fileOf('a\n', ending);
    const [partition] = await planOf(file, 10);
    await utimes(join(importDirectory, file), new Date(), new Date(0));
    await expect(linesOf(partition!)).rejects.toThrow(`${file} has changed since it was planned`);
  });

  it('notices a file that was edited to the same size, with its time put back', async () => {
    const file = await fileOf('a\n', ending);
    const path = join(importDirectory, file);
    const time = new Date(0);
    await utimes(path, time, time);
    const [partition] = await planOf(file, 10);
    await writeFile(path, encoded('b\n', ending), { flag: 'r+' });
    await utimes(path, time, time);
    await expect(linesOf(partition!)).rejects.toThrow(`${file} has changed since it was planned`);
  });

  it('notices a file that has vanished', async () => {
    const file = await fileOf('a\n', ending);
    const [partition] = await planOf(file, 10);
    await rm(join(importDirectory, file));
    await expect(open(partition!)).rejects.toThrow(`The source names "${file}", which cannot be read (ENOENT).`);
  });
});

describe('gzip', () => {
  it('tells of a file that breaks off, or is none', async () => {
    const broken = await fileOf('x\n'.repeat(100_000), '.ndjson.gz');
    await truncate(join(importDirectory, broken), 60);
    await expect(planOf(broken, 10)).rejects.toThrow(`${broken} is not a complete gzip file: unexpected end of file.`);

    const none = `${files++}.ndjson.gz`;
    await writeFile(join(importDirectory, none), 'plain text');
    await expect(planOf(none, 10)).rejects.toThrow(`${none} is not a complete gzip file: incorrect header check.`);
  });

  it('reads several members as one', async () => {
    const name = `${files++}.ndjson.gz`;
    await writeFile(join(importDirectory, name), Buffer.concat([gzipSync('a\nb'), gzipSync('c\nd\n')]));
    const [partition] = await planOf(name, 10);
    expect((await linesOf(partition!)).map(({ bytes }) => bytes.toString())).toEqual(['a', 'bc', 'd']);
  });

  it('goes on where the partition before ended, and never lends a place twice', async () => {
    const cursors = new GzipCursors(importDirectory, maxLineBytes);
    const file = await fileOf('a\nb\nc\nd\n', '.ndjson.gz');
    const partitions = await planOf(file, 2);
    const planned = shareOf(partitions[0]!);
    const first = await cursors.take(planned, 0);
    await first.lines.skipTo(2);
    await cursors.give(planned, first);
    const [kept, fresh] = [await cursors.take(planned, 3), await cursors.take(planned, 3)];
    expect(kept.lines.row).toBe(2);
    expect(fresh.lines.row).toBe(0);
    await cursors.give(planned, kept);
    const behind = await cursors.take(planned, 1);
    expect(behind.lines.row).toBe(0);
    for (const cursor of [fresh, behind, await cursors.take(planned, 2)]) {
      await cursor.lines.close();
      await cursor.handle.close();
    }
  });
});
