import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FhirStore } from '#fhir-store';
import { testStore } from '../support/chunks.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { commands } from '../support/model/commands.js';
import { ITEMS, LEDGER } from '../support/model/jobs.js';
import type { Plain, PlainInstance } from '../support/model/plain.js';
import { World } from '../support/model/world.js';

/** How long new sequences are begun, in ms. */
const FOR_MS = Number(process.env.MODEL_MS ?? 20_000);
const LONGEST = 40;

let database: TestDatabase;
let store: FhirStore;

beforeAll(async () => {
  database = await createDatabase();
  store = testStore(database.url, 30);
  await store.migrate();
  await database.query(LEDGER);
});

afterAll(async () => {
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
    fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: LONGEST, size: 'max' }), async (sequence) => {
        const world = new World(database, store);
        const model: Plain = { executions: [] };
        try {
          await fc.asyncModelRun(() => ({ model, real: world }), sequence);
          await world.settle();
          await world.timePasses();
          await agree(model, world);
        } finally {
          await world.close();
        }
      }),
      { interruptAfterTimeLimit: FOR_MS, numRuns: 100_000, endOnFailure: false },
    ),
  FOR_MS + 60_000,
);

async function agree(model: Plain, world: World): Promise<void> {
  for (const instance of new Set(model.executions.map((execution) => execution.instance))) {
    await whole(instance, world);
    if (instance.job === 'exactJob') await counted(instance, world);
  }
}

/** What has COMPLETED holds every item, once; what has not, some of them, once. */
async function whole({ job, partitions, executions }: PlainInstance, world: World): Promise<void> {
  const [first] = executions;
  const record = first && (await world.store.findExecution(first.id as never));
  if (!record) throw new Error('An execution of the model is not there.');
  const exact = job === 'exactJob';
  const written = exact ? await world.written(record.instanceUuid) : world.writtenRoughly(record.instanceUuid);
  const all = Array.from({ length: partitions * ITEMS }, (_, i) => `${Math.floor(i / ITEMS)}.${i % ITEMS}`).toSorted();
  const once = [...new Set(written)].toSorted();
  if (exact) expect(written.toSorted()).toEqual(once);
  const statuses = await Promise.all(executions.map(({ id }) => world.statusOf(id)));
  if (statuses.includes('COMPLETED')) expect(once).toEqual(all);
  else expect(all).toEqual(expect.arrayContaining(once));
}

/** Each execution counts what it has written, in sum and step by step. */
async function counted({ executions }: PlainInstance, world: World): Promise<void> {
  for (const { id, uuid } of executions) {
    const record = await world.store.findExecution(id as never);
    const items = (await world.writtenBy(uuid)) ?? 0;
    expect({ id, writeCount: record?.counts.writeCount }).toEqual({ id, writeCount: items });
    const steps = await world.reader.listSteps(id as never, 0, 1_000);
    expect(steps.filter(({ status }) => ['STARTING', 'STARTED', 'STOPPING'].includes(status))).toEqual([]);
  }
}
