import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiled } from './paths.js';
import type { ProcessSpec } from './processes.js';

/** What gateway and workers of one fleet share; the environment they get (`docs/settings.md`). */
export interface FleetSettings {
  /** Where the fleet keeps what is its own. */
  directory: string;
  redisUrl: string;
  databaseUrl: string;
  importDirectory: string;
  usersFile: string;
  /** First part of every Redis key; the default one if left out. */
  keyPrefix?: string;
}

/** The one module of a local fleet. */
export const MODULE_ID = 'persistence';

/** The environment of a gateway or worker: ours, with what the fleet's settings say. */
export function fleetEnvironment(fleet: FleetSettings, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // That a process is ready is told by its log.
    LOG_LEVEL: process.env.LOG_LEVEL === 'debug' ? 'debug' : 'info',
    DATA_DIR: fleet.directory,
    MODULES_FILE: '',
    MODULE_ID,
    REDIS_URL: fleet.redisUrl,
    DATABASE_URL: fleet.databaseUrl,
    IMPORT_DIRECTORY: fleet.importDirectory,
    USERS_FILE: fleet.usersFile,
    ...(fleet.keyPrefix === undefined ? {} : { KEY_PREFIX: fleet.keyPrefix }),
    ...extra,
  };
}

export const gatewaySpec = (env: NodeJS.ProcessEnv): ProcessSpec => ({
  name: 'gateway',
  stage: 'gateway',
  isReady: saying('listening'),
  ...program('gateway', env),
});

/** @param number 1 and up: names the worker in its fleet */
export const workerSpec = (number: number, env: NodeJS.ProcessEnv): ProcessSpec => ({
  name: `worker-${number}`,
  stage: 'worker',
  isReady: saying('Worker is ready'),
  ...program('worker', { ...env, HEARTBEAT_FILE: join(env.DATA_DIR ?? tmpdir(), `worker-${number}.alive`) }),
});

/**
 * Node's own options, as `npm run start:…` and the images have them too. A worker's young generation is kept small: rows
 * that outlive it by chance are what lets a long import take more memory than a short one.
 */
export const NODE_OPTIONS = {
  gateway: ['--enable-source-maps'],
  worker: ['--enable-source-maps', '--max-semi-space-size=8'],
} as const;

const program = (app: keyof typeof NODE_OPTIONS, env: NodeJS.ProcessEnv) => ({
  command: process.execPath,
  args: [...NODE_OPTIONS[app], compiled(`apps/${app}/src/main.js`)],
  env,
});

/** Tells a JSON log line by its message. */
const saying = (message: string) => (line: string) => line.includes(`"msg":"${message}"`);
