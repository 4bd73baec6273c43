import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MODULE_ID } from './local/apps.js';
import { keptCredentials } from './local/credentials.js';
import { writePrivately } from './local/files.js';
import { LocalFleet } from './local/fleet.js';
import { runWithProcesses } from './local/lifetime.js';
import { dataDirectory } from './local/paths.js';
import { assertPortFree } from './local/ports.js';
import { readStartSettings } from './local/start-settings.js';
import type { ProcessManager } from './local/process-manager.js';
import { ensureDatabase } from './services/databases.js';
import { openServices } from './services/services.js';

/** What scripts need to know about the running fleet: `local.json` in the data directory. */
interface LocalFile {
  url: string;
  username: string;
  password: string;
  moduleId: string;
  importDirectory: string;
  redisUrl: string;
  databaseUrl: string;
  /** null while it is being started again. */
  gatewayPid: number | null;
  workerPids: number[];
}

const directory = dataDirectory();
const localFile = join(directory, 'local.json');
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Starts everything, and keeps it running. */
async function start(manager: ProcessManager): Promise<never> {
  rmSync(localFile, { force: true });
  const { host, port, workers, importDirectory } = await readStartSettings(directory);
  await assertPortFree(port, host);
  const { usersFile, ...credentials } = await keptCredentials(directory);
  const { redisUrl, adminUrl } = await openServices(manager, directory);
  const databaseUrl = process.env.DATABASE_URL || (await ensureDatabase(adminUrl, 'longshore'));
  const settings = { directory, redisUrl, databaseUrl, importDirectory, usersFile };
  const fleet = new LocalFleet(manager, { settings, credentials, host, port });
  const names = (await fleet.start(workers)).map(({ spec }) => spec.name);

  const { url } = fleet;
  manager.onChange = () => {
    const local: LocalFile = {
      url,
      ...credentials,
      moduleId: MODULE_ID,
      importDirectory,
      redisUrl,
      databaseUrl,
      gatewayPid: manager.find('gateway')?.pid ?? null,
      workerPids: names.filter((name) => name !== 'gateway').flatMap((name) => manager.find(name)?.pid ?? []),
    };
    writePrivately(localFile, `${JSON.stringify(local, null, 2)}\n`);
  };
  manager.onChange();
  say(greeting({ url, ...credentials, importDirectory, logs: manager.logDirectory }));
  return new Promise(() => undefined);
}

const greeting = (facts: Record<'url' | 'username' | 'password' | 'importDirectory' | 'logs', string>) => `
Longshore is ready.

  Batch Job Endpoint  ${facts.url}/batch-job/${MODULE_ID}
  API documentation   ${facts.url}/swagger-ui
  Queues              ${facts.url}/admin/queues
  User                ${facts.username}
  Password            ${facts.password}
  Import directory    ${facts.importDirectory}
  Logs                ${facts.logs}
  For scripts         ${localFile}

Put .ndjson or .ndjson.gz files into the import directory, then start an import of all of them:

  curl -u ${facts.username}:${facts.password} -H 'content-type: application/json' \\
    -d '{"jobParameters": {"source": "."}}' ${facts.url}/batch-job/${MODULE_ID}/bulkImportJob/start

Ctrl-C stops everything.
`;

await runWithProcesses({ directory, restart: true, say, signalExitCode: 0 }, start, () =>
  rmSync(localFile, { force: true }),
);
