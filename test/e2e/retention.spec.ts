import { key, keyRoot } from '#repository';
import ioredis, { type Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { MODULE_ID } from '../../scripts/local/apps.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { ndjson, numbered, writeSource } from '../support/resources.js';
import { until } from '../support/until.js';

const KEPT = 4;
const A_ROUND = 12;
const ROUNDS = 6;
/** What the numbers of executions, which grow by a digit, and the rounding of allocations may add. */
const SLACK = 1.05;

let fleet: Fleet;
let endpoint: Endpoint;
let redis: Redis;

beforeAll(async () => {
  fleet = await Fleet.start({
    env: { RETENTION: `{"COMPLETED": {"count": ${KEPT}}}`, RETENTION_INTERVAL_MS: '100' },
  });
  endpoint = Endpoint.of(fleet);
  redis = new ioredis.Redis(inject('redisUrl'));
  writeSource(fleet.importDirectory, 'few.ndjson', ndjson(numbered('few', 20)));
});

afterAll(async () => {
  redis?.disconnect();
  await fleet?.stop();
});

/** The module's lasting keys: how many, and how many bytes they take. Streams have bounds of their own, and retention's queue works meanwhile. */
async function held(): Promise<{ keys: number; bytes: number }> {
  const keys: string[] = [];
  const match = `${keyRoot(fleet.settings.keyPrefix, MODULE_ID)}*`;
  for await (const page of redis.scanStream({ match, count: 1_000 })) {
    for (const name of page as string[]) if (await isLasting(name)) keys.push(name);
  }
  const bytes = await Promise.all(keys.map((name) => redis.memory('USAGE', name)));
  return { keys: keys.length, bytes: bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0) };
}

const isLasting = async (name: string): Promise<boolean> =>
  (await redis.type(name)) !== 'stream' && (await redis.pttl(name)) === -1;

const rowsIn = async (table: string): Promise<number> =>
  Number((await fleet.database.query(`SELECT count(*) AS rows FROM ${table}`))[0]?.['rows']);

/** Runs a round of imports, and waits until only those that are to be kept are listed. */
async function soak(): Promise<void> {
  for (let i = 0; i < A_ROUND; i++) {
    await endpoint.run('bulkImportJob', { source: 'few.ndjson', rowsPerPartition: 10 });
  }
  await until(
    'old executions are gone',
    async () => (await endpoint.list('bulkImportJob', '')).length,
    (left) => left === KEPT,
  );
}

/** The database forgets some seconds later, and Redis then what was to be forgotten. */
const purged = () =>
  until(
    'the database has forgotten them',
    async () => [
      await rowsIn('execution_gate'),
      await redis.zcard(key(keyRoot(fleet.settings.keyPrefix, MODULE_ID), 'forgotten')),
    ],
    ([gates, forgotten]) => gates === KEPT && forgotten === 0,
  );

describe('retention', () => {
  it('keeps Redis and the book-keeping tables as small as they were, however many executions run', async () => {
    await soak();
    await purged();
    const first = await held();
    const checkpoints = await rowsIn('partition_checkpoint');
    for (let round = 1; round < ROUNDS; round++) await soak();
    await purged();
    const last = await held();
    expect(last.keys).toBe(first.keys);
    expect(last.bytes).toBeLessThanOrEqual(first.bytes * SLACK);
    expect(await rowsIn('partition_checkpoint')).toBe(checkpoints);
    expect(await rowsIn('resource')).toBe(20);
  });
});
