import { NestFactory } from '@nestjs/core';
import { armCrashPoint } from '#job-kit';
import { createLogger, nestLogger, openRedis, readSettings } from '#platform';
import { containStrayErrors } from './stray-errors.js';
import { WorkerModule } from './worker.module.js';

async function main(): Promise<void> {
  const settings = readSettings();
  armCrashPoint(process.env['CRASH_AT']);
  const log = createLogger('worker', settings.LOG_LEVEL);
  containStrayErrors(log);
  const redis = await openRedis(settings.REDIS_URL, 'patient', log);
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
