import {
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { chanceFrom } from '../../scripts/sample/random.js';
import { RECORD_SIZE, recordOf } from './resources.js';

/** The data that every import of the bench reads: the same for the same number of rows, on every machine. */
export interface Dataset {
  /** The fleet's import directory; the names below are sources in it. */
  importDirectory: string;
  rows: number;
  /** Of the plain files together. */
  bytes: number;
  /** .ndjson files. */
  plain: string;
  /** The same files as .ndjson.gz. */
  gzip: string;
  /** The first thousand rows. */
  small: string;
  /** Full paths of the plain files, in the order of their names. */
  files: readonly string[];
}

const SEED = 20_240_611;
/** Files of a data set: as many as an export in shares of about 30 MB has. */
const FILES = 8;
const SMALL_ROWS = 1_000;

/** Makes the data set in a directory of the import directory, unless it is there. One that is there is whole. */
export async function makeDataset(importDirectory: string, rows: number): Promise<Dataset> {
  const name = `rows-${rows}`;
  const directory = join(importDirectory, name);
  if (!existsSync(directory)) {
    const draft = `${directory}.new`;
    rmSync(draft, { recursive: true, force: true });
    for (const part of ['plain', 'gzip', 'small']) mkdirSync(join(draft, part), { recursive: true });
    await writeFiles(draft, rows);
    renameSync(draft, directory);
  }
  const files = readdirSync(join(directory, 'plain')).map((file) => join(directory, 'plain', file));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return { importDirectory, rows, bytes, plain: `${name}/plain`, gzip: `${name}/gzip`, small: `${name}/small`, files };
}

/** A source that holds the plain files so many times, as links: a large import that takes no room. */
export function repeated({ importDirectory, rows, files }: Dataset, times: number): string {
  const source = `rows-${rows}-times-${times}`;
  const directory = join(importDirectory, source);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (let copy = 0; copy < times; copy += 1) {
    for (const [index, file] of files.entries()) linkSync(file, join(directory, `${copy}-${index}.ndjson`));
  }
  return source;
}

async function writeFiles(directory: string, rows: number): Promise<void> {
  const lines = linesOf(rows);
  for (let index = 0; index < FILES; index += 1) {
    const share = Math.floor(((index + 1) * rows) / FILES) - Math.floor((index * rows) / FILES);
    const plain = join(directory, 'plain', `records-${index}.ndjson`);
    await pipeline(batched(lines, share), createWriteStream(plain));
    await pipeline(
      createReadStream(plain),
      createGzip(),
      createWriteStream(join(directory, 'gzip', `records-${index}.ndjson.gz`)),
    );
  }
  await pipeline(batched(linesOf(SMALL_ROWS), SMALL_ROWS), createWriteStream(join(directory, 'small', 'first.ndjson')));
}

function* linesOf(rows: number): Generator<string, void, undefined> {
  const chance = chanceFrom(SEED);
  for (let record = 0; record * RECORD_SIZE < rows; record += 1) {
    for (const resource of recordOf(chance)) yield `${JSON.stringify(resource)}\n`;
  }
}

/** The next lines, a thousand at a time. */
function* batched(lines: Iterator<string>, count: number): Generator<string> {
  for (let left = count; left > 0;) {
    let batch = '';
    for (let n = Math.min(left, 1_000); n > 0; n -= 1, left -= 1) batch += (lines.next().value ?? '') as string;
    yield batch;
  }
}
