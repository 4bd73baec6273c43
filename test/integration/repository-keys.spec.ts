import { BATCH_STATUSES } from '#domain';
import { queueName, queuePrefix, QUEUE_KINDS } from '#queues';
import { KEYS, RedisAuditLog } from '#repository';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countsWith, LEASE_MS, MODULE, NOW, partitionRef, TestRepository } from '../support/repository.js';

const PAGE = readFileSync(new URL('../../docs/redis-keys.md', import.meta.url), 'utf8');

/** Cells of each row of the table that follows a heading. */
function tableUnder(heading: string): string[][] {
  const section = PAGE.split(/^##+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codesIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** What fits a template, where `wildcard` stands for anything without a colon. */
const patternOf = (template: string, wildcard: string): RegExp =>
  new RegExp(`^${template.split(wildcard).map(escaped).join('[^:]+')}$`);

const documented = tableUnder('Keys').map(([key, , type]) => {
  const [template = ''] = codesIn(key);
  return { template, type, pattern: patternOf(template, '?') };
});

/** The row of a key, given without the root. */
const entryOf = (key: string) => documented.find(({ pattern }) => pattern.test(key));

const HASHES = ['execution:?', 'execution:?:step:?', 'instance:?', 'idempotency:?'];

let repository: TestRepository;
let keys: string[];

/** Leaves at least one key of every kind, and every field at least once. */
async function everything(): Promise<void> {
  const { store, redis } = repository;
  const idempotency = { key: 'k', fingerprint: 'f' };
  const lease = await repository.lease(await repository.launch({ identity: 'i', idempotency }));
  await store.beginExecution(lease, NOW);
  await store.beginStep(lease, 0, 'load', NOW);
  await repository.plan(
    lease,
    [0, 1, 2, 3].map((i) => ({ label: `Rows ${i}`, rows: 1, data: i })),
  );
  await store.dispatch(lease, 0, 2);
  const every = { readCount: 4, writeCount: 1, filterCount: 1, skipCount: 1, commitCount: 1, rollbackCount: 1 };
  await repository.run(partitionRef(lease, 0), countsWith(every));
  await repository.run(partitionRef(lease, 1), undefined, 'FAILED');
  const ref = partitionRef(lease, 2);
  await store.progress(ref, await repository.claim(ref), countsWith(every), NOW, { position: 1, skipLimit: 9 });
  await repository.claim(ref);
  await store.acquire(lease, 'nudger#1', LEASE_MS);
  await store.setResult(lease, 'total', 1);
  for (const status of BATCH_STATUSES) await repository.inStatus(status);
  await store.forget((await repository.inStatus('COMPLETED')).id, 100);
  const ended = await repository.lease(await repository.launch());
  await store.beginExecution(ended, NOW);
  await store.beginStep(ended, 0, 'close', NOW);
  await store.endStep(ended, 0, { status: 'COMPLETED', exitCode: 'NOOP' }, NOW);
  await store.forceStop(ended, NOW, 'ann');
  // Written only where Redis has WAITAOF.
  await redis.set(repository.key('barrier'), '');
  await new RedisAuditLog(redis, repository.prefix, MODULE).append({
    time: NOW,
    username: 'ann',
    remoteAddress: '127.0.0.1',
    operation: 'force-stop',
    jobName: 'anyJob',
    executionId: ended.id,
    outcome: 'OK',
    message: 'Batch Job 1 force-stopped.',
  });
}

beforeAll(async () => {
  repository = new TestRepository();
  await everything();
  keys = await repository.keys();
});

afterAll(() => repository.close());

describe('docs/redis-keys.md', () => {
  it('lists exactly the keys there are', () => {
    expect(documented.map(({ template }) => template).toSorted()).toEqual(Object.values(KEYS).toSorted());
  });

  it('tells the type of each key', async () => {
    const types = await Promise.all(
      keys.map(async (key) => {
        const template = entryOf(key.slice(repository.root.length))?.template;
        return `${template}: ${await repository.redis.type(key)}`;
      }),
    );
    const expected = documented.map(({ template, type }) => `${template}: ${type}`);
    expect([...new Set(types)].toSorted()).toEqual(expected.toSorted());
  });

  it.each(HASHES)('tells the fields of %s', async (template) => {
    const fields = tableUnder(`\`${template}\``).flatMap(([cell]) => codesIn(cell));
    const hashes = keys.filter((key) => entryOf(key.slice(repository.root.length))?.template === template);
    const held = new Set((await Promise.all(hashes.map((key) => repository.redis.hkeys(key)))).flat());
    const patterns = fields.map((field) => patternOf(field, '*'));
    expect(hashes.length).toBeGreaterThan(0);
    expect([...held].filter((field) => !patterns.some((pattern) => pattern.test(field)))).toEqual([]);
    expect(fields.filter((_, i) => ![...held].some((field) => patterns[i]!.test(field)))).toEqual([]);
  });

  it('tells which keys go by themselves', async () => {
    const ttls = await Promise.all(keys.map((key) => repository.redis.ttl(key)));
    const volatile = keys.filter((_, i) => ttls[i] !== -1).map((key) => entryOf(key.slice(repository.root.length)));
    const templates = new Set(volatile.map((entry) => entry?.template));
    expect([...templates].toSorted()).toEqual(['execution:?:lease', 'execution:?:nudge', 'idempotency:?']);
  });

  it('tells where the queues are', () => {
    expect(queuePrefix(repository.prefix, MODULE)).toBe(`${repository.root}queue`);
    for (const kind of QUEUE_KINDS) expect(PAGE).toContain(queueName('<module id>', kind));
  });
});

describe('every key', () => {
  it("carries the module's hash tag", () => {
    const tags = keys.map((key) => /\{(.*?)\}/.exec(key)?.[1]);
    expect(new Set(tags)).toEqual(new Set([MODULE]));
    expect(keys.filter((key) => !key.startsWith(repository.root))).toEqual([]);
  });

  it('of an execution goes when it is forgotten, and those of its instance with the last one', async () => {
    const { store, redis } = repository;
    for (const ref of await store.silentFor(0, 1_000)) await store.forceStop(ref, NOW, 'ann');
    const all = Object.values(await redis.hgetall(repository.key('uuids')));
    for (const id of all) await store.forget(Number(id) as never, 1_000, true);
    for (const execution of await store.forgottenFor(0, 1_000)) await store.purged(execution);
    const left = (await repository.keys()).map((key) => entryOf(key.slice(repository.root.length))?.template);
    expect([...new Set(left)].toSorted()).toEqual([
      'audit',
      'barrier',
      'idempotency:?',
      'last-id:execution',
      'last-id:instance',
    ]);
  });
});
