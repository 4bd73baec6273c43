import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start();
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

type Line = Record<string, unknown> & { executionId: number; status: string };

/** The lines of the lifecycle log that processes have written of an execution, without what differs from run to run. */
const linesOf = (processes: readonly { lines: readonly string[] }[], id: number): Line[] =>
  processes
    .flatMap(({ lines }) => lines)
    .filter((line) => /"msg":"(Execution|Step)"/.test(line))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ executionId }) => executionId === id);

const short = ({ msg, step, from, status, requestId }: Line): string =>
  [msg, step ?? '', from ?? '-', status, requestId].join(' ');

const keysOf = (line: string) => [...line.matchAll(/[{,]"(\w+)":/g)].map(([, key]) => key);

describe('the lifecycle log', () => {
  it('has a line for each transition, by the process that wrote it, with the id of the request', async () => {
    const started = await request(fleet.url)
      .post(`${ROOT}/noopJob/start`)
      .set('Authorization', fleet.authorization)
      .set('X-Request-Id', 'nightly-7')
      .expect(202)
      .expect('X-Request-Id', 'nightly-7');
    const id = started.body.jobExecutionId as number;
    const { executionUUID } = await endpoint.ended('noopJob', id);
    const [worker] = fleet.workers;
    await worker!.line((line) => line.includes('"msg":"Execution"') && line.includes('"status":"COMPLETED"'), 10_000);
    expect(linesOf([fleet.gateway], id).map(short)).toEqual(['Execution  - STARTING nightly-7']);
    const lines = linesOf([worker!], id);
    expect(lines.map(short)).toEqual([
      'Execution  STARTING STARTED nightly-7',
      'Step noopStep - STARTED nightly-7',
      'Step noopStep STARTED COMPLETED nightly-7',
      'Execution  STARTED COMPLETED nightly-7',
    ]);
    expect(lines.at(-1)).toMatchObject({
      module: 'persistence',
      executionUUID,
      job: 'noopJob',
      exitCode: 'COMPLETED',
      durationMs: expect.any(Number),
      commitCount: expect.any(Number),
    });
  });

  it('of a stop has the id of the request that stopped it, our own where none was given', async () => {
    const id = await endpoint.start('noopJob', { partitions: 500, busyMs: 10 });
    const { headers } = await endpoint.post(`${ROOT}/${id}/stop?force=true`).expect(200);
    expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-\d+$/);
    expect(linesOf([fleet.gateway], id).at(-1)).toMatchObject({
      status: 'STOPPED',
      requestId: headers['x-request-id'],
    });
  });

  it('has no key twice in a line', () => {
    const transitions = [fleet.gateway, ...fleet.workers]
      .flatMap(({ lines }) => lines)
      .filter((line) => /"msg":"(Execution|Step)"/.test(line));
    expect(transitions.length).toBeGreaterThan(5);
    expect(transitions.filter((line) => new Set(keysOf(line)).size < keysOf(line).length)).toEqual([]);
  });
});

const idOf = async (path: string, name: string, value: string) =>
  (await request(fleet.url).get(path).set(name, value)).headers['x-request-id'] as string;

describe('refusals', () => {
  it('are answered with the id of the request, too', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    expect(await idOf(ROOT, 'traceparent', `00-${trace}-00f067aa0ba902b7-01`)).toBe(trace);
    expect(await idOf('/nowhere', 'X-Request-Id', 'x y')).toMatch(/^[0-9a-f]{8}-\d+$/);
  });
});
