import { ndjson, numbered, writeSource } from '../resources.js';
import { HOSTILE_ROWS } from './rows.js';
import { imported, type HostileSource, type Rejected } from './source.js';

const rows = [...HOSTILE_ROWS.entries()];
const rejected = rows.flatMap(([row, [, , reason]]): Rejected[] => (reason === undefined ? [] : [[row, reason]]));
const hostileRows = Buffer.concat(rows.flatMap(([, [, line]]) => [Buffer.from(line), Buffer.from('\n')]));

const textSource = (
  name: string,
  source: string,
  content: string | Buffer,
  outcome: HostileSource['outcome'],
): HostileSource => ({
  name,
  source,
  make: (directory) => writeSource(directory, source, content),
  outcome,
});

const everyRow = imported(rows.length - rejected.length, 0, rejected);
const [one, two, three, four] = numbered('ends', 4).map((resource) => JSON.stringify(resource));

/** Files of hostile text. */
export const TEXTS: readonly HostileSource[] = [
  textSource('every kind of hostile row', 'rows.ndjson', hostileRows, everyRow),
  textSource('every kind of hostile row, compressed', 'rows.ndjson.gz', hostileRows, everyRow),
  textSource('every kind of line end', 'ends.ndjson', `${one}\r\n${two}\n\r${three}\r\r\n${four}`, imported(4)),
  textSource('a file of returns alone', 'returns.ndjson', '\r'.repeat(1_000), imported(0, 1)),
  textSource('a file of blank lines', 'blank.ndjson', ' \t\r\n\n'.repeat(5_000), imported(0, 10_000)),
  textSource('a byte order mark alone', 'mark.ndjson', '\uFEFF', imported(0, 1)),
  textSource(
    'two byte order marks',
    'marks.ndjson',
    `\uFEFF\uFEFF${ndjson(numbered('marks', 2))}`,
    imported(1, 0, [[0, 'is not valid JSON']]),
  ),
  textSource('a newline alone', 'newline.ndjson', '\n', imported(0, 1)),
];
