import { join } from 'node:path';
import { writePrivately } from '../local/files.js';
import { privateDirectory } from '../local/paths.js';
import { freePort } from '../local/ports.js';
import type { Supervisor } from '../local/supervisor.js';
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
export async function openRedis(supervisor: Supervisor, directory: string, given?: string): Promise<string> {
  if (given) return given;
  privateDirectory(directory);
  const command = await redisProgram(supervisor.options.say);
  const pidFile = join(directory, 'redis.pid');
  await stopOrphan(pidFile, 'redis', '-server');
  const port = await freePort();
  const password = keptPassword(join(directory, 'password'));
  const configuration = join(directory, 'redis.conf');
  writePrivately(configuration, configurationOf({ directory, pidFile, port, password }));
  await supervisor.start({
    name: 'redis',
    stage: 'redis',
    command,
    args: [configuration],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    isReady: (line) => line.includes('Ready to accept connections'),
  });
  return `redis://:${password}@127.0.0.1:${port}`;
}

interface RedisPlace {
  directory: string;
  pidFile: string;
  port: number;
  password: string;
}

/** The same promises as `docker/redis.conf`: nothing is evicted, and a crash loses a second at most. */
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
