import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import { armCrashPoint } from '#job-kit';
import { assertNoEviction, connectRedis, createLogger, nestLogger, readSettings } from '#platform';
import { WorkerModule } from './worker.module.js';

async function main(): Promise<void> {
  const settings = readSettings();
  armCrashPoint(process.env['CRASH_AT']);
  const log = createLogger('worker', settings.LOG_LEVEL);
  const redis = connectRedis(settings.REDIS_URL, 'patient', log);
  if (redis.status !== 'ready') await once(redis, 'ready');
  await assertNoEviction(redis);
  const app = await NestFactory.createApplicationContext(WorkerModule.with({ settings, log, redis }), {
    logger: nestLogger(log),
    abortOnError: false,
  });
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
}

main().catch((error: unknown) => {
  console.error(`The worker does not start. ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
