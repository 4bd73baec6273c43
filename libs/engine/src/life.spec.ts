import { describe, expect, it } from 'vitest';
import { Rejection, SupersededError, TransientError, UnavailableError, type PartitionAttempt } from '#job-kit';
import type { Outcome } from './outcome.js';
import { MemoryDatabase } from './testing/memory-database.js';
import { MemoryEngine, runJob } from './testing/memory-engine.js';
import { ITEMS, jobOf, numbers, task, type Numbered } from './testing/numbers-job.js';

/** Every item of some partitions of a step. */
const itemsOf = (step: string, partitions: number): Numbered[] =>
  Array.from({ length: partitions * ITEMS }, (_, i) => ({
    step,
    partition: Math.floor(i / ITEMS),
    item: i % ITEMS,
  }));

const written = (database: MemoryDatabase): unknown[] => database.items.map(({ item }) => item);

const sorted = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).toSorted();

/** A job that loads into a database, then closes. */
function loading(database = new MemoryDatabase(), options: Parameters<typeof numbers>[2] = {}) {
  const job = jobOf([numbers('load', { sink: database.sink<Numbered>() }, options), task('close')]);
  return { database, job, engine: new MemoryEngine([job], { database }) };
}

describe('the life of an execution', () => {
  it('goes from start to COMPLETED: every item written once, counts and progress true', async () => {
    const { job, database } = loading();
    const { execution, steps } = await runJob(job, { partitions: '3' }, { database });
    expect(execution).toMatchObject({
      status: 'COMPLETED',
      exitCode: 'COMPLETED',
      failures: [],
      counts: { readCount: 15, writeCount: 15, skipCount: 0, commitCount: 9 },
      progress: { partitionsTotal: 3, partitionsDone: 3, rowsTotal: 15, rowsDone: 15 },
    });
    expect(steps.map(({ stepName, status }) => [stepName, status])).toEqual([
      ['load', 'COMPLETED'],
      ['load:PART0', 'COMPLETED'],
      ['load:PART1', 'COMPLETED'],
      ['load:PART2', 'COMPLETED'],
      ['close', 'COMPLETED'],
    ]);
    expect(sorted(written(database))).toEqual(sorted(itemsOf('load', 3)));
  });

  it('has a chunk step without partitions exit NOOP', async () => {
    const { job, database } = loading();
    const { execution, steps } = await runJob(job, { partitions: '0' }, { database });
    expect(execution).toMatchObject({ status: 'COMPLETED', stepCount: 2 });
    expect(steps[0]).toMatchObject({ stepName: 'load', status: 'COMPLETED', exitCode: 'NOOP' });
  });

  it('has more partitions than the window hands out at a time', async () => {
    const { job, database } = loading();
    const { execution } = await runJob(job, { partitions: '20' }, { database, window: 3 });
    expect(execution).toMatchObject({ status: 'COMPLETED', counts: { writeCount: 100 } });
  });

  it('never has more of it in the queue than the window', async () => {
    const { engine } = loading();
    await engine.start('numbersJob', { partitions: '20' });
    let most = 0;
    while (await engine.deliver()) {
      most = Math.max(most, engine.queue.waiting.filter(({ work }) => work.kind === 'partition').length);
    }
    expect(most).toBe(4);
  });

  it('keeps exit codes and results of tasklets', async () => {
    const job = jobOf([task('close', () => 'CLOSED EARLY')]);
    const { execution, steps } = await runJob(job);
    expect(execution.status).toBe('COMPLETED');
    expect(steps).toMatchObject([{ stepName: 'close', status: 'COMPLETED', exitCode: 'CLOSED EARLY' }]);
  });

  it('writes by a function as well, its checkpoint in the store', async () => {
    const items: Numbered[] = [];
    const job = jobOf([numbers('load', { write: (some) => items.push(...some) })]);
    const { execution } = await runJob(job, { partitions: '2' });
    expect(execution).toMatchObject({ status: 'COMPLETED', counts: { writeCount: 10 } });
    expect(sorted(items)).toEqual(sorted(itemsOf('load', 2)));
  });
});

describe('a failure', () => {
  it('of a tasklet fails its step and the execution, with its words, and the steps behind it never run', async () => {
    const ran: string[] = [];
    const job = jobOf([
      task('open', () => {
        throw new Error('disk full');
      }),
      task('close', () => ran.push('close')),
    ]);
    const { execution, steps } = await runJob(job);
    expect(execution).toMatchObject({
      status: 'FAILED',
      exitDescription: 'open: disk full',
      failures: [{ stepName: 'open', message: 'disk full' }],
    });
    expect(steps.map(({ stepName }) => stepName)).toEqual(['open']);
    expect(ran).toEqual([]);
  });

  it('of one partition leaves the others their work, and fails the step at the end', async () => {
    const { job, database } = loading(new MemoryDatabase(), {
      process: (item) => {
        if (item.partition === 1 && item.item === 3) throw new Error('bad item');
        return item;
      },
    });
    const { execution } = await runJob(job, { partitions: '3' }, { database });
    expect(execution).toMatchObject({
      status: 'FAILED',
      exitDescription: 'load:PART1: bad item',
      counts: { writeCount: 12 },
      progress: { partitionsDone: 2 },
    });
    expect(written(database)).toHaveLength(12);
  });

  it('of too many skips names the item', async () => {
    const { job, database } = loading(new MemoryDatabase(), {
      process: (item) => new Rejection('is bad', { file: 'a', row: item.item }, ''),
      skipLimit: 3,
    });
    const { execution } = await runJob(job, { partitions: '1' }, { database });
    expect(execution).toMatchObject({
      status: 'FAILED',
      exitDescription: 'load:PART0: a, row 3: is bad (skipLimit 3 exceeded)',
      counts: { skipCount: 2 },
    });
  });

  it('that is transient is repeated, and final once the tries are used up', async () => {
    const tries = { close: 0 };
    const job = jobOf([
      task('close', () => {
        tries.close++;
        throw new TransientError(new Error('deadlock'));
      }),
    ]);
    const { execution } = await runJob(job, {}, { maxTries: 3 });
    expect(execution).toMatchObject({ status: 'FAILED', exitDescription: 'close: deadlock' });
    expect(tries.close).toBe(3);
  });
});

const minutes = async (engine: MemoryEngine, count: number): Promise<void> => {
  for (let i = 0; i < count * 30; i++) {
    await engine.work();
    engine.clock.pass(2_000);
    await engine.sweep();
  }
};

describe('a service that is unavailable', () => {
  it("for a tasklet spends nobody's tries, however long", async () => {
    let available = false;
    const job = jobOf([
      task('close', () => {
        if (!available) throw new UnavailableError(new Error('no connection'));
      }),
    ]);
    const engine = new MemoryEngine([job]);
    const { executionId } = await engine.start('numbersJob');
    await minutes(engine, 5);
    expect((await engine.execution(executionId)).status).toBe('STARTED');
    available = true;
    await engine.settle();
    expect((await engine.execution(executionId)).status).toBe('COMPLETED');
  });

  it("for a controller spends nobody's tries, however long", async () => {
    const { engine, database } = loading();
    database.available = false;
    const { executionId } = await engine.start('numbersJob');
    await minutes(engine, 5);
    expect((await engine.execution(executionId)).status).toBe('STARTING');
    database.available = true;
    await engine.settle();
    expect((await engine.execution(executionId)).status).toBe('COMPLETED');
  });

  it("for partitions spends nobody's tries, however long", async () => {
    const { engine, database } = loading();
    const { executionId } = await engine.start('numbersJob');
    await engine.deliver();
    await engine.deliver();
    await engine.deliver();
    database.available = false;
    await minutes(engine, 5);
    expect((await engine.execution(executionId)).status).toBe('STARTED');
    database.available = true;
    await engine.settle();
    expect((await engine.execution(executionId)).status).toBe('COMPLETED');
  });
});

describe('an attempt whose connection was ended by the one that took over', () => {
  it('leaves as superseded: its database is not unavailable', async () => {
    const database = new MemoryDatabase();
    const sink = database.sink<Numbered>();
    const rival = { claims: async (_attempt: PartitionAttempt, _fence: number) => {}, times: 0 };
    const job = jobOf([
      numbers('load', {
        sink: {
          ...sink,
          open: async (attempt) => {
            const session = await sink.open(attempt);
            const commit: typeof session.commit = async (chunk) => {
              if (rival.times++ > 0) return session.commit(chunk);
              const { fence } = await sink.open(attempt);
              await rival.claims(attempt, fence);
              throw new UnavailableError(new Error('terminating connection due to administrator command'));
            };
            return { ...session, commit };
          },
        },
      }),
    ]);
    const engine = new MemoryEngine([job], { database });
    const { executionId: id, executionUuid: uuid } = await engine.start('numbersJob');
    rival.claims = async ({ stepName, partition }, fence) => {
      await engine.store.claim({ id, uuid, step: stepName, partition }, fence);
    };
    let outcome: Outcome | undefined;
    while (rival.times === 0) outcome = await engine.deliver();
    expect(outcome).toMatchObject({ kind: 'repeat', error: expect.any(SupersededError) });
    await engine.settle();
    expect((await engine.execution(id)).status).toBe('COMPLETED');
    expect(sorted(written(database))).toEqual(sorted(itemsOf('load', 2)));
  });
});

describe('work that is handed back by leaving workers', () => {
  it('spends no try and no attempt, however often', async () => {
    let left = 50;
    const job = jobOf([
      task('close', () => {
        if (left-- > 0) throw new Error('told to leave');
      }),
    ]);
    const engine = new MemoryEngine([job]);
    const { executionId } = await engine.start('numbersJob');
    await engine.deliver();
    for (let i = 0; i < 50; i++) {
      const inHand = engine.take();
      inHand?.drain.abort();
      if (inHand) await engine.answer(inHand);
    }
    await engine.settle();
    expect((await engine.execution(executionId)).status).toBe('COMPLETED');
  });
});

describe('a stop', () => {
  it('is STOPPING until the last worker has left at a chunk boundary, then STOPPED; a restart resumes', async () => {
    const { engine, database } = loading();
    const { executionId: id } = await engine.start('numbersJob', { partitions: '2' });
    await engine.deliver();
    await engine.deliver();
    const busy = engine.take();
    await engine.operator.stop(id, 'ann');
    expect((await engine.execution(id)).status).toBe('STOPPING');
    await engine.answer(busy!);
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'STOPPED', exitCode: 'STOPPED' });
    expect(written(database).length).toBeLessThan(2 * ITEMS);
    const before = written(database).length;
    const { executionId: next } = await engine.restart(id);
    await engine.settle();
    expect(await engine.execution(next)).toMatchObject({
      status: 'COMPLETED',
      counts: { writeCount: 2 * ITEMS - before },
      progress: { partitionsDone: 2, rowsDone: 2 * ITEMS },
    });
    expect(sorted(written(database))).toEqual(sorted(itemsOf('load', 2)));
  });

  it('of an execution that nobody has begun ends it STOPPED', async () => {
    const { engine } = loading();
    const { executionId: id } = await engine.start('numbersJob');
    await engine.operator.stop(id, 'ann');
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'STOPPED', stepCount: 0 });
  });

  it('with force is STOPPED at once, and the worker in it commits nothing more', async () => {
    const { engine, database } = loading();
    const { executionId: id } = await engine.start('numbersJob', { partitions: '1' });
    await engine.deliver();
    await engine.deliver();
    const busy = engine.take()!;
    await engine.operator.forceStop(id, 'ann');
    const { status, exitDescription, counts } = await engine.execution(id);
    expect([status, exitDescription]).toEqual(['STOPPED', 'Force-stopped by ann from STARTED']);
    const before = written(database).length;
    await engine.answer(busy);
    await engine.settle();
    expect(written(database)).toHaveLength(before);
    expect(counts.writeCount).toBe(before);
  });
});

describe('a restart', () => {
  it('passes over what has COMPLETED, and goes on from the checkpoint of what has not', async () => {
    const ran: string[] = [];
    let broken = true;
    const database = new MemoryDatabase();
    const job = jobOf([
      task('open', () => ran.push('open') && undefined),
      numbers(
        'load',
        { sink: database.sink<Numbered>() },
        {
          process: (item) => {
            if (broken && item.partition === 1 && item.item === 4) throw new Error('not yet');
            return item;
          },
        },
      ),
      task('close', () => ran.push('close') && undefined),
    ]);
    const engine = new MemoryEngine([job], { database });
    const { executionId: id } = await engine.start('numbersJob');
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'FAILED', counts: { writeCount: 9 } });
    broken = false;
    const { executionId: next } = await engine.restart(id);
    await engine.settle();
    expect(await engine.execution(next)).toMatchObject({ status: 'COMPLETED', counts: { writeCount: 1 } });
    expect(ran).toEqual(['open', 'close']);
    expect(sorted(written(database))).toEqual(sorted(itemsOf('load', 2)));
  });

  it('of an instance of which any execution was abandoned is refused, although that execution is deleted', async () => {
    const job = jobOf([
      task('close', () => {
        throw new Error('never');
      }),
    ]);
    const engine = new MemoryEngine([job]);
    const { executionId: first } = await engine.start('numbersJob');
    await engine.settle();
    const { executionId: second } = await engine.restart(first);
    await engine.settle();
    await engine.operator.abandon(second, 'ann');
    await engine.operator.delete(second);
    await expect(engine.restart(first)).rejects.toMatchObject({ code: 'EXECUTION_ABANDONED' });
  });
});
