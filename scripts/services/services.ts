import { join } from 'node:path';
import type { ProcessManager } from '../local/process-manager.js';
import { openPostgres } from './postgres.js';
import { openRedis } from './redis.js';

export interface Services {
  redisUrl: string;
  /** URL of a database whose user may create others; `DATABASE_URL` itself where that is given. */
  adminUrl: string;
}

/** Redis and PostgreSQL: those of `REDIS_URL` and `DATABASE_URL`, else private ones that keep their data in the directory. */
export async function openServices(
  manager: ProcessManager,
  directory: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Services> {
  // One after the other: if the first fails, the second is not left half started.
  const redisUrl = await openRedis(manager, join(directory, 'redis'), env.REDIS_URL);
  const adminUrl = await openPostgres(manager, join(directory, 'postgres'), env.DATABASE_URL);
  return { redisUrl, adminUrl };
}
