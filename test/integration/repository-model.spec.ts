import { addCounts, BATCH_STATUSES, isRunning, NO_COUNTS, type Counts } from '#domain';
import type { ExecutionRecord, StepExecutionRecord } from '#engine';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyAction, Play, WINDOW } from '../support/play.js';
import { TestRepository, type Snapshot } from '../support/repository.js';

/** An execution as the reader shows it. */
interface Seen {
  record: ExecutionRecord;
  load: StepExecutionRecord | undefined;
  steps: StepExecutionRecord[];
  partitions: StepExecutionRecord[];
  /** Those of its instance, itself among them. */
  siblings: Seen[];
}

const isPartition = (stepName: string): boolean => stepName.includes(':');

async function look({ reader }: TestRepository, { executions }: Play): Promise<Seen[]> {
  const seen = await Promise.all(
    executions.map(async ({ id }): Promise<Seen> => {
      const all = await reader.listSteps(id, 0, 100);
      const steps = all.filter(({ stepName }) => !isPartition(stepName));
      const partitions = all.filter(({ stepName }) => isPartition(stepName));
      const load = steps.find(({ stepName }) => stepName === 'load');
      return { record: (await reader.findExecution(id))!, load, steps, partitions, siblings: [] };
    }),
  );
  for (const one of seen) {
    one.siblings = seen.filter(({ record }) => record.instanceId === one.record.instanceId);
  }
  return seen;
}

const sumOf = (steps: readonly StepExecutionRecord[]): Counts =>
  steps.map(({ counts }) => counts).reduce(addCounts, NO_COUNTS);

const named = (steps: readonly StepExecutionRecord[], status: string): string[] =>
  steps.filter((step) => step.status === status).map(({ stepName }) => stepName.replace('load:Rows ', ''));

/** The statuses of an instance's executions, as they name its index. */
const statusSetOf = (siblings: readonly Seen[]): string =>
  BATCH_STATUSES.filter((status) => siblings.some(({ record }) => record.status === status)).join('+');

/** Members of every index, recomputed from the executions' statuses alone. */
function recomputedIndexes(seen: readonly Seen[]): Map<string, Set<string>> {
  const indexes = new Map<string, Set<string>>();
  const add = (name: string, id: number) => indexes.set(name, (indexes.get(name) ?? new Set()).add(String(id)));
  for (const { record, siblings } of seen) {
    const { id, status, instanceId, jobName } = record;
    add(isRunning(status) ? 'running' : `ended:${status}`, id);
    add(`job:${jobName}:instances`, instanceId);
    add(`job:${jobName}:instances:${statusSetOf(siblings)}`, instanceId);
  }
  return indexes;
}

/** Which status sets have an index, by job. */
function heldStatusSets(snapshot: Snapshot): string[] {
  const names = Object.keys(snapshot).filter((name) => name.endsWith(':status-sets'));
  return names.flatMap((name) => {
    const job = name.replace(/:status-sets$/, '');
    return (snapshot[name] as string[]).map((set) => `${job}:instances:${set}`);
  });
}

/** Members of every index, as Redis holds them: a sorted set is read as members and scores in turn. */
function heldIndexes(snapshot: Snapshot): Map<string, Set<string>> {
  const names = Object.keys(snapshot).filter((name) => /^(running|ended:|job:.*:instances)/.test(name));
  return new Map(names.map((name) => [name, new Set((snapshot[name] as string[]).filter((_, i) => i % 2 === 0))]));
}

function expectSums({ record, load, steps, partitions }: Seen): void {
  const total = sumOf(partitions);
  expect(record.counts).toEqual(total);
  expect(load?.counts ?? NO_COUNTS).toEqual(total);
  expect(record.stepCount).toBe(partitions.length + steps.length);
  expect(record.endTime === undefined).toBe(isRunning(record.status));
  if (!isRunning(record.status)) expect(steps.map(({ status }) => status)).not.toContain('STARTED');
}

/** What a worker holds is in flight; what has ended is held by none; the window is never exceeded. */
function expectInFlight({ record, partitions }: Seen, snapshot: Snapshot): void {
  const inFlight = (snapshot[`execution:${record.id}:in-flight:load`] ?? []) as string[];
  const open = named(partitions, 'STARTED');
  expect(open.filter((partition) => !inFlight.includes(partition))).toEqual([]);
  expect(isRunning(record.status) ? inFlight.length <= WINDOW : open.length === 0).toBe(true);
}

/** Each partition has COMPLETED at most once in its instance, and its progress tells so. */
function expectProgress({ record, siblings }: Seen, snapshot: Snapshot): void {
  const partitions = siblings.flatMap((sibling) => sibling.partitions);
  const completed = named(partitions, 'COMPLETED');
  expect(new Set(completed).size).toBe(completed.length);
  const { partitionsDone, rowsDone } = record.progress;
  expect({ partitionsDone, rowsDone }).toEqual({
    partitionsDone: completed.length,
    rowsDone: sumOf(partitions).readCount,
  });
  const instance = snapshot[`instance:${record.instanceId}`] as Record<string, string>;
  const byStatus = BATCH_STATUSES.map((status) => Number(instance[`count:${status}`] ?? 0));
  expect(byStatus).toEqual(
    BATCH_STATUSES.map((status) => siblings.filter((sibling) => sibling.record.status === status).length),
  );
}

/** Holds all that is derived against what it is derived from. @returns the statuses seen */
async function expectTrue(repository: TestRepository, play: Play): Promise<string[]> {
  const [seen, snapshot] = [await look(repository, play), await repository.snapshot()];
  const indexes = recomputedIndexes(seen);
  expect(heldIndexes(snapshot)).toEqual(indexes);
  expect(heldStatusSets(snapshot).toSorted()).toEqual(
    [...indexes.keys()].filter((name) => /:instances:/.test(name)).toSorted(),
  );
  for (const one of seen) {
    expectSums(one);
    expectInFlight(one, snapshot);
    expectProgress(one, snapshot);
  }
  return seen.map(({ record }) => record.status);
}

/** How many actions are played before the next look. */
const BETWEEN_LOOKS = 50;

/** Plays random scripts, holding what is derived to be true. @returns the statuses seen */
async function playScripts(parameters: { numRuns: number; seed?: number }): Promise<Set<string>> {
  const reached = new Set<string>();
  const actions = fc.array(anyAction, { minLength: 100, maxLength: 400, size: 'max' });
  await fc.assert(
    fc.asyncProperty(actions, async (script) => {
      const repository = new TestRepository();
      try {
        const play = new Play(repository);
        for (const [i, action] of script.entries()) {
          await play.act(action);
          if (i % BETWEEN_LOOKS > 0 && i < script.length - 1) continue;
          for (const status of await expectTrue(repository, play)) reached.add(status);
        }
      } finally {
        await repository.close();
      }
    }),
    parameters,
  );
  return reached;
}

describe('whatever controllers, workers and operators do', () => {
  it('sums, indexes and progress are what partitions and statuses alone say', async () => {
    await expect(playScripts({ numRuns: 30 })).resolves.toBeDefined();
  }, 60_000);

  it('is played through every status: otherwise the scripts would miss what they are for', async () => {
    // Of a fixed seed, since which statuses chance comes by is no property of the repository.
    const reached = await playScripts({ numRuns: 15, seed: 20 });
    expect([...reached].toSorted()).toEqual(BATCH_STATUSES.filter((status) => status !== 'UNKNOWN').toSorted());
  }, 60_000);
});
