import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';

/** In the gateway's time zone: New York's. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[45]:00$/;

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({ gatewayEnv: { TZ: 'America/New_York' } });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

describe('the audit', () => {
  it('tells who asked for what and with which answer, the newest first, page by page', async () => {
    const id = await endpoint.startStopped();
    await endpoint.post(`${ROOT}/${id}/stop`).expect(409);
    const page = async (query: string) => (await endpoint.get(`${ROOT}/audit${query}`).expect(200)).body.entries;
    const [refused, stop, start] = await page('?count=3');
    const stopping = { operation: 'stop', jobName: 'noopJob', executionId: id };
    expect(refused).toMatchObject({ ...stopping, outcome: 'EXECUTION_NOT_RUNNING' });
    expect(stop).toMatchObject({ ...stopping, outcome: 'OK', message: `Batch Job ${id} stopping.` });
    expect(start).toEqual({
      id: expect.stringMatching(/^\d+-\d+$/),
      time: expect.stringMatching(TIME),
      username: 'operator',
      remoteAddress: '127.0.0.1',
      operation: 'start',
      jobName: 'noopJob',
      executionId: id,
      outcome: 'OK',
      message: `Started job noopJob with execution ID ${id}`,
    });
    expect(await page(`?before=${stop.id}&count=1`)).toEqual([start]);
  });

  it('names the job of every operation, by whatever it was asked', async () => {
    const id = await endpoint.startStopped();
    for (const operation of ['restart', 'abandon']) await endpoint.post(`${ROOT}/${id}/${operation}`);
    await endpoint.post(`${ROOT}/${id}/stop?force=true`).expect(200);
    await endpoint.delete(`${ROOT}/noopJob/${id}`);
    const { entries } = (await endpoint.get(`${ROOT}/audit?count=6`).expect(200)).body;
    expect(entries.map((entry: Record<string, unknown>) => [entry.operation, entry.jobName])).toEqual(
      ['delete', 'force-stop', 'abandon', 'restart', 'stop', 'start'].map((operation) => [operation, 'noopJob']),
    );
  });

  it.each([
    ['UNKNOWN_JOB', () => endpoint.post(`${ROOT}/exportJob/start`), { operation: 'start', jobName: 'exportJob' }],
    [
      'UNKNOWN_EXECUTION',
      () => endpoint.post(`${ROOT}/987654/abandon`),
      { operation: 'abandon', executionId: 987_654 },
    ],
    ['INVALID_PARAMETERS', () => endpoint.post(`${ROOT}/bulkImportJob/start`), { operation: 'start' }],
    ['INVALID_REQUEST', () => endpoint.post(`${ROOT}/1e9/stop?force=true`), { operation: 'force-stop' }],
  ])('tells who was refused: %s', async (outcome, ask, intent) => {
    const { body } = await ask();
    const [entry] = (await endpoint.get(`${ROOT}/audit?count=1`).expect(200)).body.entries;
    expect(entry).toMatchObject({ ...intent, outcome, message: body.detail, username: 'operator' });
  });

  it('keeps no more than the beginning of a long answer', async () => {
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, i]));
    await endpoint.post(`${ROOT}/noopJob/start`, body).expect(400);
    const [entry] = (await endpoint.get(`${ROOT}/audit?count=1`).expect(200)).body.entries;
    expect(entry.message).toHaveLength(1_000);
  });

  it('leaves nothing of what was only looked at', async () => {
    const newest = async () => (await endpoint.get(`${ROOT}/audit?count=1`).expect(200)).body.entries[0].id;
    const before = await newest();
    await endpoint.get(`${ROOT}/exportJob`).expect(404);
    await endpoint.get(`${ROOT}/noopJob`).expect(200);
    expect(await newest()).toBe(before);
  });
});
