import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DISTURBANCE_FILE, disturb, preloadOptions, undisturb } from '../../scripts/chaos/disturbance.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { problemIn } from '../support/problems.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { until } from '../support/until.js';

const ROWS = 50;
const SOURCE = 'rows.ndjson';
/** How long a login may take, in ms: a password check computes a hash. */
const LOGIN_MS = 5_000;
/** Longest wait for a file system, 20 s, and some time to give up, in ms. */
const GIVEN_UP_MS = 40_000;
const COLLEAGUE = {
  username: 'colleague',
  password: 'of the same hospital',
  permissions: [{ permission: 'VIEW_BATCH_JOBS' }],
};

const directory = mkdtempSync(join(tmpdir(), 'longshore-hung-'));
const FILES = { gateway: join(directory, 'gateway.json'), worker: join(directory, 'worker.json') };
/** Of a process whose import directory can be made to hang. */
const hangable = (file: string) => ({ NODE_OPTIONS: preloadOptions().join(' '), [DISTURBANCE_FILE]: file });

let fleet: Fleet;
let endpoint: Endpoint;
let held: number;

beforeAll(async () => {
  // One try: if hanging spent one, the import would have none left.
  const env = { PARTITION_ATTEMPTS: '1' };
  fleet = await Fleet.start({ workers: 0, env, gatewayEnv: hangable(FILES.gateway), users: [COLLEAGUE] });
  endpoint = Endpoint.of(fleet);
  writeSource(fleet.importDirectory, SOURCE, ndjson(numbered('hung', ROWS)));
  disturb(FILES.worker, { hangsReads: true });
  await fleet.startWorker(hangable(FILES.worker));
  held = await endpoint.start('bulkImportJob', { source: SOURCE });
});

afterAll(async () => {
  for (const file of Object.values(FILES)) undisturb(file);
  await fleet?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const hangs = (body: object) => JSON.stringify(body).includes('"importDirectories":{"persistence":"down"}');
const readiness = async () => (await endpoint.get('/health/ready').expect(200)).body as object;

describe.concurrent('an import directory that hangs', () => {
  it(
    'for a worker, costs no try: another worker does the work',
    async () => {
      const [worker] = fleet.workers;
      const waits = () => Promise.resolve(worker!.lines.find((line) => line.includes('Work waits')));
      const line = await until('to be given up', waits, (found) => found !== undefined, GIVEN_UP_MS);
      expect(line).toContain('The file system has not answered for');
      await fleet.startWorker();
      const { status, recordWriteCount, failures } = await endpoint.ended('bulkImportJob', held, GIVEN_UP_MS);
      expect({ status, recordWriteCount, failures }).toEqual({
        status: 'COMPLETED',
        recordWriteCount: ROWS,
        failures: [],
      });
    },
    3 * GIVEN_UP_MS,
  );

  it(
    'for the gateway, keeps nobody from logging in, looking, and running other jobs; starts are told, and accepted afterwards',
    async () => {
      disturb(FILES.gateway, { hangsReads: true });
      await until('readiness to tell', readiness, hangs);
      const start = { jobParameters: { source: SOURCE } };
      const starts = Array.from({ length: 6 }, () => endpoint.post(`${ROOT}/bulkImportJob/start`, start));
      const answers = Promise.all(starts);
      const begun = performance.now();
      expect((await endpoint.as(COLLEAGUE).get(`${ROOT}/noopJob`)).status).toBe(200);
      expect(performance.now() - begun).toBeLessThan(LOGIN_MS);
      const other = await endpoint.start('noopJob');
      await endpoint.stop(other).catch(() => undefined);
      for (const answer of await answers) {
        expect(problemIn(answer)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
      }
      undisturb(FILES.gateway);
      await until('readiness to tell', readiness, (body) => !hangs(body));
      expect((await endpoint.post(`${ROOT}/bulkImportJob/start`, start)).status).toBe(202);
    },
    3 * GIVEN_UP_MS,
  );
});
