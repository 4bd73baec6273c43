import { execFile } from 'node:child_process';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Client } from 'pg';
import { compiled } from '../../scripts/local/paths.js';
import { Fleet } from '../support/fleet.js';
import { until } from '../support/until.js';

// What happens to health while Redis is away stands in outage.spec.ts.

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start();
});

afterAll(() => fleet?.stop());

const get = (path: string) => request(fleet.url).get(path);

describe('the gateway', () => {
  it('lives', async () => {
    expect((await get('/health/live').expect(200)).text).toBe('{"status":"ok"}');
  });

  it('is ready, and names what it needs', async () => {
    expect((await get('/health/ready').expect(200)).body).toEqual({
      status: 'ok',
      dependencies: { redis: 'up', 'postgres:persistence': 'up' },
    });
  });

  it('is not ready while a database is away, and is again by itself', async () => {
    await letDatabaseConnect(false);
    const { body, status } = await get('/health/ready');
    expect([status, body]).toEqual([
      503,
      { status: 'unavailable', dependencies: { redis: 'up', 'postgres:persistence': 'down' } },
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

describe('a worker', () => {
  it('is healthy while it lives, and not once it has left', async () => {
    const [worker] = fleet.workers;
    expect(await exitCodeOfCheck('worker-1')).toBe(0);
    await fleet.kill(worker!, 'SIGTERM');
    expect(await exitCodeOfCheck('worker-1')).toBe(1);
  });
});

/** Shuts the fleet's database to everybody, or opens it again. */
async function letDatabaseConnect(allowed: boolean): Promise<void> {
  const name = new URL(fleet.database.url).pathname.slice(1);
  const admin = new Client({ connectionString: inject('databaseUrl') });
  await admin.connect();
  try {
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${allowed}`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  } finally {
    await admin.end();
  }
}

/** Runs the health check of a worker's container. */
function exitCodeOfCheck(worker: string): Promise<number | null> {
  const env = { ...process.env, HEARTBEAT_FILE: join(fleet.settings.directory, `${worker}.alive`) };
  return new Promise((resolve) => {
    execFile(process.execPath, [compiled('apps/worker/src/health.js')], { env }).once('exit', resolve);
  });
}
