import { describe, expect, it } from 'vitest';
import { chunkStep, defineJob, tasklet, type Step } from '#job-kit';
import { z } from 'zod';
import { runJob } from './testing/memory-engine.js';
import { MemoryDatabase } from './testing/memory-database.js';

interface Item {
  n: number;
}

const database = new MemoryDatabase();

/** A chunk step of two partitions with three items each, but for the changes. */
const load = (changes: object): Step<object> =>
  chunkStep<object, Item, Item>({
    name: 'load',
    plan: () => [
      { label: 'A', rows: 3, data: null },
      { label: 'B', rows: 3, data: null },
    ],
    commitInterval: () => 10,
    read: async (_: unknown, position: unknown) => ({
      read: async () =>
        position ? undefined : ((position = true), { items: [{ n: 1 }, { n: 2 }, { n: 3 }], position: 1 }),
      close: async () => {},
    }),
    process: (item: Item) => item,
    sink: database.sink<Item>(),
    ...changes,
  });

const close = (run: (context: { setResult(name: string, value: never): void }) => unknown): Step<object> =>
  tasklet<object>({ name: 'close', run: async (context) => (await run(context)) as string | void });

const failureOf = async (step: Step<object>): Promise<string | undefined> => {
  const job = defineJob({ name: 'anyJob', parameters: z.strictObject({}), steps: [step] });
  const { execution } = await runJob(job, {}, { database });
  expect(execution.status).toBe('FAILED');
  expect(execution.counts.writeCount).toBe(0);
  return execution.exitDescription;
};

const reader = (chunk: unknown) => ({ read: async () => ({ read: async () => chunk, close: async () => {} }) });

const refusingWrite = async (): Promise<never> => {
  throw new Error('409 Conflict');
};

class Failing extends Error {}

describe("what a job's code does wrong fails its step at once, with a message that names step and value", () => {
  it.each<[string, object, string]>([
    [
      'process rejects',
      {
        process: async () => {
          throw new Error('no such code');
        },
      },
      'load:A: no such code',
    ],
    ['process returns nothing', { process: () => undefined }, 'load:A: process of load returned undefined.'],
    [
      'process returns a rejected promise',
      { process: () => Promise.reject(new Error('not today')) },
      'load:A: not today',
    ],
    ['process resolves to nothing', { process: async () => {} }, 'load:A: process of load returned undefined.'],
    [
      'process throws an error without a message',
      {
        process: () => {
          throw new Failing();
        },
      },
      'load:A: Error without a message',
    ],
    [
      'a commitInterval is NaN',
      { commitInterval: () => NaN },
      'load:A: The commitInterval of load must be a whole number of at least 1, not NaN.',
    ],
    [
      'a skipLimit is NaN',
      { skipLimit: () => NaN },
      'load:A: The skipLimit of load must be a whole number of at least 0, not NaN.',
    ],
    [
      'a reader returns too much',
      { commitInterval: () => 1 },
      'load:A: The reader of load returned 3 items, and was asked for at most 1.',
    ],
    ['a reader returns null', reader(null), 'load:A: The reader of load returned null.'],
    ['a reader returns a list', reader([1]), 'load:A: The reader of load returned [1].'],
    [
      'a position cannot be stored',
      reader({ items: [], position: { at: 1n } }),
      'load:A: The position that the reader of load returned cannot be stored: .at is 1n, a BigInt.',
    ],
    ['read opens nothing', { read: async () => undefined }, 'load:A: '],
    [
      'a plan has a label twice',
      { plan: () => [1, 2].map(() => ({ label: 'A', rows: 1, data: null })) },
      'load: The plan of load has two partitions labelled "A".',
    ],
    [
      'a plan yields nothing that can be stored',
      { plan: () => [{ label: 'A', rows: 1, data: { f: () => 1 } }] },
      'load: The data of partition "A" of load cannot be stored: .f is a function.',
    ],
    ['a plan is undefined', { plan: () => undefined }, 'load: '],
    [
      'a plan throws half-way',
      {
        plan: function* () {
          yield { label: 'A', rows: 1, data: null };
          throw new Error('no such directory');
        },
      },
      'load: no such directory',
    ],
  ])('%s', async (_, changes, message) => {
    const description = await failureOf(load(changes));
    expect(description?.slice(0, message.length)).toBe(message);
    expect(description!.length).toBeGreaterThan(message.length > 8 ? 0 : 20);
  });

  it.each<[string, (context: { setResult(name: string, value: never): void }) => unknown, string]>([
    ['a tasklet returns a number', () => 7, 'close: close returned 7.'],
    [
      'a tasklet sets a result to nothing',
      ({ setResult }) => setResult('a', undefined as never),
      'close: The result "a" of close cannot be stored: it is undefined.',
    ],
    [
      'a tasklet sets a result without a name',
      ({ setResult }) => setResult('', 1 as never),
      'close: close set a result named "".',
    ],
    [
      'a tasklet throws nothing',
      () => {
        // oxlint-disable-next-line no-throw-literal
        throw undefined;
      },
      'close: undefined was thrown',
    ],
  ])('%s', async (_, run, message) => {
    expect((await failureOf(close(run)))?.slice(0, message.length)).toBe(message);
  });

  it('a write by a function rejects', async () => {
    expect(await failureOf(load({ sink: undefined, write: refusingWrite }))).toBe('load:A: 409 Conflict');
  });
});
