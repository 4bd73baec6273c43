import { join } from 'node:path';
import { writePrivately } from '../local/files.js';
import { privateDirectory } from '../local/paths.js';
import { freePort } from '../local/ports.js';
import type { ProcessSpec } from '../local/processes.js';
import type { ProcessManager } from '../local/process-manager.js';
import { redisProgram } from './install-redis.js';
import { stopOrphan } from './orphan.js';
import { keptPassword } from './secret.js';

/**
 * The Redis to use: that of `REDIS_URL`, else a private one on a free port of 127.0.0.1.
 *
 * @param directory where the private one keeps its data
 * @returns its URL
 * @throws Error if there is none and none can be installed
 */
export async function openRedis(manager: ProcessManager, directory: string, given?: string): Promise<string> {
  if (given) return given;
  privateDirectory(directory);
  const command = await redisProgram(manager.options.say);
  const pidFile = join(directory, 'redis.pid');
  await stopOrphan(pidFile, 'redis', '-server');
  const port = await freePort();
  const password = keptPassword(join(directory, 'password'));
  await manager.start(redisSpec('redis', command, { directory, pidFile, port, password }));
  return `redis://:${password}@127.0.0.1:${port}`;
}

export interface RedisPlace {
  directory: string;
  pidFile: string;
  port: number;
  password: string;
}

/** A server with a directory of its own. @param more further lines of its configuration */
export function redisSpec(name: string, command: string, place: RedisPlace, more = ''): ProcessSpec {
  const configuration = join(place.directory, 'redis.conf');
  writePrivately(configuration, configurationOf(place) + more);
  return {
    name,
    stage: 'redis',
    command,
    args: [configuration],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    isReady: (line) => line.includes('Ready to accept connections'),
  };
}

/** The same guarantees as `docker/redis.conf`: nothing is evicted, and a crash loses one second, two where the disk is slow. */
const configurationOf = ({ directory, pidFile, port, password }: RedisPlace): string => `bind 127.0.0.1
port ${port}
requirepass ${password}
dir ${JSON.stringify(directory)}
pidfile ${JSON.stringify(pidFile)}
daemonize no
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
`;
