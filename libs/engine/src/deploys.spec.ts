import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, tasklet, type Job, type JobOptions, type Step } from '#job-kit';
import { MemoryDatabase } from './testing/memory-database.js';
import { MemoryEngine } from './testing/memory-engine.js';
import { ITEMS, jobOf, numbers, task, type Numbered, type NumbersParameters } from './testing/numbers-job.js';

const HOUR = 3_600_000;

/** What ran, in order, and what is broken for now. */
class Scene {
  readonly ran: string[] = [];
  readonly broken = new Set<string>();
  readonly database = new MemoryDatabase();
  readonly engine: MemoryEngine;

  constructor(...steps: string[]) {
    this.engine = new MemoryEngine([this.job(steps)], { database: this.database });
  }

  /** A job of these steps: `load…` is a chunk step, any other a tasklet. */
  job(steps: readonly string[], options: Partial<JobOptions<NumbersParameters>> = {}): Job {
    return jobOf(
      steps.map((name) => (name.startsWith('load') ? this.#load(name) : this.#task(name))),
      options,
    );
  }

  #task(name: string): Step<NumbersParameters> {
    return task(name, () => {
      if (this.broken.has(name)) throw new Error(`${name} is broken`);
      this.ran.push(name);
    });
  }

  #load(name: string): Step<NumbersParameters> {
    const process = (item: Numbered) => {
      if (this.broken.has(name) && item.partition === 1 && item.item === 3) throw new Error(`${name} is broken`);
      return item;
    };
    return numbers(name, { sink: this.database.sink<Numbered>() }, { process });
  }

  /** Starts, and works until the execution has ended. @returns its id */
  async run() {
    const { executionId } = await this.engine.start('numbersJob');
    await this.engine.settle();
    return executionId;
  }

  /** An execution that has FAILED in a step, which is mended since. */
  async failedIn(step: string) {
    this.broken.add(step);
    const id = await this.run();
    const { status } = await this.engine.execution(id);
    if (status !== 'FAILED') throw new Error(`It is ${status}.`);
    this.broken.clear();
    return id;
  }

  /** Items of a step, as often as they were written. */
  written(step: string): string[] {
    return this.database.items.filter(({ stepName }) => stepName === step).map(({ item }) => JSON.stringify(item));
  }
}

describe('a deploy between a failure and the restart', () => {
  it.each<[string, string[], string, string[], string]>([
    ['a tasklet put in front', ['load'], 'load', ['open', 'load'], 'step open was added'],
    ['a step removed', ['a', 'b', 'c'], 'c', ['b', 'c'], 'step a was removed'],
    ['truncate put in front of the rows', ['load'], 'load', ['truncate', 'load'], 'step truncate was added'],
    ['a step put between', ['a', 'b'], 'b', ['a', 'd', 'b'], 'step d was added'],
    ['a sink step renamed', ['load'], 'load', ['loadRows'], 'step load was removed; step loadRows was added'],
    ['steps in another order', ['a', 'b'], 'b', ['b', 'a'], 'its steps ran in the order a, b'],
  ])('is refused before anything starts, naming what differs: %s', async (_, before, fails, after, difference) => {
    const scene = new Scene(...before);
    const id = await scene.failedIn(fails);
    const ran = [...scene.ran];
    scene.engine.deploy(scene.job(after));
    const refusal = { code: 'JOB_CHANGED', message: expect.stringContaining(difference) };
    await expect(scene.engine.restart(id)).rejects.toMatchObject(refusal);
    await scene.engine.settle();
    expect(scene.ran).toEqual(ran);
    expect((await scene.engine.execution(id)).latest).toBe(id);
    scene.engine.deploy(scene.job(before));
    const { executionId } = await scene.engine.restart(id);
    await scene.engine.settle();
    expect((await scene.engine.execution(executionId)).status).toBe('COMPLETED');
  });

  const CONTINUES = { version: '2', continues: ['1'] };

  it('that the job continues goes on by the names of its steps: what is new runs, what has COMPLETED does not', async () => {
    const scene = new Scene('a', 'b', 'c');
    const id = await scene.failedIn('b');
    scene.engine.deploy(scene.job(['d', 'a', 'b'], CONTINUES));
    const { executionId } = await scene.engine.restart(id);
    await scene.engine.settle();
    expect((await scene.engine.execution(executionId)).status).toBe('COMPLETED');
    expect(scene.ran).toEqual(['a', 'd', 'b']);
  });

  it('that the job continues never runs a step on the plan of another', async () => {
    const scene = new Scene('load');
    const id = await scene.failedIn('load');
    scene.engine.deploy(scene.job(['truncate', 'loadOther', 'load'], CONTINUES));
    const { executionId } = await scene.engine.restart(id);
    await scene.engine.settle();
    expect((await scene.engine.execution(executionId)).status).toBe('COMPLETED');
    expect(scene.ran).toEqual(['truncate']);
    for (const step of ['load', 'loadOther']) {
      expect(scene.written(step)).toHaveLength(2 * ITEMS);
      expect(new Set(scene.written(step)).size).toBe(2 * ITEMS);
    }
  });

  it('in which a step becomes one of another kind is refused, whatever the job continues', async () => {
    const scene = new Scene('load');
    const id = await scene.failedIn('load');
    scene.engine.deploy(jobOf([task('load')], CONTINUES));
    await expect(scene.engine.restart(id)).rejects.toMatchObject({ code: 'JOB_CHANGED' });
  });
});

describe('parameters that a deploy changes', () => {
  const jobWith = (shape: z.ZodRawShape, options: object = {}) =>
    defineJob({
      name: 'numbersJob',
      parameters: z.strictObject(shape),
      steps: [tasklet({ name: 'close', run: async () => fail() })],
      ...options,
    });
  let broken = true;
  const fail = () => {
    if (broken) throw new Error('not yet');
  };
  const [was, more, less] = [jobWith({ a: z.string() }), jobWith({ a: z.string(), b: z.string() }), jobWith({})];

  it.each([
    ['added', more, 'b'],
    ['removed', less, 'a'],
  ])('refuse a restart before it starts, naming the field: one %s', async (_, deployed, field) => {
    broken = true;
    const engine = new MemoryEngine([was]);
    const { executionId: id } = await engine.start('numbersJob', { a: 'x' });
    await engine.settle();
    engine.deploy(deployed);
    await expect(engine.restart(id)).rejects.toMatchObject({
      code: 'INVALID_PARAMETERS',
      fields: [expect.objectContaining({ field })],
    });
    expect(await engine.execution(id)).toMatchObject({ latest: id, status: 'FAILED' });
  });

  it.each([
    ['added', more, /b is required/],
    ['removed', less, /a is not a parameter/],
  ])('leave what runs to a worker that takes them: one %s', async (_, deployed, reason) => {
    broken = false;
    const engine = new MemoryEngine([was]);
    const { executionId: id } = await engine.start('numbersJob', { a: 'x' });
    engine.deploy(deployed);
    for (let i = 0; i < 50; i++) {
      await engine.work();
      engine.passTime();
    }
    expect(await engine.execution(id)).toMatchObject({
      status: 'STARTING',
      handedBack: { reason: expect.stringMatching(reason) },
    });
    engine.workers.push({ jobs: [was] });
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'COMPLETED', handedBack: undefined });
  });

  it('are upgraded where the job says how', async () => {
    broken = true;
    const engine = new MemoryEngine([was]);
    const { executionId: id } = await engine.start('numbersJob', { a: 'x' });
    await engine.settle();
    broken = false;
    engine.deploy(
      jobWith({ b: z.string() }, { version: '2', continues: ['1'], upgrade: ({ a }: { a: string }) => ({ b: a }) }),
    );
    const { executionId } = await engine.restart(id);
    await engine.settle();
    expect(await engine.execution(executionId)).toMatchObject({ status: 'COMPLETED', parameters: { b: 'x' } });
  });
});

describe('a fleet of two versions', () => {
  it.each([['old first'], ['new first']])(
    'does the work of each execution by workers that have its version, and spends no try: %s',
    async (order) => {
      const scene = new Scene('load', 'close');
      const { engine } = scene;
      const [old, young] = [scene.job(['load', 'close']), scene.job(['load', 'verify', 'close'], { version: '2' })];
      engine.workers =
        order === 'old first' ? [{ jobs: [old] }, { jobs: [young] }] : [{ jobs: [young] }, { jobs: [old] }];
      const { executionId: first } = await engine.start('numbersJob', { partitions: '6' });
      engine.operator = engine.gateway([young]);
      const { executionId: second } = await engine.start('numbersJob', { partitions: '6' });
      let spent = 0;
      for (let i = 0; i < 1_000 && engine.queue.waiting.length > 0; i++) {
        spent += engine.queue.waiting.reduce((sum, job) => sum + job.spent, 0);
        await engine.work();
        engine.passTime();
      }
      expect(spent).toBe(0);
      expect(await engine.execution(first)).toMatchObject({
        status: 'COMPLETED',
        counts: { writeCount: 30 },
        handedBack: undefined,
      });
      expect(await engine.execution(second)).toMatchObject({
        status: 'COMPLETED',
        counts: { writeCount: 30 },
        handedBack: undefined,
      });
      expect(scene.ran.toSorted()).toEqual(['close', 'close', 'verify']);
      expect(scene.written('load')).toHaveLength(60);
      const names = async (id: typeof first) => (await engine.steps(id)).map(({ stepName }) => stepName);
      expect((await names(first)).filter((name) => !name.includes(':'))).toEqual(['load', 'close']);
      expect((await names(second)).filter((name) => !name.includes(':'))).toEqual(['load', 'verify', 'close']);
    },
  );

  it('with one worker that lacks the job leaves everything to the other', async () => {
    const scene = new Scene('load', 'close');
    scene.engine.workers = [{ jobs: [] }, { jobs: [scene.job(['load', 'close'])] }];
    const id = await scene.run();
    expect(await scene.engine.execution(id)).toMatchObject({ status: 'COMPLETED', counts: { writeCount: 10 } });
  });
});

/** One that was being worked on when all workers lost its job. */
async function orphan() {
  const scene = new Scene('load', 'close');
  const { engine } = scene;
  const { executionId: id } = await engine.start('numbersJob', { partitions: '8' });
  for (let i = 0; i < 4; i++) await engine.deliver();
  engine.deploy(jobOf([task('other')], { name: 'otherJob' }));
  return { ...scene, scene, engine, id };
}

const passHours = async (engine: MemoryEngine, hours: number) => {
  for (let i = 0; i < hours * 60; i++) {
    engine.clock.pass(60_000);
    await engine.work();
    await engine.sweep();
  }
};

describe('an execution that no worker has the job for', () => {
  it('waits, says so, and goes on as soon as one has it', async () => {
    const { engine, id, scene } = await orphan();
    await passHours(engine, 20);
    expect(await engine.execution(id)).toMatchObject({
      status: 'STARTED',
      handedBack: { reason: 'this worker has no job numbersJob' },
    });
    engine.deploy(scene.job(['load', 'close']));
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'COMPLETED', handedBack: undefined });
    expect(new Set(scene.written('load')).size).toBe(scene.written('load').length);
  });

  it('FAILS after a long time, with a message that tells what to do, and can be restarted', async () => {
    const { engine, id, scene } = await orphan();
    await passHours(engine, 30);
    expect(await engine.execution(id)).toMatchObject({
      status: 'FAILED',
      exitDescription:
        'worker: No worker has had the job of this execution for 24 hours: this worker has no job numbersJob. Deploy a worker that has it, then restart the execution.',
    });
    await expect(engine.restart(id)).rejects.toMatchObject({ code: 'UNKNOWN_JOB' });
    engine.deploy(scene.job(['load', 'close']));
    const { executionId } = await engine.restart(id);
    await engine.settle();
    expect((await engine.execution(executionId)).status).toBe('COMPLETED');
  });

  it('that nobody begins FAILS after a long time as well', async () => {
    const scene = new Scene('close');
    const { executionId: id } = await scene.engine.start('numbersJob');
    scene.engine.workers = [{ jobs: [] }];
    await passHours(scene.engine, 26);
    expect((await scene.engine.execution(id)).status).toBe('FAILED');
  });

  it('can be stopped and settled', async () => {
    const { engine, id, database } = await orphan();
    await engine.operator.stop(id, 'ann');
    await engine.settle();
    const { status, counts } = await engine.execution(id);
    expect([status, counts.writeCount]).toEqual(['STOPPED', database.items.length]);
    expect((await engine.steps(id)).filter((step) => step.status === 'STARTED')).toEqual([]);
  });

  it('can be force-stopped, viewed, listed, verified, abandoned and deleted', async () => {
    const { engine, id, database } = await orphan();
    await engine.operator.forceStop(id, 'ann');
    expect(await engine.execution(id)).toMatchObject({
      status: 'STOPPED',
      counts: { writeCount: database.items.length },
      definition: { steps: [{ name: 'load' }, { name: 'close' }] },
    });
    const listed = await engine.store.listInstances('numbersJob', { start: 0, count: 10, statuses: [] });
    expect(listed[0]?.executions.map((one) => one.id)).toEqual([id]);
    expect((await engine.operator.verify(id)).findings).toEqual([
      'The database has not noted that the execution has COMPLETED.',
      '6 of 8 partitions of load are not finished.',
    ]);
    await engine.operator.abandon(id, 'ann');
    await engine.operator.delete(id);
    expect(await engine.store.findExecution(id)).toBeUndefined();
  });

  it('has waited for hours already when it is stopped in between: nothing is left of that', async () => {
    const { engine, id } = await orphan();
    await passHours(engine, 2);
    expect((await engine.execution(id)).handedBack?.since).toBeLessThan(engine.clock.now - HOUR);
    await engine.operator.stop(id, 'ann');
    await engine.settle();
    expect(await engine.execution(id)).toMatchObject({ status: 'STOPPED', handedBack: undefined });
  });
});
