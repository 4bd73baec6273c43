import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ndjson, numbered, writeSource } from '../resources.js';
import { imported, refused, type HostileSource } from './source.js';

const good = (prefix: string): string => ndjson(numbered(prefix, 3));

/** Nobody is kept from reading who may do everything. */
const readsAnything = process.getuid?.() === 0;

/** What stands in place of a file. */
export const PLACES: readonly HostileSource[] = [
  {
    name: 'a directory named like a file',
    source: 'folder.ndjson',
    make: (directory) => mkdirSync(join(directory, 'folder.ndjson')),
    outcome: refused(/"folder\.ndjson", which is a directory/),
  },
  {
    name: 'such a directory among files',
    source: 'among',
    make: (directory) => {
      writeSource(directory, 'among/a.ndjson', good('among'));
      mkdirSync(join(directory, 'among/b.ndjson'));
    },
    outcome: refused(/"among\/b\.ndjson", which is a directory/),
  },
  {
    name: 'a pipe that nobody writes to',
    source: 'pipe.ndjson',
    make: (directory) => void execFileSync('mkfifo', [join(directory, 'pipe.ndjson')]),
    outcome: refused(/"pipe\.ndjson", which is not a regular file/),
  },
  {
    name: 'a pipe that a glob finds',
    source: 'pipe*.ndjson.gz',
    make: (directory) => void execFileSync('mkfifo', [join(directory, 'pipe2.ndjson.gz')]),
    outcome: refused(/"pipe2\.ndjson\.gz", which is not a regular file/),
  },
  {
    name: 'a socket',
    source: 's.ndjson',
    make: (directory) => listenAt(join(directory, 's.ndjson')),
    outcome: refused(/"s\.ndjson", which is not a regular file/),
  },
  {
    name: 'a link to an endless device',
    source: 'zero.ndjson',
    make: (directory) => symlinkSync('/dev/zero', join(directory, 'zero.ndjson')),
    outcome: refused(/"zero\.ndjson", a link that leads outside/),
  },
  {
    name: 'links in a circle',
    source: 'circle.ndjson',
    make: (directory) => {
      symlinkSync('circle.ndjson', join(directory, 'round.ndjson'));
      symlinkSync('round.ndjson', join(directory, 'circle.ndjson'));
    },
    outcome: refused(/"circle\.ndjson", which cannot be read \(ELOOP\)/),
  },
  {
    name: 'a directory that contains itself',
    source: 'self/**/*.ndjson',
    make: (directory) => {
      writeSource(directory, 'self/a.ndjson', good('self'));
      symlinkSync('.', join(directory, 'self/self'));
    },
    outcome: imported(3),
  },
  {
    name: 'a name beyond what there may be',
    source: `${'n'.repeat(1_000)}.ndjson`,
    make: () => undefined,
    outcome: refused(/cannot be read \(ENAMETOOLONG\)/),
  },
  {
    name: 'a name that is not UTF-8',
    source: 'latin',
    make: (directory) => {
      mkdirSync(join(directory, 'latin'));
      writeFileSync(Buffer.concat([Buffer.from(`${directory}/latin/`), Buffer.from('ff', 'hex'), DOT]), good('latin'));
    },
    outcome: refused(/"latin\/\uFFFD\.ndjson", which cannot be read \(ENOENT\)/),
  },
  {
    name: 'a name with a line break',
    source: 'break\nbreak.ndjson',
    make: (directory) => writeSource(directory, 'break\nbreak.ndjson', good('break')),
    outcome: imported(3),
  },
  {
    name: 'a file that nobody may read',
    source: 'closed.ndjson',
    make: (directory) => {
      writeSource(directory, 'closed.ndjson', good('closed'));
      chmodSync(join(directory, 'closed.ndjson'), 0);
    },
    outcome: readsAnything ? imported(3) : refused(/"closed\.ndjson", which cannot be read \(EACCES\)/),
  },
  {
    name: 'a glob that takes for ever to compare',
    source: `${'*?'.repeat(40)}!.ndjson`,
    make: (directory) => writeSource(directory, `${'a'.repeat(200)}.ndjson`, good('long')),
    outcome: refused(/names no \.ndjson/),
  },
];

const DOT = Buffer.from('.ndjson');

/** The name stays when nobody listens any more. */
function listenAt(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(path, resolve);
    server.unref();
  });
}
