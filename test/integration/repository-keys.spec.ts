import { BATCH_STATUSES } from '#domain';
import { queueName, queuePrefix, QUEUE_KINDS } from '#queues';
import { KEYS, RedisAuditLog, RedisFleetPresence } from '#repository';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLOSE,
  countsWith,
  LEASE_MS,
  LOAD,
  LONG_AGO,
  MODULE,
  NO_STEPS,
  partitionRef,
  partitionsOf,
  stepRef,
  TestRepository,
} from '../support/repository.js';

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

const HASHES = ['execution:?', 'execution:?:step:?', 'execution:?:step:?:?', 'instance:?', 'tally', 'idempotency:?'];

let repository: TestRepository;
let keys: string[];

const EVERY_COUNT = { readCount: 4, writeCount: 1, filterCount: 1, skipCount: 1, commitCount: 1, rollbackCount: 1 };

/** A running execution with every field of its hashes. */
async function running(): Promise<void> {
  const { store } = repository;
  const idempotency = { key: 'k', fingerprint: 'f' };
  const lease = await repository.lease(await repository.launch({ identity: 'i', idempotency, requestId: 'r-1' }));
  await store.beginExecution(lease);
  await repository.begin(lease, LOAD, partitionsOf(4), 2);
  await repository.run(partitionRef(lease, 0), countsWith(EVERY_COUNT));
  await repository.run(partitionRef(lease, 1), undefined, 'FAILED');
  const ref = partitionRef(lease, 2);
  await store.progress(ref, await repository.claim(ref), countsWith(EVERY_COUNT), { position: 1, skipLimit: 9 });
  await repository.claim(ref);
  await store.beginStep(lease, CLOSE.name);
  await store.setResult(stepRef(lease, CLOSE.name), await repository.work(lease, CLOSE), 'total', 1);
  await store.acquire(lease, 'nudger#1', LEASE_MS);
  await store.noteHandedBack(lease, 'this worker does not have the job');
}

/** Executions that have ended in every way. */
async function ended(): Promise<void> {
  const { store } = repository;
  for (const status of BATCH_STATUSES) await repository.inStatus(status);
  await repository.restart(await repository.inStatus('FAILED'));
  await store.forget((await repository.inStatus('COMPLETED')).id, 100);
  const lease = await repository.started();
  await store.beginStep(lease, 'close');
  const fence = await repository.work(lease, CLOSE);
  await store.finishStep(stepRef(lease, 'close'), fence, { status: 'COMPLETED', exitCode: 'NOOP' });
  await store.forceStop(lease, 'ann');
  const failing = await repository.started();
  await store.beginStep(failing, 'close');
  const failure = { stepName: 'close', message: 'broken' };
  await store.endStep(failing, 'close', { status: 'FAILED', exitCode: 'FAILED', failure });
  const sealed = async (mark: number) =>
    store.endExecution(
      await repository.started({ definition: NO_STEPS }),
      { status: 'COMPLETED', exitCode: 'COMPLETED' },
      [{ ledger: 'postgres', database: 'a', mark }],
    );
  await sealed(1);
  await sealed(2);
  await store.databaseWentBack('postgres', { database: 'a', mark: 1 });
}

/** Leaves at least one key of every kind, and every field at least once. */
async function everything(): Promise<void> {
  await running();
  await ended();
  const again = await repository.loading(1);
  await repository.run(partitionRef(again, 0));
  await repository.store.reopen(again, 'load', [[0, 0]]);
  const half = await repository.loading(2);
  await repository.run(partitionRef(half, 0));
  await repository.store.forceStop(half, 'ann');
  const restarted = await repository.lease(await repository.restart(half));
  await repository.store.reopen(restarted, 'load', [[0, 0]]);
  await repository.store.takeTurn('sweep', 60_000);
  await new RedisFleetPresence(repository.redis, repository.prefix, MODULE).beat({ id: 'host:1:ab', version: '0.1.0' });
  // Written only where Redis has WAITAOF.
  await repository.redis.set(repository.key('barrier'), '');
  await new RedisAuditLog(repository.redis, repository.prefix, MODULE).append({
    time: LONG_AGO,
    username: 'ann',
    remoteAddress: '127.0.0.1',
    operation: 'force-stop',
    jobName: 'anyJob',
    executionId: 1,
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
    expect([...templates].toSorted()).toEqual(['execution:?:lease', 'execution:?:nudge', 'idempotency:?', 'turn:?']);
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
    for (const ref of await store.silentFor(0, 1_000)) await store.forceStop(ref, 'ann');
    const all = Object.values(await redis.hgetall(repository.key('uuids')));
    for (const id of all) await store.forget(Number(id) as never, 1_000, true);
    for (const execution of await store.forgottenFor(0, 1_000)) await store.purged(execution);
    const left = (await repository.keys()).map((key) => entryOf(key.slice(repository.root.length))?.template);
    expect([...new Set(left)].toSorted()).toEqual([
      'audit',
      'barrier',
      'databases',
      'events',
      'idempotency:?',
      'last-id:execution',
      'last-id:instance',
      'tally',
      'turn:?',
      'turns',
      'workers',
    ]);
  });
});
