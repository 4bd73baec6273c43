import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TcpProxy } from '../testbed/tcp-proxy.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { letConnect } from '../support/shut-database.js';
import { until } from '../support/until.js';

const MODULES = ['persistence', 'records'] as const;

let fleet: Fleet;
let workers = 0;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 0, modules: ['records'] });
});

afterAll(() => fleet?.stop());

const shut = (module: string, isShut: boolean): Promise<void> => letConnect(fleet.databases.get(module)!.url, !isShut);

function startWorker(env: NodeJS.ProcessEnv = {}) {
  workers += 1;
  return fleet.startWorker(env);
}

/** Waits for a line of the worker that was started last, ready or not. */
function said(line: string): Promise<string> {
  const log = join(fleet.settings.directory, 'logs', `worker-${workers}.log`);
  return until(
    line,
    async () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    (lines) => lines.includes(line),
  );
}

describe('a worker that is started', () => {
  it('while the database of a module is unavailable serves the others, and that one as soon as it can', async () => {
    await shut('records', true);
    const worker = await startWorker();
    expect((await Endpoint.of(fleet).run('noopJob')).status).toBe('COMPLETED');
    await shut('records', false);
    expect((await Endpoint.of(fleet, 'records').run('noopJob')).status).toBe('COMPLETED');
    const about = worker.lines.filter((line) => line.includes('"module":"records"') && line.includes('unavailable'));
    expect(about).toHaveLength(1);
    await fleet.kill(worker, 'SIGTERM');
  });

  it('while no database can be reached waits, says so, and leaves when told', async () => {
    for (const module of MODULES) await shut(module, true);
    const starting = startWorker();
    await said('Worker waits: no database of its modules can be reached');
    for (const module of MODULES) await shut(module, false);
    const worker = await starting;
    expect((await Endpoint.of(fleet).run('noopJob')).status).toBe('COMPLETED');
    await fleet.kill(worker, 'SIGTERM');
    expect(await worker.exited).toBe('exit code 0');
  });

  it('before Redis waits for it, and says so', async () => {
    const proxy = await TcpProxy.before(fleet.settings.redisUrl);
    try {
      proxy.refuse();
      const starting = startWorker({ REDIS_URL: proxy.through(fleet.settings.redisUrl) });
      await said('Worker waits: Redis (REDIS_URL) cannot be reached');
      proxy.restore();
      const worker = await starting;
      expect((await Endpoint.of(fleet).run('noopJob')).status).toBe('COMPLETED');
      await fleet.kill(worker, 'SIGTERM');
    } finally {
      await proxy.close();
    }
  });
});
