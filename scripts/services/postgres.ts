import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writePrivately } from '../local/files.js';
import { freePort } from '../local/ports.js';
import type { ProcessManager } from '../local/process-manager.js';
import { stopOrphan } from './orphan.js';
import { postgresPlace, type PostgresPlace } from './postgres-place.js';
import { run } from './programs.js';
import { keptPassword } from './secret.js';

const SUPERUSER = 'longshore';

/** Independent of the system's locale and time zone: a slim container has neither. */
const ENVIRONMENT = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

/** What makes a commit durable keeps PostgreSQL's default: on. */
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/**
 * The PostgreSQL to use: that of `DATABASE_URL`, else a private one on a free port of 127.0.0.1.
 *
 * @param directory where the private one keeps its data
 * @returns URL of a database in it; the private one's user may create others
 */
export async function openPostgres(manager: ProcessManager, directory: string, given?: string): Promise<string> {
  if (given) return given;
  const place = await postgresPlace(directory, manager.options.say);
  const password = keptPassword(join(directory, 'password'));
  if (!existsSync(place.cluster)) await makeCluster(place, password);
  assertVersion(place);
  await stopOrphan(join(place.cluster, 'postmaster.pid'), 'postgres', 'postgres');
  const port = await freePort();
  await manager.start({
    name: 'postgres',
    stage: 'postgres',
    command: join(place.programs, 'bin/postgres'),
    args: ['-D', place.cluster, ...argumentsOf({ ...SETTINGS, port: String(port) })],
    env: ENVIRONMENT,
    user: place.user,
    isReady: (line) => line.includes('database system is ready to accept connections'),
  });
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`;
}

/** Creates the cluster under another name first, so that one that exists is complete. */
async function makeCluster(place: PostgresPlace, password: string): Promise<void> {
  const draft = `${place.cluster}.new`;
  const passwordFile = `${place.cluster}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(draft), { recursive: true });
  mkdirSync(draft, { mode: 0o700 });
  writePrivately(passwordFile, `${password}\n`);
  if (place.user) for (const path of [draft, passwordFile]) chownSync(path, place.user.uid, place.user.gid);
  try {
    await run(join(place.programs, 'bin/initdb'), initdbArguments(draft, passwordFile), {
      env: ENVIRONMENT,
      ...place.user,
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, place.cluster);
}

const initdbArguments = (cluster: string, passwordFile: string) => [
  `--pgdata=${cluster}`,
  `--username=${SUPERUSER}`,
  `--pwfile=${passwordFile}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
];

const argumentsOf = (settings: Record<string, string>) =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

function assertVersion({ cluster, version }: PostgresPlace): void {
  const made = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (made === version) return;
  throw new Error(
    `${cluster} was created by PostgreSQL ${made}, and this is ${version}. Rename it to start with an empty one, or upgrade it with pg_upgrade.`,
  );
}
