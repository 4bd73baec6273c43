import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ndjson, numbered, writeSource } from '../resources.js';
import { failed, imported, type HostileSource } from './source.js';

const MB = 1_024 * 1_024;
const HUGE_MB = 200;
const BOMB_MB = 300;
const MEMBERS = 10_000;
const NEWLINES = 1_000_000;
const TOO_LONG = `is longer than ${16 * MB} bytes`;

/** What a file is written of: a piece, so many times. */
type Piece = readonly [content: Buffer, times: number];

/** Writes pieces one by one, so that no more than one is ever held. */
function writePieces(path: string, pieces: readonly Piece[]): void {
  const file = openSync(path, 'w');
  for (const [content, times] of pieces) for (let i = 0; i < times; i++) writeSync(file, content);
  closeSync(file);
}

/** A row with a text of so many MB in it, between two good ones. */
const hugeLine: readonly Piece[] = [
  [Buffer.from(`${ndjson(numbered('before', 1))}{"resourceType":"Basic","id":"huge","x":"`), 1],
  [Buffer.alloc(MB, 'x'), HUGE_MB],
  [Buffer.from(`"}\n${ndjson(numbered('after', 1))}`), 1],
];

/** Each piece as a gzip file of its own: one behind the other they are one. */
const compressed = (pieces: readonly Piece[]): Piece[] =>
  pieces.map(([content, times]) => [gzipSync(content, { level: 1 }), times]);

const ROWS = 2_000;
const wholeGzip = gzipSync(ndjson(numbered('gzip', ROWS)));
/** What tapes and block devices fill up with. */
const ZEROS = Buffer.alloc(512);
const withByte = (at: number): Buffer => {
  const copy = Buffer.from(wholeGzip);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
};

const written = (name: string, source: string, pieces: readonly Piece[], more: Pick<HostileSource, 'outcome'>) => ({
  name,
  source,
  make: (directory: string) => writePieces(join(directory, source), pieces),
  ...more,
});

const broken = (name: string, source: string, content: Buffer, fault: string): HostileSource =>
  written(name, source, [[content, 1]], {
    outcome: failed(new RegExp(`^${source} is not a complete gzip file: ${fault}\\.$`)),
  });

const BROKEN: readonly HostileSource[] = [
  broken('a gzip file that ends in its header', 'head.ndjson.gz', wholeGzip.subarray(0, 5), 'unexpected end of file'),
  broken('one that ends in its middle', 'half.ndjson.gz', wholeGzip.subarray(0, 3_000), 'unexpected end of file'),
  broken('one without its checksum', 'tail.ndjson.gz', wholeGzip.subarray(0, -8), 'unexpected end of file'),
  broken('one with a wrong checksum', 'sum.ndjson.gz', withByte(wholeGzip.length - 8), 'incorrect data check'),
  broken('one with a wrong length', 'length.ndjson.gz', withByte(wholeGzip.length - 1), 'incorrect length check'),
  broken('one with something behind it', 'more.ndjson.gz', Buffer.concat([wholeGzip, Buffer.from('more')]), '.*'),
  broken(
    'one with zeros in its middle',
    'hole.ndjson.gz',
    Buffer.concat([wholeGzip, ZEROS, wholeGzip]),
    'something follows the zeros at its end',
  ),
  broken('a plain file that says it is gzip', 'plain.ndjson.gz', Buffer.from('{}\n'), 'incorrect header check'),
];

/** Files of very many bytes, and compressed ones that are broken or become very many bytes. */
export const LARGE_AND_COMPRESSED: readonly HostileSource[] = [
  ...BROKEN,
  written('a gzip file with zeros at its end', 'padded.ndjson.gz', [[Buffer.concat([wholeGzip, ZEROS]), 1]], {
    outcome: imported(ROWS),
  }),
  {
    name: 'a gzip file that says it is plain',
    source: 'gzip.ndjson',
    make: (directory) => writePieces(join(directory, 'gzip.ndjson'), [[wholeGzip, 1]]),
    outcome: failed(/^gzip\.ndjson, row 0: is not valid UTF-8 \(skipLimit 0 exceeded\)$/),
    parameters: { skipLimit: 0 },
  },
  {
    name: 'a gzip file of 10,000 parts',
    source: 'parts.ndjson.gz',
    make: (directory) => {
      const parts = numbered('part', MEMBERS).map((resource): Piece => [gzipSync(ndjson([resource])), 1]);
      writePieces(join(directory, 'parts.ndjson.gz'), parts);
    },
    outcome: imported(MEMBERS),
  },
  written('a line of 200 MB', 'huge.ndjson', hugeLine, {
    outcome: imported(2, 0, [[1, TOO_LONG]]),
  }),
  written('a line of 200 MB, compressed', 'huge.ndjson.gz', compressed(hugeLine), {
    outcome: imported(2, 0, [[1, TOO_LONG]]),
  }),
  written('a bomb of 300 MB of NULs', 'zeros.ndjson.gz', compressed([[Buffer.alloc(10 * MB), BOMB_MB / 10]]), {
    outcome: imported(0, 0, [[0, TOO_LONG]]),
  }),
  {
    name: 'a bomb of a million blank lines',
    source: 'newlines.ndjson.gz',
    make: (directory) => writeSource(directory, 'newlines.ndjson.gz', Buffer.alloc(NEWLINES, '\n')),
    parameters: { rowsPerPartition: NEWLINES / 4, commitInterval: 5_000 },
    outcome: imported(0, NEWLINES),
  },
];
