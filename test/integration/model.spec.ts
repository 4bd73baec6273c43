import { assert, asyncModelRun, asyncProperty } from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FhirStore } from '#fhir-store';
import { testStore } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { compare, scenes, sequences } from '../support/model/commands.js';
import { CHUNK_STEPS, ITEMS, LEDGER, type Item } from '../support/model/jobs.js';
import type { Plain, PlainInstance } from '../support/model/plain.js';
import { World } from '../support/model/world.js';
import { PrivateServer } from '../support/private-server.js';

/** How long new sequences are begun, in ms. */
const FOR_MS = Number(process.env.MODEL_MS ?? 20_000);

let database: TestDatabase;
let store: FhirStore;
let redis: PrivateServer;
let world: World;
/** The newest sequence. When time is up, nobody waits for it any more, but it goes on. */
let playing: Promise<void> = Promise.resolve();

beforeAll(async () => {
  database = await createDatabase();
  // Nobody kills PostgreSQL here, so nothing need wait for the disk.
  await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET synchronous_commit = off`);
  store = testStore(database.url, 30);
  await store.migrate();
  await database.query(LEDGER);
  redis = await PrivateServer.start('redis');
  world = new World(database, store, redis);
});

afterAll(async () => {
  await playing.catch(() => undefined);
  await world.close();
  await redis.close();
  await store.close();
  await database.drop();
});

/**
 * A failure prints the seed and the smallest sequence found. To run it again, set the seed (and path) it prints beside
 * `interruptAfterTimeLimit`.
 */
it(
  'whatever is asked, dies, sleeps or is lost: statuses as the model says, all of it ends, nothing lost or doubled, counts true',
  () =>
    assert(
      asyncProperty(sequences, (sequence) => {
        playing = play(sequence);
        playing.catch(() => undefined);
        return playing;
      }),
      {
        examples: scenes.map((scene): [typeof scene] => [scene]),
        interruptAfterTimeLimit: FOR_MS,
        numRuns: 100_000,
        endOnFailure: false,
      },
    ),
  FOR_MS + 60_000,
);

async function play(sequence: (typeof scenes)[number]): Promise<void> {
  const model: Plain = { executions: [], deleted: [] };
  try {
    await asyncModelRun(() => ({ model, real: world }), sequence);
    await world.settle();
    await compare(model, world);
    await agree(model);
  } catch (error) {
    // What it has left behind must not disturb the next sequence.
    await world.close();
    world = new World(database, store, redis);
    throw error;
  }
}

async function agree(model: Plain): Promise<void> {
  for (const { uuid, written } of model.deleted) expect(await world.written([uuid])).toHaveLength(written);
  const exact = await world.written(model.executions.map(({ uuid }) => uuid));
  for (const instance of new Set(model.executions.map((execution) => execution.instance))) {
    await whole(instance, isExact(instance) ? exact : world.rough);
    if (isExact(instance)) await counted(instance, exact);
  }
}

const isExact = ({ job }: PlainInstance): boolean => job !== 'roughJob';

const placeOf = ({ step, partition, item }: Omit<Item, 'instance' | 'execution'>): string =>
  `${step}.${partition}.${item}`;

const placesOf = ({ job, partitions }: PlainInstance): string[] =>
  CHUNK_STEPS[job].flatMap((step) =>
    Array.from({ length: partitions * ITEMS }, (_, i) =>
      placeOf({ step, partition: Math.floor(i / ITEMS), item: i % ITEMS }),
    ),
  );

/** What has COMPLETED holds every item; in transactions nothing is written twice. */
async function whole(instance: PlainInstance, items: readonly Item[]): Promise<void> {
  const { executions, forgot } = instance;
  const uuids = new Set(executions.map(({ uuid }) => uuid));
  const written = items.filter(({ execution }) => uuids.has(execution)).map(placeOf);
  const once = new Set(written);
  if (isExact(instance)) expect(written).toHaveLength(once.size);
  const all = placesOf(instance);
  expect(all).toEqual(expect.arrayContaining([...once]));
  const completed = executions.find(({ status }) => status === 'COMPLETED');
  if (!completed || forgot) return;
  expect([...once].toSorted()).toEqual(all.toSorted());
  const { progress } = (await world.store.findExecution(completed.id as never))!;
  const rowsDone = isExact(instance) ? all.length : expect.any(Number);
  const partitions = all.length / ITEMS;
  expect(progress).toEqual({
    rowsTotal: all.length,
    rowsDone,
    partitionsTotal: partitions,
    partitionsDone: partitions,
  });
}

/** Each execution counts what it has written, and none of its steps runs. */
async function counted({ executions }: PlainInstance, items: readonly Item[]): Promise<void> {
  for (const { id, uuid, sealed } of executions) {
    const record = await world.store.findExecution(id as never);
    const writeCount = items.filter(({ execution }) => execution === uuid).length;
    expect({ id, writeCount: record?.counts.writeCount }).toEqual({ id, writeCount });
    if (sealed !== undefined) expect({ id, writeCount }).toEqual({ id, writeCount: sealed });
    const steps = await world.reader.listSteps(id as never, 0, 1_000);
    expect(steps.filter(({ status }) => status === 'STARTED')).toEqual([]);
    expect(steps.reduce((sum, step) => sum + (step.stepName.includes(':') ? step.counts.writeCount : 0), 0)).toBe(
      writeCount,
    );
  }
}
