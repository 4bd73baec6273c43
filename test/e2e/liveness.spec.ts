import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import ioredis, { type Redis } from 'ioredis';
import { inject } from 'vitest';
import { queuePrefix } from '#queues';
import { key, keyRoot } from '#repository';
import { MODULE_ID } from '../../scripts/local/apps.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { until } from '../support/until.js';

/** What a death, or a loss, may cost: "work goes on by itself within 15 s of a lock's end". */
const PROMISE_MS = 15_000;
const HOUR_MS = 3_600_000;
const RETENTION_MS = 200;

/** Node's option that has a process believe that it is so much later. */
const aheadBy = (ms: number): string =>
  `--import=data:text/javascript,const${encodeURIComponent(` real=Date.now;Date.now=()=>real()+${ms};`)}`;

let fleet: Fleet;
let endpoint: Endpoint;
let redis: Redis;

beforeAll(async () => {
  fleet = await Fleet.start({
    env: { LOCK_DURATION_MS: '1000', STALLED_INTERVAL_MS: '300', SWEEP_INTERVAL_MS: '300' },
  });
  endpoint = Endpoint.of(fleet);
  redis = new ioredis.Redis(inject('redisUrl'));
});

afterAll(async () => {
  redis?.disconnect();
  await fleet?.stop();
});

async function lastSweepAge(): Promise<number | undefined> {
  const { body } = await endpoint.get('/health/ready').expect(200);
  return (body as { lastSweepAgeMs: Record<string, number> }).lastSweepAgeMs[MODULE_ID];
}

describe('queues that are lost while everybody is connected', () => {
  it.each(['executions', 'steps', 'partitions', ''])('are filled again from the state: %s', async (kind) => {
    const id = await endpoint.start('noopJob', { partitions: 200, busyMs: 10 });
    await endpoint.until('half of it', 'noopJob', id, ({ progress }) => progress.partitions.done > 50);
    const keys = await redis.keys(`${queuePrefix(fleet.settings.keyPrefix, MODULE_ID)}:${MODULE_ID}-${kind}*`);
    if (keys.length > 0) await redis.del(...keys);
    const { status } = await endpoint.ended('noopJob', id, PROMISE_MS + 10_000);
    expect(status).toBe('COMPLETED');
  });

  it('do not keep the sweeper from its work, which readiness tells', async () => {
    const root = keyRoot(fleet.settings.keyPrefix, MODULE_ID);
    const lost = await redis.keys(`${queuePrefix(fleet.settings.keyPrefix, MODULE_ID)}:*`);
    await redis.del(key(root, 'turns'), ...lost);
    const age = await until('a sweep', lastSweepAge, (ms) => ms !== undefined, PROMISE_MS);
    expect(age).toBeLessThan(PROMISE_MS);
  });
});

describe('jobs that are left behind by lists that are lost', () => {
  it('are replaced: they would never be delivered', async () => {
    const id = await endpoint.start('noopJob', { partitions: 200, busyMs: 10 });
    await endpoint.until('half of it', 'noopJob', id, ({ progress }) => progress.partitions.done > 50);
    const prefix = `${queuePrefix(fleet.settings.keyPrefix, MODULE_ID)}:${MODULE_ID}-partitions`;
    await redis.del(`${prefix}:wait`, `${prefix}:active`);
    expect((await endpoint.ended('noopJob', id, PROMISE_MS + 10_000)).status).toBe('COMPLETED');
  });
});

describe.each([
  ['an hour ahead', HOUR_MS],
  ['an hour behind', -HOUR_MS],
  ['91 days ahead', 91 * 24 * HOUR_MS],
])('a worker whose clock is %s', (_, skewMs) => {
  it('takes no work and says so; the others go on, and nothing waits for an hour', async () => {
    const wrong = await fleet.startWorker({ NODE_OPTIONS: aheadBy(skewMs) });
    expect(wrong.lines.some((line) => line.includes('takes no work'))).toBe(true);
    const { status, endTime } = await endpoint.run('noopJob', { partitions: 20 });
    expect(status).toBe('COMPLETED');
    expect(Math.abs(Date.parse(endTime!) - Date.now())).toBeLessThan(60_000);
    await fleet.kill(wrong, 'SIGTERM');
  });
});

describe('a worker whose clock is 91 days ahead, and that alone looks after retention', () => {
  it('deletes nothing of the history', async () => {
    await endpoint.run('noopJob');
    const before = await endpoint.list('noopJob');
    await fleet.kill(fleet.workers[0]!, 'SIGTERM');
    const turn = key(keyRoot(fleet.settings.keyPrefix, MODULE_ID), 'turn', 'retention');
    await redis.del(turn);
    const wrong = await fleet.startWorker({
      NODE_OPTIONS: aheadBy(91 * 24 * HOUR_MS),
      RETENTION_INTERVAL_MS: String(RETENTION_MS),
    });
    // A turn is taken only when the one before is over.
    let turns = 0;
    await until(
      'two turns of retention',
      async () => (turns += await redis.del(turn)),
      (count) => count >= 2,
    );
    expect(await endpoint.list('noopJob')).toEqual(before);
    await fleet.kill(wrong, 'SIGTERM');
    await fleet.startWorker();
  });
});

describe('work that a wrong clock has delayed', () => {
  it('is delivered by the next sweep', async () => {
    await fleet.kill(fleet.workers.at(-1)!, 'SIGTERM');
    const id = await endpoint.start('noopJob', { partitions: 1 });
    const prefix = `${queuePrefix(fleet.settings.keyPrefix, MODULE_ID)}:${MODULE_ID}-executions`;
    // As BullMQ stores a delayed job: scored by its time.
    const jobId = await redis.rpop(`${prefix}:wait`);
    await redis.zadd(`${prefix}:delayed`, (Date.now() + HOUR_MS) * 0x1000, jobId!);
    await fleet.startWorker();
    expect((await endpoint.ended('noopJob', id, PROMISE_MS)).status).toBe('COMPLETED');
  });
});
