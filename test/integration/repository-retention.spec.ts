import { BATCH_STATUSES, isRunning } from '#domain';
import type { AuditEntry } from '#engine';
import { RedisAuditLog } from '#repository';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LONG_AGO, MODULE, NOBODY, partitionRef, TestRepository } from '../support/repository.js';

const HOUR_MS = 3_600_000;

let repository: TestRepository;
let at: TestRepository['store'];

beforeAll(() => {
  repository = new TestRepository();
  at = repository.store;
});

afterAll(() => repository.close());

/** Keys of what has been stored under a root. */
const stored = async () => Object.keys(await repository.snapshot());

describe('forget', () => {
  it.each(BATCH_STATUSES)('of an execution that is %s', async (status) => {
    const ref = await repository.inStatus(status, { jobName: `${status}Job` });
    const { id } = ref;
    await at.settled(ref, []);
    const expected = isRunning(status) ? 'running' : 'done';
    expect(await at.forget(id, 100)).toBe(expected);
    expect((await at.findExecution(id)) === undefined).toBe(expected === 'done');
    expect(await at.forget(id, 100)).toBe(isRunning(status) ? 'running' : 'gone');
  });

  it('leaves nothing of an instance whose last execution goes', async () => {
    const before = await stored();
    const lease = await repository.loading(20, 3);
    for (let p = 0; p < 20; p++) await repository.run(partitionRef(lease, p));
    await at.forceStop(lease, 'ann');
    const answers = [];
    expect(await at.forget(lease.id, 8)).toBe('unsettled');
    do answers.push(await at.forget(lease.id, 8, true));
    while (answers.at(-1) === 'more');
    expect(answers).toEqual(['more', 'more', 'done']);
    const forgotten = { uuid: lease.uuid, instanceUuid: lease.uuid, instanceGone: true };
    expect(await at.forgottenFor(0, 1_000)).toContainEqual(forgotten);
    expect(await at.forgottenFor(60_000, 1_000)).toEqual([]);
    await at.purged(forgotten);
    expect(await at.forgottenFor(0, 1_000)).not.toContainEqual(forgotten);
    expect((await stored()).filter((name) => name !== 'forgotten')).toEqual(
      before.filter((name) => name !== 'forgotten'),
    );
  });

  it('of one execution leaves its instance to the others', async () => {
    const first = await repository.inStatus('FAILED', { identity: 'kept' });
    const second = await repository.restart(first);
    const { instanceId } = (await at.findExecution(second.id))!;
    expect(await at.forget(first.id, 100, true)).toBe('done');
    expect(await at.findLatest(instanceId)).toMatchObject({ id: second.id, instanceUuid: first.uuid });
    expect(await at.findByIdentity('anyJob', 'kept')).toMatchObject({ id: second.id });
    await at.forceStop(second, 'ann');
    expect(await at.forget(second.id, 100, true)).toBe('done');
    expect(await at.forgottenFor(0, 1_000)).toEqual(
      expect.arrayContaining([
        { uuid: first.uuid, instanceUuid: first.uuid, instanceGone: false },
        { uuid: second.uuid, instanceUuid: first.uuid, instanceGone: true },
      ]),
    );
    expect(await at.findByIdentity('anyJob', 'kept')).toBeUndefined();
    expect(await repository.launch({ identity: 'kept' })).toBeDefined();
  });

  it('of nothing tells so', async () => {
    expect(await at.forget(NOBODY.id, 100)).toBe('gone');
  });
});

describe('expired', () => {
  it('tells what is too old and what is too many of a status, oldest first', async () => {
    const mine = new TestRepository();
    try {
      const ids = [];
      for (let i = 0; i < 5; i++) {
        const ref = await mine.launch();
        await mine.store.forceStop(ref, 'ann');
        await mine.redis.zadd(mine.key('ended', 'STOPPED'), LONG_AGO + i * HOUR_MS, ref.id);
        ids.push(ref.id);
      }
      await mine.inStatus('FAILED');
      await mine.launch();
      const expired = (ageMs: number, keep: number, limit = 100) => mine.store.expired('STOPPED', ageMs, keep, limit);
      const now = await mine.time();
      /** Half an hour before the end of the execution with this index. */
      const since = (index: number) => now - LONG_AGO - (index - 0.5) * HOUR_MS;
      expect(await expired(since(2), Infinity)).toEqual(ids.slice(0, 2));
      expect(await expired(Infinity, 1)).toEqual(ids.slice(0, 4));
      expect(await expired(since(2), 1)).toEqual(ids.slice(0, 4));
      expect(await expired(since(4), 4)).toEqual(ids.slice(0, 4));
      expect(await expired(since(9), Infinity, 3)).toEqual(ids.slice(0, 3));
      expect(await expired(Infinity, Infinity)).toEqual([]);
      expect(await expired(Infinity, 0, 2)).toEqual(ids.slice(0, 2));
      // Another worker's run deletes the same meanwhile.
      const [tooMany] = await Promise.all([expired(Infinity, 4), mine.store.forget(ids[0]!, 100, true)]);
      expect(tooMany).toEqual(ids.slice(0, 1));
      expect(await expired(Infinity, 4)).toEqual([]);
    } finally {
      await mine.close();
    }
  });
});

describe('the audit', () => {
  it('is read newest first, page by page', async () => {
    const audit = new RedisAuditLog(repository.redis, repository.prefix, MODULE);
    const entries = Array.from({ length: 5 }, (_, i): AuditEntry => ({
      time: LONG_AGO + i,
      username: 'ann "é"',
      remoteAddress: '::1',
      operation: 'start',
      jobName: 'anyJob',
      executionId: i,
      outcome: 'OK',
      message: `Started ${i}`,
    }));
    for (const entry of entries) await audit.append(entry);
    const first = await audit.read(undefined, 2);
    const second = await audit.read(first.at(-1)!.id, 2);
    const third = await audit.read(second.at(-1)!.id, 2);
    expect([...first, ...second, ...third]).toEqual(
      entries.toReversed().map((entry) => ({ ...entry, id: expect.any(String) })),
    );
    expect(await audit.read(third.at(-1)!.id, 2)).toEqual([]);
  });

  it('keeps about so many, the newest', async () => {
    const most = 200;
    const audit = new RedisAuditLog(repository.redis, repository.prefix, 'bounded', most);
    const entry = { time: LONG_AGO, username: 'ann', remoteAddress: '::1', operation: 'stop', outcome: 'OK' } as const;
    const append = (i: number) => audit.append({ ...entry, jobName: 'anyJob', executionId: i, message: `Stop ${i}` });
    await Promise.all(Array.from({ length: 1_500 }, (_, i) => append(i)));
    const kept = (await audit.read(undefined, 1_000)).map(({ executionId }) => executionId);
    expect(kept.length).toBeGreaterThanOrEqual(most);
    expect(kept.length).toBeLessThanOrEqual(2 * most);
    expect(kept).toEqual(kept.map((_, i) => 1_499 - i));
  });
});
