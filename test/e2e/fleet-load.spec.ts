import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { until } from '../support/until.js';

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({ workers: 0, env: { SWEEP_INTERVAL_MS: '200' } });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

const WARNING = 'No worker serves module persistence: its executions wait until one is started.';

const load = async () => (await endpoint.get(`${ROOT}/fleet`).expect(200)).body;

describe('GET /batch-job/{module_id}/fleet', () => {
  it('tells of a module without a worker, and of what waits there', async () => {
    await endpoint.start('noopJob', { partitions: 100, busyMs: 20 });
    expect(await load()).toEqual({
      running: 1,
      partitionsRemaining: 0,
      partitionsRunnable: 0,
      oldestProgressMs: expect.any(Number),
      oldestStartingMs: expect.any(Number),
      jobs: [expect.objectContaining({ job: 'noopJob', running: 1, oldestStartingMs: expect.any(Number) })],
      workers: 0,
      warning: WARNING,
      unsettled: 0,
      isPartial: false,
    });
  });

  it('tells of its workers, the last sweep, and the partitions that more of them could take up', async () => {
    await fleet.startWorker();
    const busy = await until('partitions', load, ({ partitionsRunnable }) => partitionsRunnable > 0);
    expect(busy).toMatchObject({ running: 1, workers: 1, partitionsRunnable: 64 });
    expect(busy.partitionsRemaining).toBeGreaterThan(64);
    await until('a sweep', load, ({ lastSweepMs }) => lastSweepMs < 2_000);
  });

  it('counts a worker no more once it has left', async () => {
    await fleet.kill(fleet.workers[0]!, 'SIGTERM');
    expect((await load()).workers).toBe(0);
  });
});

describe('an execution that no worker will come for', () => {
  it('says so where it is started and where it is shown, until a worker is there', async () => {
    const { body } = await endpoint.post(`${ROOT}/noopJob/start`).expect(202);
    expect(body.warning).toBe(WARNING);
    const shown = async () => (await endpoint.get(`${ROOT}/noopJob/${body.jobExecutionId}`)).body.warning as unknown;
    expect(await shown()).toBe(WARNING);
    await fleet.startWorker();
    expect(await shown()).toBeUndefined();
    expect((await endpoint.post(`${ROOT}/noopJob/start`).expect(202)).body).not.toHaveProperty('warning');
    expect(await load()).not.toHaveProperty('warning');
  });
});
