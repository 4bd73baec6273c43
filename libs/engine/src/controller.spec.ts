import { describe, expect, it } from 'vitest';
import { MemoryDatabase } from './testing/memory-database.js';
import { MemoryEngine } from './testing/memory-engine.js';
import { jobOf, numbers, task, type Numbered } from './testing/numbers-job.js';
import { Processes } from './testing/processes.js';

/** An engine whose store says that it has done what it has not. */
function lyingAbout(name: 'beginExecution' | 'beginStep' | 'endStep', answer: 'changed' | 'unchanged'): MemoryEngine {
  const engine = new MemoryEngine([jobOf([task('close')])]);
  Object.assign(engine.store, { [name]: async () => answer });
  return engine;
}

describe('a controller whose actions change nothing', () => {
  it.each([
    ['beginExecution', 'changed', 'begin-execution'],
    ['beginExecution', 'unchanged', 'begin-execution'],
    ['beginStep', 'changed', 'begin-step close'],
  ] as const)('fails the execution with a message, and does not spin: %s says %s', async (name, answer, told) => {
    const engine = lyingAbout(name, answer);
    const { executionId: id } = await engine.start('numbersJob');
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({
      status: 'FAILED',
      exitDescription: `numbersJob: Longshore made no progress: "${told}" changed nothing. This is a fault of Longshore; please report it.`,
    });
  });
});

describe('controllers that die', () => {
  it('in a row are counted, and fail the execution in the end', async () => {
    const engine = new MemoryEngine([jobOf([task('close')])], { maxAttempts: 3 });
    const { executionId: id, executionUuid: uuid } = await engine.start('numbersJob');
    for (let i = 0; i < 3; i++) await engine.store.acquire({ id, uuid }, `${uuid}-start#${i}`, 60_000);
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({
      status: 'FAILED',
      exitDescription: expect.stringContaining('3 controllers in a row ended before they had done'),
    });
  });
});

describe('a controller that is still busy when what it has handed out is done', () => {
  it('looks again, although the queue takes no second job of the same id', async () => {
    const database = new MemoryDatabase();
    const job = jobOf([numbers('load', { sink: database.sink<Numbered>() })]);
    const engine = new MemoryEngine([job], { database });
    const { executionId: id } = await engine.start('numbersJob', { partitions: '1' });
    await engine.deliver();
    const backup = database.backup();
    await engine.deliver();
    await engine.deliver();
    database.putBack(backup);

    const processes = new Processes();
    const { wrap } = processes.start('controller');
    const inHand = engine.take({ jobs: [job], wrap })!;
    const answered = engine.answer(inHand);
    while (engine.queue.waiting.length === 0) await processes.step(processes.standing[0]!);
    await processes.step(processes.standing[0]!); // It has seen that there is nothing to do but wait.
    await engine.deliver();
    await processes.finish();
    await answered;
    await engine.work();
    expect((await engine.execution(id)).status).toBe('COMPLETED');
  });
});
