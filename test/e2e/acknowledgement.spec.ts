import ioredis, { type Redis } from 'ioredis';
import type { Response } from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiDocument } from '../support/api-document.js';
import { Endpoint, ROOT } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { PrivateServer } from '../support/private-server.js';
import { problemIn } from '../support/problems.js';

const JOB = `${ROOT}/noopJob`;
const BODY = { jobParameters: { partitions: 1, chunks: 1 } };

let server: PrivateServer;
let redis: Redis;
let fleet: Fleet;
let endpoint: Endpoint;
let api: ApiDocument;
/** Whether this Redis can wait for its disk: 7.2 and later. */
let able: boolean;

beforeAll(async () => {
  server = await PrivateServer.start('redis');
  redis = new ioredis.Redis(server.url);
  able = ((await redis.call('COMMAND', 'INFO', 'WAITAOF')) as unknown[])[0] !== null;
  fleet = await Fleet.start({ redisUrl: server.url, env: { ACKNOWLEDGE_AFTER: 'disk' } });
  endpoint = Endpoint.of(fleet);
  api = await ApiDocument.of(fleet.url);
});

afterAll(async () => {
  redis?.disconnect();
  await fleet?.stop();
  await server?.close();
});

/** Runs something, and tells how often Redis was asked to wait for its disk meanwhile. */
async function waitsIn(work: () => Promise<unknown>): Promise<number> {
  await redis.config('RESETSTAT');
  await work();
  return Number(/cmdstat_waitaof:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
}

/** A job that has ended. */
async function ended(): Promise<number> {
  const id = await endpoint.start('noopJob', BODY.jobParameters);
  await endpoint.ended('noopJob', id);
  return id;
}

/** A job that runs for a minute unless it is stopped. */
const running = () => endpoint.start('noopJob', { partitions: 60, chunks: 10, busyMs: 100 });

async function stopped(): Promise<number> {
  const id = await running();
  await endpoint.forceStop(id);
  return id;
}

/** Every command, with what it is asked of. */
const COMMANDS: [command: string, of: () => Promise<number | void>, ask: (id: number) => Promise<unknown>][] = [
  ['start', async () => undefined, () => endpoint.post(`${JOB}/start`, BODY).expect(202)],
  ['stop', running, (id) => endpoint.stop(id)],
  ['force stop', running, (id) => endpoint.forceStop(id)],
  ['restart', stopped, (id) => endpoint.restart(id)],
  ['abandon', stopped, (id) => endpoint.post(`${ROOT}/${id}/abandon`).expect(200)],
  ['delete', ended, (id) => endpoint.delete(`${JOB}/${id}`).expect(200)],
];

/** Nothing is left running for the next test to wait for. */
afterEach(async () => {
  for (const { id, running: runs } of (await endpoint.list('noopJob')).flat()) if (runs) await endpoint.forceStop(id);
});

describe('is answered once it is on disk, where Redis can tell, and at once where not:', () => {
  it.each(COMMANDS)('a %s', async (_command, of, ask) => {
    const id = Number(await of());
    expect(await waitsIn(() => ask(id))).toBe(able ? 1 : 0);
  });

  it('but no question, and no refusal', async () => {
    const id = await ended();
    const ask = async () => {
      await endpoint.view('noopJob', id);
      await endpoint.post(`${ROOT}/${id}/stop`).expect(409);
    };
    expect(await waitsIn(ask)).toBe(0);
  });
});

describe('a Redis that does not come to sync', () => {
  it('has a command carried out, and the caller told what is known and that asking again is safe', async () => {
    await redis.config('SET', 'appendfsync', 'no');
    const start = () => endpoint.post(`${JOB}/start`, BODY).set('Idempotency-Key', 'slow-disk');
    const answer = await start();
    await redis.config('SET', 'appendfsync', 'everysec');
    const [{ id } = { id: 0 }] = (await endpoint.list('noopJob', '?count=1')).flat();
    const told = { id, code: 'NOT_KNOWN_ON_DISK', operation: 'start', retryAfter: '2' };
    expect(tellingOf(answer)).toEqual(able ? told : { id });
    expect(api.faultsOf(answer)).toEqual([]);
    const again = await start().expect(202);
    expect(again.body.jobExecutionId).toBe(id);
    expect(await endpoint.ended('noopJob', id)).toMatchObject({ status: 'COMPLETED' });
  });
});

/** A start's answer: which execution it began, and what is wrong, if anything is. */
function tellingOf(answer: Response): object {
  if (answer.status === 202) return { id: answer.body.jobExecutionId };
  const { code, operation, detail } = problemIn(answer);
  const id = Number(/carried out, as execution (\d+), but/.exec(detail)?.[1]);
  return { id, code, operation, retryAfter: answer.headers['retry-after'] };
}
