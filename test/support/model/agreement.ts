import type { ExecutionRecord } from '#engine';
import { expect } from 'vitest';
import { CHUNK_STEPS, ITEMS, type Item } from './jobs.js';
import type { Plain, PlainExecution, PlainInstance } from './plain.js';
import { RELEASES, servesSame, type Release, type ReleaseName } from './releases.js';
import type { World } from './world.js';

/*
 * What must hold once nothing runs any more. In short: COMPLETED is never a lie. Where the database went back, an
 * execution that had ended by then cannot have what it counts: it is then marked, or a verification has findings.
 */

type Step = Release['steps'][number];

/** Everything that there is to know of the model's executions. */
interface Facts {
  world: World;
  model: Plain;
  items: readonly Item[];
  records: ReadonlyMap<PlainExecution, ExecutionRecord>;
}

export async function agree(model: Plain, world: World): Promise<void> {
  for (const { uuid, written } of model.deleted) expect(await world.written([uuid])).toHaveLength(written);
  const { executions } = model;
  const records = new Map<PlainExecution, ExecutionRecord>();
  for (const execution of executions) records.set(execution, (await world.store.findExecution(execution.id as never))!);
  const exact = await world.written(executions.map(({ uuid }) => uuid));
  const facts = { world, model, items: [...exact, ...world.rough], records };
  writtenOnce(exact);
  for (const execution of executions) {
    ofOneRelease(execution, facts);
    endedForAReason(execution, facts);
    await isWhole(execution, facts);
    await isCounted(execution, exact, facts);
  }
}

const placeOf = ({ instance, step, partition, item }: Item): string => `${instance}/${step}.${partition}.${item}`;

function writtenOnce(exact: readonly Item[]): void {
  const places = exact.map(placeOf);
  expect(places).toHaveLength(new Set(places).size);
}

/** The steps of an execution's job, as it began. */
const stepsOf = ({ instance: { job }, release }: PlainExecution): readonly Step[] => {
  if (job === 'changingJob') return RELEASES[release].steps;
  const kind = job === 'roughJob' ? 'chunk' : 'transactional-chunk';
  return [...CHUNK_STEPS[job].map((name): Step => ({ name, kind })), { name: 'close', kind: 'tasklet' }];
};

/** No work of an execution is done by a worker that has another job than the one it began with. */
function ofOneRelease({ uuid, instance, release }: PlainExecution, { items, world }: Facts): void {
  if (instance.job !== 'changingJob') return;
  for (const { execution, release: by } of [...items, ...world.ran]) {
    if (execution === uuid && !servesSame(by as ReleaseName, release)) {
      throw new Error(`A worker with ${by} has worked for an execution of ${release}.`);
    }
  }
}

/** Nothing FAILS in vain: its data, a deployment or a database that went back has caused it, and it says so. */
function endedForAReason(execution: PlainExecution, { model, records }: Facts): void {
  if (execution.status !== 'FAILED') return;
  const record = records.get(execution);
  expect(record?.failures).not.toEqual([]);
  const byItself = execution.instance.fails && execution.uuid === record?.instanceUuid;
  const reasons = [byItself, model.deployed && execution.instance.job === 'changingJob', model.wentBack];
  if (!reasons.includes(true)) throw new Error(`Execution ${execution.id} FAILED: ${record?.exitDescription}`);
}

/** What has COMPLETED has run every partition of every step. */
async function isWhole(execution: PlainExecution, facts: Facts): Promise<void> {
  const { instance, status, id } = execution;
  if (status !== 'COMPLETED' || instance.forgot) return;
  const { world, items, records } = facts;
  const uuids = new Set(instance.executions.map(({ uuid }) => uuid));
  const places = new Set(items.filter(({ execution: by }) => uuids.has(by)).map(placeOf));
  const missing = stepsOf(execution).flatMap((step) => missingOf(step, instance, places));
  if (missing.length > 0) {
    const known = (await isKnownToLack(execution, facts)) && facts.model.wentBack;
    if (!known) throw new Error(`Execution ${id} COMPLETED without ${missing.join(', ')}.`);
    return;
  }
  for (const { name, kind } of stepsOf(execution)) {
    if (kind === 'tasklet') expect(world.ran.some((run) => run.step === name && uuids.has(run.execution))).toBe(true);
  }
  const { progress } = records.get(execution)!;
  const all = stepsOf(execution).filter(({ kind }) => kind !== 'tasklet').length * instance.partitions;
  // The progress is the instance's, so a step that a release has left out counts on.
  if (instance.job === 'changingJob') expect(progress.partitionsDone).toBeGreaterThanOrEqual(all);
  else expect([progress.partitionsTotal, progress.partitionsDone]).toEqual([all, all]);
}

function missingOf(
  { name, kind }: Step,
  { executions, partitions }: PlainInstance,
  places: ReadonlySet<string>,
): string[] {
  if (kind === 'tasklet') return [];
  const instance = executions[0]?.uuid ?? '';
  const all = Array.from({ length: partitions * ITEMS }, (_, i) =>
    placeOf({ instance, step: name, partition: Math.floor(i / ITEMS), item: i % ITEMS, execution: '', release: '' }),
  );
  return all.filter((place) => !places.has(place));
}

/** Whether an execution is marked, or a verification of it has findings. */
async function isKnownToLack({ id }: PlainExecution, { world, records, model }: Facts): Promise<boolean> {
  const marked = [...records].some(([one, record]) => one.id === id && record.databaseWentBack !== undefined);
  return (
    marked || (model.executions.some((one) => one.id === id) && !(await world.operator.verify(id as never)).verified)
  );
}

/** Each execution counts what it has written, and none of its steps runs. */
async function isCounted(execution: PlainExecution, exact: readonly Item[], facts: Facts): Promise<void> {
  const { id, uuid, sealed, instance } = execution;
  const { world, records, model } = facts;
  const steps = await world.reader.listSteps(id as never, 0, 1_000);
  expect(steps.filter(({ status }) => status === 'STARTED')).toEqual([]);
  if (!stepsOf(execution).every(({ kind }) => kind !== 'chunk')) return;
  const written = exact.filter(({ execution: by }) => by === uuid).length;
  if (sealed !== undefined) expect({ id, written }).toEqual({ id, written: sealed });
  const { writeCount } = records.get(execution)!.counts;
  const isLatest = instance.executions.at(-1) === execution;
  // What an earlier execution has lost with its database, a later one has written again.
  if (model.wentBack && writeCount !== written && !isLatest) return;
  if (model.wentBack && writeCount !== written && (await isKnownToLack(execution, facts))) return;
  expect({ id, writeCount }).toEqual({ id, writeCount: written });
  const ofPartitions = steps.filter(({ stepName }) => stepName.includes(':'));
  expect(ofPartitions.reduce((sum, step) => sum + step.counts.writeCount, 0)).toBe(written);
}
