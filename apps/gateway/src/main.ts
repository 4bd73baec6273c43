import { armCrashPoint } from '#job-kit';
import { createLogger, openRedis, readSettings } from '#platform';
import { createApplication } from './http/application.js';

async function main(): Promise<void> {
  const settings = readSettings();
  armCrashPoint(process.env.CRASH_AT);
  const log = createLogger('gateway', settings.LOG_LEVEL);
  const redis = await openRedis(settings.REDIS_URL, 'failFast', log);
  const app = await createApplication({ settings, log, redis });
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  await app.listen(settings.PORT, settings.HOST);
  log.info('listening', { url: await app.getUrl() });
}

main().catch((error: unknown) => {
  console.error(`The gateway does not start. ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
