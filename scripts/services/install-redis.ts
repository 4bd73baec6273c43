import { findProgram, isRoot, run } from './programs.js';

const PROGRAMS = ['redis-server', 'valkey-server'] as const;

interface PackageManager {
  name: string;
  /** Whether it must run as root. */
  asRoot: boolean;
  /** Arguments of the command to run first. */
  update?: readonly string[];
  install: readonly string[];
  /** Packages that contain a server, by preference. */
  packages: readonly string[];
}

const PACKAGE_MANAGERS: readonly PackageManager[] = [
  {
    name: 'apt-get',
    asRoot: true,
    update: ['update', '-q'],
    install: ['install', '-y', '-q', '--no-install-recommends'],
    packages: ['redis-server', 'valkey-server'],
  },
  { name: 'apk', asRoot: true, install: ['add', '--no-cache'], packages: ['redis', 'valkey'] },
  { name: 'dnf', asRoot: true, install: ['install', '-y'], packages: ['valkey', 'redis'] },
  { name: 'brew', asRoot: false, install: ['install'], packages: ['redis', 'valkey'] },
];

/** With the first, Debian's packages ask no questions; with the second, they do not start a service. */
const QUIETLY = ['DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1'];

const INSTALL_WITHIN_MS = 300_000;

/**
 * The Redis (or Valkey) server of this machine; installed by the system's package manager if there is none.
 *
 * @throws Error that says what the user can do
 */
export async function redisProgram(say: (line: string) => void): Promise<string> {
  const present = findProgram(...PROGRAMS);
  if (present) return present;
  const failure = await installRedis(say);
  const installed = findProgram(...PROGRAMS);
  if (installed) return installed;
  throw new Error(
    `Longshore needs a Redis, and ${failure ?? 'none was found after the installation'}. There are three ways:\n` +
      '  1. install redis-server (or valkey-server) yourself and run this again;\n' +
      '  2. point REDIS_URL to a Redis of yours, e.g. REDIS_URL=redis://127.0.0.1:6379;\n' +
      '  3. run it all in containers: docker compose -f docker/compose.yaml up',
  );
}

/** Tries to install it. @returns why it could not, undefined if it could */
async function installRedis(say: (line: string) => void): Promise<string | undefined> {
  const manager = PACKAGE_MANAGERS.find(({ name }) => findProgram(name));
  if (!manager) return `no package manager was found (${PACKAGE_MANAGERS.map(({ name }) => name).join(', ')})`;
  const prefix = await prefixFor(manager);
  if (!prefix) return `${manager.name} needs root, which sudo does not give without a password`;
  say(`No redis-server found: installing one with ${manager.name} …`);
  // An update may fail for one source of packages while the others work.
  const updated = manager.update ? await attempt([...prefix, manager.name, ...manager.update]) : undefined;
  const failures: string[] = [];
  for (const name of manager.packages) {
    const failure = await attempt([...prefix, manager.name, ...manager.install, name]);
    if (failure === undefined) return undefined;
    failures.push(failure);
  }
  return `${manager.name} could not install one: ${updated ?? failures[0]}`;
}

/** The start of the package manager's command line; undefined if we may not run it. */
async function prefixFor(manager: PackageManager): Promise<string[] | undefined> {
  if (manager.asRoot === isRoot()) return ['env', ...QUIETLY];
  if (!manager.asRoot) return undefined;
  const mayBeRoot = findProgram('sudo') && (await attempt(['sudo', '-n', 'true'])) === undefined;
  return mayBeRoot ? ['sudo', '-n', 'env', ...QUIETLY] : undefined;
}

/** @returns why the command failed, undefined if it did not */
async function attempt([program = '', ...args]: readonly string[]): Promise<string | undefined> {
  try {
    await run(program, args, { timeout: INSTALL_WITHIN_MS });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
