import { join } from 'node:path';
import type { Supervisor } from '../local/supervisor.js';
import { openPostgres } from './postgres.js';
import { openRedis } from './redis.js';

export interface Services {
  redisUrl: string;
  /** URL of a database whose user may create others; `DATABASE_URL` itself where that is given. */
  adminUrl: string;
}

/** Redis and PostgreSQL: those of `REDIS_URL` and `DATABASE_URL`, else private ones with their data in the directory. */
export async function openServices(
  supervisor: Supervisor,
  directory: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Services> {
  // One after the other: where the first fails, the second is not left half started.
  const redisUrl = await openRedis(supervisor, join(directory, 'redis'), env.REDIS_URL);
  const adminUrl = await openPostgres(supervisor, join(directory, 'postgres'), env.DATABASE_URL);
  return { redisUrl, adminUrl };
}
