import { describe, expect, it } from 'vitest';
import { MemoryDatabase } from './testing/memory-database.js';
import { MemoryEngine } from './testing/memory-engine.js';
import { ITEMS, jobOf, numbers, task, type Numbered } from './testing/numbers-job.js';

/** A job that loads twice, then closes, with partitions that fail while they are broken. */
function scene(options: { steps?: string[]; brokenFrom?: number } = {}) {
  const database = new MemoryDatabase();
  const state = { brokenFrom: options.brokenFrom ?? Infinity };
  const process = (item: Numbered) => {
    if (item.partition >= state.brokenFrom) throw new Error('not yet');
    return item;
  };
  const { steps = ['load'] } = options;
  const job = jobOf([
    ...steps.map((name) => numbers(name, { sink: database.sink<Numbered>() }, { process })),
    task('close'),
  ]);
  return { database, state, engine: new MemoryEngine([job], { database, window: 2 }) };
}

/** What the database holds must be each item once, and what the execution says of it true. */
async function assertWhole(engine: MemoryEngine, database: MemoryDatabase, id: never, partitions: number, steps = 1) {
  const items = database.items.map(({ item }) => JSON.stringify(item));
  expect(new Set(items).size).toBe(partitions * ITEMS * steps);
  expect(items).toHaveLength(partitions * ITEMS * steps);
  expect(await engine.execution(id)).toMatchObject({
    status: 'COMPLETED',
    databaseWentBack: undefined,
    progress: {
      partitionsTotal: partitions * steps,
      partitionsDone: partitions * steps,
      rowsTotal: partitions * steps * ITEMS,
      rowsDone: partitions * steps * ITEMS,
    },
  });
  expect(await engine.operator.verify(id)).toMatchObject({ verified: true, findings: [] });
}

/** Delivers until so many items are written. */
async function workUntilWritten(engine: MemoryEngine, database: MemoryDatabase, items: number): Promise<void> {
  while (database.items.length < items && (await engine.deliver()));
}

describe('a database that is put back', () => {
  it('between a failure and the restart: what it has lost is written again', async () => {
    const { database, state, engine } = scene({ brokenFrom: 6 });
    const { executionId: id } = await engine.start('numbersJob', { partitions: '8' });
    await workUntilWritten(engine, database, 2 * ITEMS);
    const backup = database.backup();
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'FAILED', progress: { partitionsDone: 6 } });
    database.putBack(backup);
    state.brokenFrom = Infinity;
    const { executionId: next } = await engine.restart(id);
    await engine.settle();
    await assertWhole(engine, database, next as never, 8);
  });

  it('to nothing, between a stop and the restart, with a step that had COMPLETED', async () => {
    const { database, state, engine } = scene({ steps: ['load', 'loadMore'], brokenFrom: Infinity });
    const empty = database.backup();
    const { executionId: id } = await engine.start('numbersJob', { partitions: '4' });
    await workUntilWritten(engine, database, 6 * ITEMS);
    await engine.operator.stop(id, 'ann');
    await engine.settle();
    expect((await engine.execution(id)).status).toBe('STOPPED');
    database.putBack(empty);
    state.brokenFrom = Infinity;
    const { executionId: next } = await engine.restart(id);
    await engine.settle();
    await assertWhole(engine, database, next as never, 4, 2);
  });

  it('during an import, after its gate was opened: what it has lost is written again before the step ends', async () => {
    const { database, engine } = scene();
    const { executionId: id } = await engine.start('numbersJob', { partitions: '8' });
    await workUntilWritten(engine, database, 2 * ITEMS);
    const backup = database.backup();
    await workUntilWritten(engine, database, 5 * ITEMS);
    database.putBack(backup);
    await engine.settle();
    await assertWhole(engine, database, id as never, 8);
    expect((await engine.execution(id)).counts.writeCount).toBe(8 * ITEMS);
  });

  it('during an import, to a time in the step before: that one runs again too', async () => {
    const { database, engine } = scene({ steps: ['load', 'loadMore'] });
    const { executionId: id } = await engine.start('numbersJob', { partitions: '4' });
    await workUntilWritten(engine, database, 2 * ITEMS);
    const backup = database.backup();
    await workUntilWritten(engine, database, 6 * ITEMS);
    database.putBack(backup);
    await engine.settle();
    await assertWhole(engine, database, id as never, 4, 2);
    expect((await engine.execution(id)).counts.writeCount).toBe(2 * 4 * ITEMS);
  });

  it('during an import, to a time before it: it FAILS and says why, and a restart writes everything', async () => {
    const { database, engine } = scene();
    const before = database.backup();
    const { executionId: id } = await engine.start('numbersJob', { partitions: '4' });
    await workUntilWritten(engine, database, 2 * ITEMS);
    database.putBack(before);
    await engine.settle();
    const failed = await engine.execution(id);
    expect(failed.status).toBe('FAILED');
    expect(failed.exitDescription).toContain('it may have been put back to an older state. Restart the execution');
    expect(failed.counts.writeCount).toBeGreaterThanOrEqual(0);
    const { executionId: next } = await engine.restart(id);
    await engine.settle();
    await assertWhole(engine, database, next as never, 4);
  });

  it('again and again: the step FAILS in the end, and does not run for ever', async () => {
    const { database, engine } = scene();
    const { executionId: id } = await engine.start('numbersJob', { partitions: '2' });
    for (let i = 0; i < 3; i++) await engine.deliver();
    const backup = database.backup();
    for (let i = 0; i < 500; i++) {
      await engine.deliver();
      if (engine.queue.waiting.every(({ work }) => work.kind === 'control')) database.putBack(backup);
    }
    await engine.settle();
    const { status, exitDescription } = await engine.execution(id);
    expect(status).toBe('FAILED');
    expect(exitDescription).toMatch(
      /^load: The database does not know \d partitions as finished, although they have run \d+ times/,
    );
  });

  it('after COMPLETED: the execution is marked, and verify tells what to do', async () => {
    const { database, engine } = scene();
    const { executionId: first } = await engine.start('numbersJob', { partitions: '2' });
    await engine.settle();
    const backup = database.backup();
    const { executionId: second } = await engine.start('numbersJob', { partitions: '3' });
    await engine.settle();
    await engine.sweep();
    expect((await engine.execution(second)).databaseWentBack).toBeUndefined();
    database.putBack(backup);
    const { findings } = await engine.operator.verify(second);
    expect(findings).toEqual([
      '3 partitions of load count as COMPLETED, and the database knows 0 as finished. Start the job anew to import again what is missing.',
      'The execution counts 15 rows written in load, and the database 0.',
      'The database does not know that this execution has COMPLETED: it may have been put back to an older state.',
      'The database does not know the execution: it was put back to an older state.',
      '3 of 3 partitions of load are not finished.',
    ]);
    await engine.sweep();
    expect(await engine.execution(second)).toMatchObject({ status: 'COMPLETED', databaseWentBack: engine.clock.now });
    expect((await engine.execution(first)).databaseWentBack).toBeUndefined();
    expect((await engine.operator.verify(second)).findings.at(-1)).toMatch(/^The database was put back/);
    expect(await engine.operator.verify(first)).toMatchObject({ verified: true });
  });

  it('and has sealed as many executions since: the lost ones are marked all the same', async () => {
    const { database, engine } = scene();
    const backup = database.backup();
    const { executionId: lost } = await engine.start('numbersJob', { partitions: '1' });
    await engine.settle();
    database.putBack(backup);
    const { executionId: next } = await engine.start('numbersJob', { partitions: '1' });
    await engine.settle();
    expect((await engine.execution(lost)).databaseWentBack).toBeDefined();
    expect((await engine.execution(next)).databaseWentBack).toBeUndefined();
  });

  it('replaced by another one: everything that had COMPLETED is marked', async () => {
    const { database, engine } = scene();
    const { executionId: lost } = await engine.start('numbersJob', { partitions: '1' });
    await engine.settle();
    database.replace();
    await engine.sweep();
    expect((await engine.execution(lost)).databaseWentBack).toBeDefined();
  });
});
