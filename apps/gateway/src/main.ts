import { once } from 'node:events';
import { armCrashPoint } from '#job-kit';
import { assertNoEviction, connectRedis, createLogger, readSettings, type Logger, type Settings } from '#platform';
import { createApplication } from './application.js';
import type { Redis } from './core.module.js';

/** @throws Error if Redis is not there, or may evict keys */
async function openRedis({ REDIS_URL }: Settings, log: Logger): Promise<Redis> {
  const redis = connectRedis(REDIS_URL, 'failFast', log);
  await once(redis, 'ready').catch((error: Error) => {
    throw new Error(`Redis (REDIS_URL) is not there: ${error.message}.`);
  });
  await assertNoEviction(redis);
  return redis;
}

async function main(): Promise<void> {
  const settings = readSettings();
  armCrashPoint(process.env.CRASH_AT);
  const log = createLogger('gateway', settings.LOG_LEVEL);
  const redis = await openRedis(settings, log);
  const app = await createApplication({ settings, log, redis });
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  await app.listen(settings.PORT, settings.HOST);
  log.info('listening', { url: await app.getUrl() });
}

main().catch((error: unknown) => {
  console.error(`The gateway does not start. ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
