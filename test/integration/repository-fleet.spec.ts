import { RedisFleetPresence, RedisFleetReader } from '#repository';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { LOAD, MODULE, NO_STEPS, partitionRef, partitionsOf, TestRepository } from '../support/repository.js';

let repository: TestRepository;

beforeEach(() => {
  repository = new TestRepository();
});

afterEach(() => repository.close());

const load = () => new RedisFleetReader(repository.redis, repository.prefix, MODULE).load();

/**
 * Commands that Redis has carried out on the test's keys on behalf of a call, those inside scripts too, by name. By a socket of
 * its own: ioredis takes lines that arrive at once with the answer to MONITOR for an error.
 */
async function commandsOf(call: () => Promise<unknown>): Promise<string[]> {
  const { hostname, port, username, password } = new URL(inject('redisUrl'));
  const socket = connect(Number(port || 6379), hostname);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string;
  const login = [username || 'default', decodeURIComponent(password)].join(' ');
  if (password) socket.write(`AUTH ${login}\r\n`);
  socket.write('MONITOR\r\n');
  for (let answers = password ? 2 : 1; answers > 0; answers -= 1) expect(await next()).toBe('+OK');
  await call();
  await repository.redis.get(`${repository.prefix}:marker`);
  const seen: string[] = [];
  for (let line = await next(); !line.includes(`${repository.prefix}:marker`); line = await next()) {
    if (line.includes(repository.root)) seen.push(/"(\w+)"/.exec(line)![1]!.toLowerCase());
  }
  socket.destroy();
  return seen;
}

describe('the load of a module', () => {
  it('is nothing where nothing was started', async () => {
    expect(await load()).toEqual({ jobs: [], workers: [], lastSweepMs: undefined, unsettled: 0, isPartial: false });
  });

  it('has the partitions that remain, and those of them that may run, which the window bounds', async () => {
    const lease = await repository.loading(20, 4);
    await repository.run(partitionRef(lease, 0));
    await repository.run(partitionRef(lease, 1), undefined, 'FAILED');
    const other = await repository.started({ jobName: 'other' });
    await repository.begin(other, LOAD, partitionsOf(2), 4);
    const { jobs } = await load();
    expect(jobs.map((job) => [job.job, job.running, job.partitionsRemaining, job.partitionsRunnable])).toEqual([
      ['anyJob', 1, 18, 4],
      ['other', 1, 2, 2],
    ]);
  });

  it('has the ages of what makes no progress and of what does not begin', async () => {
    const ref = await repository.launch();
    const created = (await repository.store.findExecution(ref.id))!.createTime;
    await repository.redis.zadd(repository.key('running'), (await repository.time()) - 60_000, ref.id);
    await repository.redis.hset(repository.key('execution', ref.id), 'createTime', created - 90_000);
    const [job] = (await load()).jobs;
    expect(job!.oldestProgressMs).toBeGreaterThanOrEqual(60_000);
    expect(job!.oldestProgressMs).toBeLessThan(90_000);
    expect(job!.oldestStartingMs).toBeGreaterThanOrEqual(90_000);
    const begun = await repository.lease(ref);
    await repository.store.beginExecution(begun);
    expect((await load()).jobs[0]).toMatchObject({ oldestStartingMs: undefined, running: 1 });
  });

  it('counts executions by status, and every end, also of those that are deleted', async () => {
    const ref = await repository.inStatus('COMPLETED');
    await repository.inStatus('FAILED');
    await repository.inStatus('ABANDONED');
    await repository.inStatus('STOPPING');
    await repository.store.forget(ref.id, 100);
    const { jobs, unsettled } = await load();
    expect(jobs[0]!.executions).toEqual({ STOPPING: 1, FAILED: 1, ABANDONED: 1 });
    expect(jobs[0]).toMatchObject({
      ended: { COMPLETED: 1, FAILED: 2, ABANDONED: 1 },
    });
    expect(unsettled).toBe(2);
  });

  it('has the living workers: not those that have left, or were silent for 15 s', async () => {
    const presence = new RedisFleetPresence(repository.redis, repository.prefix, MODULE);
    const reader = new RedisFleetReader(repository.redis, repository.prefix, MODULE);
    const [alive, silent, left, forgotten] = ['a', 'b', 'c', 'd'].map((id) => ({ id, version: '1.2.3' }));
    expect(await reader.hasWorkers()).toBe(false);
    for (const worker of [silent!, left!, forgotten!]) await presence.beat(worker);
    await presence.leave(left!);
    const ago = async (ms: number) => (await repository.time()) - ms;
    await repository.redis.zadd(repository.key('workers'), await ago(16_000), '1.2.3,b', await ago(61_000), '1.2.3,d');
    expect(await reader.hasWorkers()).toBe(false);
    await presence.beat(alive!);
    expect((await load()).workers).toEqual([alive]);
    expect(await reader.hasWorkers()).toBe(true);
    expect(await repository.redis.zcard(repository.key('workers'))).toBe(2);
  });

  it('has how long ago the sweeper has looked', async () => {
    await repository.store.takeTurn('sweep', 5_000);
    await repository.store.takeTurn('retention', 5_000);
    await repository.redis.hset(repository.key('turns'), 'sweep', (await repository.time()) - 30_000);
    const { lastSweepMs } = await load();
    expect(lastSweepMs).toBeGreaterThanOrEqual(30_000);
    expect(lastSweepMs).toBeLessThan(60_000);
  });

  it('costs the same few commands after 2,000 executions', async () => {
    await repository.inStatus('COMPLETED');
    await load();
    const before = await commandsOf(load);
    const end = { status: 'COMPLETED', exitCode: 'COMPLETED' } as const;
    const one = async () => repository.store.endExecution(await repository.started({ definition: NO_STEPS }), end);
    for (let batch = 0; batch < 20; batch += 1) await Promise.all(Array.from({ length: 100 }, one));
    expect(await commandsOf(load)).toEqual(before);
    expect(before.length).toBeGreaterThan(3);
    expect((await load()).jobs[0]!.ended.COMPLETED).toBe(2_001);
  });
});
