import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fleetEnvironment, gatewaySpec, MODULE_ID, workerSpec } from './local/apps.js';
import { keptCredentials } from './local/credentials.js';
import { writePrivately } from './local/files.js';
import { runSupervised } from './local/lifetime.js';
import { dataDirectory } from './local/paths.js';
import { assertPortFree } from './local/ports.js';
import { readStartSettings } from './local/start-settings.js';
import type { Supervisor } from './local/supervisor.js';
import { ensureDatabase } from './services/databases.js';
import { openServices } from './services/services.js';

/** What scripts need to know of the fleet that runs: `local.json` in the data directory. */
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

/** Brings everything up, and stays. */
async function start(supervisor: Supervisor): Promise<never> {
  rmSync(localFile, { force: true });
  const { host, port, workers, importDirectory } = await readStartSettings(directory);
  await assertPortFree(port, host);
  const { usersFile, ...credentials } = await keptCredentials(directory);
  const { redisUrl, adminUrl } = await openServices(supervisor, directory);
  const databaseUrl = process.env.DATABASE_URL || (await ensureDatabase(adminUrl, 'longshore'));
  const env = fleetEnvironment({ directory, redisUrl, databaseUrl, importDirectory, usersFile });
  const gateway = gatewaySpec({ ...env, HOST: host, PORT: String(port) });
  const fleet = Array.from({ length: workers }, (_, index) => workerSpec(index + 1, env));
  await Promise.all([gateway, ...fleet].map((spec) => supervisor.start(spec)));

  const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
  supervisor.onChange = () => {
    const local: LocalFile = {
      url,
      ...credentials,
      moduleId: MODULE_ID,
      importDirectory,
      redisUrl,
      databaseUrl,
      gatewayPid: supervisor.find('gateway')?.pid ?? null,
      workerPids: fleet.flatMap(({ name }) => supervisor.find(name)?.pid ?? []),
    };
    writePrivately(localFile, `${JSON.stringify(local, null, 2)}\n`);
  };
  supervisor.onChange();
  say(greeting({ url, ...credentials, importDirectory, logs: supervisor.logDirectory }));
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

await runSupervised({ directory, revive: true, say, leaveCode: 0 }, start, () => rmSync(localFile, { force: true }));
