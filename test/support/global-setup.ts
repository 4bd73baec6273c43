import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { PidFile } from '../../scripts/local/pid-file.js';
import { dataDirectory } from '../../scripts/local/paths.js';
import { ProcessManager } from '../../scripts/local/process-manager.js';
import { removeCluster } from '../../scripts/services/postgres-place.js';
import { openServices } from '../../scripts/services/services.js';

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string;
    /** Where test files keep what they start; the next run removes it, so that logs can be read after this one. */
    runsDirectory: string;
  }
}

/**
 * A Redis and a PostgreSQL for one run of one project, so that runs at the same time do not interfere. Those of
 * `REDIS_URL` and `DATABASE_URL` are used where given; that database user must be allowed to create databases.
 *
 * @returns stops them
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const runsDirectory = join(dataDirectory(), 'test');
  mkdirSync(runsDirectory, { recursive: true });
  await removeLeftovers(runsDirectory);
  const directory = join(runsDirectory, `${project.name}-${process.pid}`);
  const manager = await ProcessManager.open({ directory, restart: false, say: (line) => console.log(line) });
  const { redisUrl, adminUrl } = await openServices(manager, directory);
  project.provide('redisUrl', redisUrl);
  project.provide('databaseUrl', adminUrl);
  project.provide('runsDirectory', runsDirectory);
  return async () => {
    await manager.stop();
    removeCluster(join(directory, 'postgres'));
    rmSync(directory, { recursive: true, force: true });
  };
}

/** Stops and removes what killed runs have left behind. */
async function removeLeftovers(runsDirectory: string): Promise<void> {
  for (const name of readdirSync(runsDirectory)) {
    const directory = join(runsDirectory, name);
    if (PidFile.isHeld(directory)) continue;
    await PidFile.acquire(directory);
    if (existsSync(join(directory, 'postgres'))) removeCluster(join(directory, 'postgres'));
    rmSync(directory, { recursive: true, force: true });
  }
}
