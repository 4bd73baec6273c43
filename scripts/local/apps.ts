import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiled } from './paths.js';
import type { ProcessSpec } from './processes.js';

/** The settings that the gateway and the workers of one fleet share (`docs/settings.md`). */
export interface FleetSettings {
  /** Where the fleet keeps its own files. */
  directory: string;
  redisUrl: string;
  databaseUrl: string;
  importDirectory: string;
  usersFile: string;
  /** First part of every Redis key. Default: that of the settings. */
  keyPrefix?: string;
}

/** The one module of a local fleet. */
export const MODULE_ID = 'persistence';

/** The environment of a gateway or worker: ours, overridden by the fleet's settings and then by `extra`. */
export function fleetEnvironment(fleet: FleetSettings, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // A log line says that a process is ready.
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
  isReady: hasMessage('listening'),
  ...program('gateway', env),
});

/** @param number from 1; part of the worker's name */
export const workerSpec = (number: number, env: NodeJS.ProcessEnv): ProcessSpec => ({
  name: `worker-${number}`,
  stage: 'worker',
  isReady: hasMessage('Worker is ready'),
  ...program('worker', { HEARTBEAT_DIRECTORY: join(env.DATA_DIR ?? tmpdir(), 'heartbeats'), ...env }),
});

/**
 * Node's own options, the same as in `npm run start:…` and in the images. A worker's young generation is kept small:
 * rows that survive it by chance make a long import take more memory than a short one.
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

/** Matches a JSON log line by its message. */
const hasMessage = (message: string) => (line: string) => line.includes(`"msg":"${message}"`);
