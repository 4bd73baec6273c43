import { execFile } from 'node:child_process';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import ioredis from 'ioredis';
import { Client } from 'pg';
import { freePort } from '../../scripts/local/ports.js';
import { compiled } from '../../scripts/local/paths.js';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { problemIn } from '../support/problems.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { letConnect } from '../support/shut-database.js';
import { until } from '../support/until.js';

// What happens to health while Redis is unavailable is in outage.spec.ts.

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start();
  // Readiness tells the age of the last sweep once there was one.
  await until('the first sweep', sweptModules, (modules) => modules.length > 0);
});

afterAll(() => fleet?.stop());

const get = (path: string) => request(fleet.url).get(path);

async function sweptModules(): Promise<string[]> {
  const { body } = await get('/health/ready');
  return Object.keys((body as { lastSweepAgeMs: object }).lastSweepAgeMs);
}

describe('the gateway', () => {
  it('lives', async () => {
    expect((await get('/health/live').expect(200)).text).toBe('{"status":"ok"}');
  });

  it('is ready, and names what it needs', async () => {
    expect((await get('/health/ready').expect(200)).body).toEqual({
      status: 'ok',
      dependencies: { redis: 'up', 'postgres:persistence': 'up' },
      importDirectories: { persistence: 'up' },
      lastSweepAgeMs: { persistence: expect.any(Number) },
    });
  });

  it('is not ready while a database is away, and is again by itself', async () => {
    await letDatabaseConnect(false);
    const { body, status } = await get('/health/ready');
    expect([status, body]).toEqual([
      503,
      {
        status: 'unavailable',
        dependencies: { redis: 'up', 'postgres:persistence': 'down' },
        importDirectories: { persistence: 'up' },
        lastSweepAgeMs: { persistence: expect.any(Number) },
      },
    ]);
    expect((await get('/health/live')).status).toBe(200);
    await letDatabaseConnect(true);
    const ready = await until(
      'readiness',
      async () => (await get('/health/ready')).status,
      (code) => code === 200,
    );
    expect(ready).toBe(200);
  });
});

describe('a gateway whose Redis takes no writes', () => {
  it.each([
    ['it has lost its replicas', 'min-replicas-to-write', '1', '0'],
    ['its memory is full', 'maxmemory', '1', '0'],
  ])('is not ready: %s', async (_, setting, value, normal) => {
    const redis = await PrivateServer.start('redis');
    const other = await Fleet.start({ workers: 0, redisUrl: redis.url });
    const ready = async () => request(other.url).get('/health/ready');
    const admin = new ioredis.Redis(redis.url);
    try {
      expect((await ready()).status).toBe(200);
      await admin.config('SET', setting, value);
      expect((await ready()).body).toEqual({
        status: 'unavailable',
        dependencies: { redis: 'down', 'postgres:persistence': 'up' },
        importDirectories: { persistence: 'up' },
        lastSweepAgeMs: {},
      });
      const operator = Endpoint.of(other);
      expect(problemIn(await operator.post(`${ROOT}/noopJob/start`))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      await admin.config('SET', setting, normal);
      expect((await ready()).status).toBe(200);
    } finally {
      admin.disconnect();
      await other.stop();
      await redis.close();
    }
  });
});

describe('a gateway whose database does not exist', () => {
  it('answers 503, and carries the operation out once it does', async () => {
    const other = await Fleet.start({ workers: 0 });
    const operator = Endpoint.of(other);
    try {
      writeSource(other.importDirectory, 'few.ndjson', ndjson(numbered('few', 1)));
      const id = await operator.start('bulkImportJob', { source: 'few.ndjson' });
      const [stop, ready] = await withoutDatabase(other, async () => [
        await operator.post(`${ROOT}/${id}/stop?force=true`),
        await request(other.url).get('/health/ready'),
      ]);
      expect(problemIn(stop!)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
      expect(ready?.body).toMatchObject({ dependencies: { 'postgres:persistence': 'down' } });
      await until(
        'the force stop',
        () => operator.post(`${ROOT}/${id}/stop?force=true`),
        ({ status }) => status === 200,
      );
    } finally {
      await other.stop();
    }
  });
});

describe('a worker', () => {
  it('is healthy while it lives, each by a file of its own, and not once it has left', async () => {
    const [worker] = fleet.workers;
    const other = await fleet.startWorker();
    expect(await exitCodeOfCheck(worker!.pid)).toBe(0);
    expect(await exitCodeOfCheck(other.pid)).toBe(0);
    await fleet.kill(other, 'SIGTERM');
    expect(await exitCodeOfCheck(other.pid)).toBe(1);
    expect(await exitCodeOfCheck(worker!.pid)).toBe(0);
  });

  it('offers its health on a port, and tells of a database that is unavailable', async () => {
    const port = await freePort();
    await fleet.startWorker({ HEALTH_PORT: String(port) });
    const health = request(`http://127.0.0.1:${port}`);
    expect((await health.get('/health/live')).status).toBe(200);
    const { status, body } = await health.get('/health/ready');
    expect([status, body]).toEqual([
      200,
      {
        status: 'ok',
        modules: { persistence: 'ok' },
        clockSkewMs: expect.any(Number),
        lastSweepAgeMs: { persistence: expect.any(Number) },
      },
    ]);
    await letDatabaseConnect(false);
    expect((await health.get('/health/ready')).status).toBe(503);
    await letDatabaseConnect(true);
  });

  it('works where it cannot write its heartbeat, and says so', async () => {
    const worker = await fleet.startWorker({ HEARTBEAT_DIRECTORY: join(fleet.settings.usersFile, 'below-a-file') });
    expect(worker.lines.some((line) => line.includes('No heartbeat file'))).toBe(true);
    expect(worker.alive).toBe(true);
  });
});

const letDatabaseConnect = (allowed: boolean): Promise<void> => letConnect(fleet.database.url, allowed);

/** Does something while the database of a fleet has another name. */
async function withoutDatabase<T>(fleetOfIt: Fleet, action: () => Promise<T>): Promise<T> {
  const name = new URL(fleetOfIt.database.url).pathname.slice(1);
  await rename(name, `${name}_away`);
  try {
    return await action();
  } finally {
    await rename(`${name}_away`, name);
  }
}

/** Renames a database, with all connections to it ended. */
async function rename(from: string, to: string): Promise<void> {
  const admin = new Client({ connectionString: inject('databaseUrl') });
  await admin.connect();
  try {
    await admin.query(`ALTER DATABASE ${from} ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [from]);
    await admin.query(`ALTER DATABASE ${from} RENAME TO ${to}`);
    await admin.query(`ALTER DATABASE ${to} ALLOW_CONNECTIONS true`);
  } finally {
    await admin.end();
  }
}

/** Runs the health check of a worker. */
function exitCodeOfCheck(pid: number): Promise<number | null> {
  const env = { ...process.env, HEARTBEAT_DIRECTORY: join(fleet.settings.directory, 'heartbeats') };
  return new Promise((resolve) => {
    execFile(process.execPath, [compiled('apps/worker/src/health.js'), String(pid)], { env }).once('exit', resolve);
  });
}
