import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BatchJobClient, SingleExecutionJson } from '#client';
import { count, progressLine, progressWriter } from './demo/progress-bar.js';
import { demoSource } from './demo/source.js';
import { keptCredentials } from './local/credentials.js';
import { LocalFleet } from './local/fleet.js';
import { runWithProcesses } from './local/lifetime.js';
import { dataDirectory } from './local/paths.js';
import { freePort } from './local/ports.js';
import type { ProcessManager } from './local/process-manager.js';
import { freshDatabase } from './services/databases.js';
import { removeKeys } from './services/keys.js';
import { openServices } from './services/services.js';

const WORKERS = 2;
const POLL_EVERY_MS = 200;
const JOB = 'bulkImportJob';
/** The demo touches nothing else, even in a Redis or PostgreSQL of yours; both are kept until its next run. */
const KEY_PREFIX = 'longshore-demo';
const DATABASE = 'longshore_demo';

const directory = join(dataDirectory(), 'demo');
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs one import to its end. @returns the exit code: 0 if it has COMPLETED */
async function demo(manager: ProcessManager): Promise<number> {
  mkdirSync(directory, { recursive: true });
  const { importDirectory, source } = await demoSource(process.argv[2], dataDirectory());
  const client = await startFleet(manager, importDirectory);
  say(`Importing ${join(importDirectory, source)} with ${WORKERS} workers.`);
  const began = Date.now();
  const { jobExecutionId, executionUUID } = await client.start(JOB, { source });
  const execution = await follow(client, jobExecutionId);
  const took = Date.now() - began;
  const [instance] = await client.list(JOB, { executionUUID });
  say(JSON.stringify(instance?.jobExecutions[0], null, 2));
  report(execution, took);
  return execution.status === 'COMPLETED' ? 0 : 1;
}

/** Starts a fleet of its own, on an empty database and without keys from an earlier run. */
async function startFleet(manager: ProcessManager, importDirectory: string): Promise<BatchJobClient> {
  say('Starting Redis, PostgreSQL, the gateway and the workers …');
  const { usersFile, ...credentials } = await keptCredentials(directory);
  const { redisUrl, adminUrl } = await openServices(manager, directory);
  const databaseUrl = await freshDatabase(adminUrl, DATABASE);
  await removeKeys(redisUrl, KEY_PREFIX);
  const settings = { directory, redisUrl, databaseUrl, importDirectory, usersFile, keyPrefix: KEY_PREFIX };
  const fleet = new LocalFleet(manager, { settings, credentials, port: await freePort() });
  await fleet.start(WORKERS);
  return fleet.client();
}

/** Draws the progress until the execution has ended. */
async function follow(client: BatchJobClient, id: number): Promise<SingleExecutionJson> {
  const progress = progressWriter(process.stdout);
  for (;;) {
    const execution = await client.view(JOB, id, { stepCount: 1 });
    progress.show(lineOf(execution));
    if (!execution.running) {
      progress.end();
      return execution;
    }
    await pause(POLL_EVERY_MS);
  }
}

function lineOf({ progress: { rows }, rowsPerSecond, estimatedEndTime }: SingleExecutionJson): string {
  const leftMs = estimatedEndTime === undefined ? undefined : Math.max(0, Date.parse(estimatedEndTime) - Date.now());
  return progressLine({ ...rows, rowsPerSecond, leftMs });
}

/** @param tookMs from the start request until the end was seen */
function report({ status, progress, failures, results }: SingleExecutionJson, tookMs: number): void {
  const { done } = progress.rows;
  const seconds = tookMs / 1_000;
  say(`${status}: ${count(done)} rows in ${seconds.toFixed(1)} s, ${count(Math.round(done / seconds))} rows/s`);
  for (const { stepName, message } of failures) say(`  ${stepName}: ${message}`);
  for (const [name, value] of Object.entries(results)) say(`${name}: ${JSON.stringify(value, null, 2)}`);
}

await runWithProcesses({ directory, restart: true, say, signalExitCode: 130 }, demo);
