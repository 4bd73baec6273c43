import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { JobClient, type ExecutionView } from './demo/client.js';
import { count, progressLine, progressWriter } from './demo/progress-bar.js';
import { demoSource } from './demo/source.js';
import { fleetEnvironment, gatewaySpec, MODULE_ID, workerSpec } from './local/apps.js';
import { keptCredentials } from './local/credentials.js';
import { runSupervised } from './local/lifetime.js';
import { dataDirectory } from './local/paths.js';
import { freePort } from './local/ports.js';
import type { Supervisor } from './local/supervisor.js';
import { freshDatabase } from './services/databases.js';
import { removeKeys } from './services/keys.js';
import { openServices } from './services/services.js';

const WORKERS = 2;
const LOOK_EVERY_MS = 200;
const JOB = 'bulkImportJob';
/** Also where Redis or PostgreSQL are not our own, the demo touches nothing but these; they stay until its next run. */
const KEY_PREFIX = 'longshore-demo';
const DATABASE = 'longshore_demo';

const directory = join(dataDirectory(), 'demo');
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** One import from the start to the end. @returns exit code: 0 if it has COMPLETED */
async function demo(supervisor: Supervisor): Promise<number> {
  mkdirSync(directory, { recursive: true });
  const { importDirectory, source } = await demoSource(process.argv[2], dataDirectory());
  const client = await bringUp(supervisor, importDirectory);
  say(`Importing ${join(importDirectory, source)} with ${WORKERS} workers.`);
  const began = Date.now();
  const execution = await follow(client, await client.start({ source }));
  const took = Date.now() - began;
  say(JSON.stringify(await client.listed(execution.executionUUID), null, 2));
  report(execution, took);
  return execution.status === 'COMPLETED' ? 0 : 1;
}

/** A fleet of its own, on an empty database and without a key from an earlier run. */
async function bringUp(supervisor: Supervisor, importDirectory: string): Promise<JobClient> {
  say('Starting Redis, PostgreSQL, the gateway and the workers …');
  const { usersFile, ...credentials } = await keptCredentials(directory);
  const { redisUrl, adminUrl } = await openServices(supervisor, directory);
  const databaseUrl = await freshDatabase(adminUrl, DATABASE);
  await removeKeys(redisUrl, KEY_PREFIX);
  const env = fleetEnvironment({ directory, redisUrl, databaseUrl, importDirectory, usersFile, keyPrefix: KEY_PREFIX });
  const port = await freePort();
  const gateway = gatewaySpec({ ...env, HOST: '127.0.0.1', PORT: String(port) });
  const workers = Array.from({ length: WORKERS }, (_, index) => workerSpec(index + 1, env));
  await Promise.all([gateway, ...workers].map((spec) => supervisor.start(spec)));
  return new JobClient(`http://127.0.0.1:${port}`, MODULE_ID, JOB, credentials);
}

/** Draws the progress until the execution has ended. */
async function follow(client: JobClient, id: number): Promise<ExecutionView> {
  const progress = progressWriter(process.stdout);
  for (;;) {
    const execution = await client.execution(id);
    progress.show(lineOf(execution));
    if (!execution.running) {
      progress.end();
      return execution;
    }
    await pause(LOOK_EVERY_MS);
  }
}

function lineOf({ progress: { rows }, rowsPerSecond, estimatedEndTime }: ExecutionView): string {
  const leftMs = estimatedEndTime === undefined ? undefined : Math.max(0, Date.parse(estimatedEndTime) - Date.now());
  return progressLine({ ...rows, rowsPerSecond, leftMs });
}

/** @param tookMs from the request to start until the end was seen */
function report({ status, progress, failures, results }: ExecutionView, tookMs: number): void {
  const { done } = progress.rows;
  const seconds = tookMs / 1_000;
  say(`${status}: ${count(done)} rows in ${seconds.toFixed(1)} s, ${count(Math.round(done / seconds))} rows/s`);
  for (const { stepName, message } of failures) say(`  ${stepName}: ${message}`);
  for (const [name, value] of Object.entries(results)) say(`${name}: ${JSON.stringify(value, null, 2)}`);
}

await runSupervised({ directory, revive: true, say, leaveCode: 130 }, demo);
