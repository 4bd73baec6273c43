import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { isRunning, mayBecome, type BatchStatus, type ExecutionId } from '#domain';
import type { Job } from '#job-kit';
import type { JobOperator } from './operator.js';
import { MemoryDatabase } from './testing/memory-database.js';
import { MemoryEngine, type InHand, type Wrap } from './testing/memory-engine.js';
import { ITEMS, jobOf, numbers, task, type Numbered } from './testing/numbers-job.js';
import { Processes, wrappedSink, type Process } from './testing/processes.js';

const MOST_PROCESSES = 4;
const PARTITIONS = 3;
/** Of a process before another one has a turn. */
const MOST_CALLS = 7;

/** A worker in the middle of a delivery, or a gateway in the middle of an operation. */
interface Busy {
  process: Process;
  inHand: InHand | undefined;
}

/** The engine among processes that come, freeze, wake and die, driven by random numbers. */
class World {
  readonly database = new MemoryDatabase();
  readonly processes = new Processes();
  readonly engine: MemoryEngine;
  /** What was done, for a counterexample. */
  readonly told: string[] = [];
  readonly #jobs: Job[];
  #busy: Busy[] = [];
  #statuses = new Map<ExecutionId, BatchStatus>();
  /** Executions whose force stop was asked for; once it was answered, how many items they had written. */
  readonly forced = new Map<ExecutionId, number | undefined>();
  #started = 0;

  constructor(readonly failsAtFirst: boolean) {
    this.#jobs = this.#jobsWith((port) => port);
    this.engine = new MemoryEngine(this.#jobs, {
      database: this.database,
      window: 2,
      maxTries: 1_000,
      maxAttempts: 1_000,
    });
  }

  /** The jobs as a process has them: their sinks' calls are its calls. */
  #jobsWith(wrap: Wrap): Job[] {
    const writer = { sink: wrappedSink(this.database.sink<Numbered>(), wrap) };
    const process = (
      item: Numbered,
      { executionUuid, instanceUuid }: { executionUuid: string; instanceUuid: string },
    ) => {
      if (this.failsAtFirst && executionUuid === instanceUuid && item.partition === 1 && item.item === 3) {
        throw new Error('not yet');
      }
      return item;
    };
    const job = jobOf([numbers('load', writer, { process }), numbers('again', writer), task('close')]);
    return [job];
  }

  /** @param deliveries of its work that go well before anything happens */
  async start(deliveries: number): Promise<void> {
    await this.engine.start('numbersJob', { partitions: String(PARTITIONS) });
    for (let i = 0; i < deliveries; i++) await this.engine.deliver();
  }

  /** Does one of the things that may happen. */
  async act(choice: number, which: number): Promise<void> {
    const pick = <T>(all: readonly T[]): T | undefined => all[which % Math.max(all.length, 1)];
    const busy = pick(this.#busy);
    // Most of the time somebody goes on.
    if (choice < 55) await this.#goOn(pick(this.processes.standing), 1 + (which % MOST_CALLS));
    else if (choice < 80) this.#deliver(which);
    else if (choice < 84) await this.#die(busy, which % 2 === 1);
    else if (choice < 90) this.#freeze(busy);
    else if (choice < 92) this.#tell('time passes', () => this.engine.passTime());
    else if (choice < 94) await this.#sweep();
    else if (choice < 96) this.#lose(pick(this.engine.queue.waiting)?.id);
    else await this.#operate(pick([...this.#statuses.keys()].toReversed()), pick(OPERATION_NAMES)!);
    await this.#compare();
  }

  /** Whoever stands goes on, then everything comes to its end by itself. */
  async settle(): Promise<void> {
    await this.processes.finish();
    await this.#compare();
    await this.engine.settle();
    await this.#compare();
  }

  /** Each step of the world is one call, so a status moves along one arrow at most. */
  async #compare(): Promise<void> {
    const running = new Set<number>();
    for (const [id, { status: to, instanceId }] of this.executions) {
      const from = this.#statuses.get(id) ?? to;
      const isLegal =
        from === to || mayBecome(from, to) || (to === 'STOPPED' && this.forced.has(id)) || this.#settling(from, to);
      if (!isLegal) throw new Error(`Execution ${id} was ${from} and became ${to}.`);
      this.#statuses.set(id, to);
      if (!isRunning(to)) continue;
      if (running.has(instanceId)) throw new Error(`Two executions of instance ${instanceId} run.`);
      running.add(instanceId);
    }
  }

  /** Many calls at once. */
  #isSettling = false;
  #settling(from: BatchStatus, to: BatchStatus): boolean {
    return this.#isSettling && isRunning(from) && !isRunning(to);
  }

  get executions() {
    return this.engine.store.snapshot().executions;
  }

  #tell(what: string, act: () => void = () => undefined): void {
    this.told.push(what);
    act();
  }

  async #goOn(process: Process | undefined, calls: number): Promise<void> {
    if (!process) return;
    this.#tell(`${process.name} makes ${calls} calls`);
    for (let i = 0; i < calls; i++) {
      await this.processes.step(process);
      await this.#compare();
    }
  }

  #deliver(which: number): void {
    if (this.#busy.length >= MOST_PROCESSES) return;
    const due = this.engine.queue.waiting.filter((job) => job.due <= this.engine.clock.now);
    const job = due[which % Math.max(due.length, 1)];
    if (!job) return;
    const process = this.processes.start(`worker ${++this.#started} (${job.id.slice(37)})`);
    this.#tell(`${process.name} is delivered work`);
    const inHand = this.engine.take({ jobs: this.#jobsWith(process.wrap), wrap: process.wrap }, job.id)!;
    const busy = { process, inHand };
    this.#busy.push(busy);
    const ended = () => void (this.#busy = this.#busy.filter((other) => other !== busy));
    this.engine.answer(inHand).then(ended, ended);
  }

  /** A dead process's lock runs out, and the queue gives its job to the next. */
  async #die(busy: Busy | undefined, behind: boolean): Promise<void> {
    if (!busy) return;
    this.#tell(`${busy.process.name} dies ${behind ? 'behind' : 'before'} its call`);
    await this.processes.kill(busy.process, behind);
    this.#freeze(busy, false);
  }

  /** The same, while it goes on some time later. */
  #freeze(busy: Busy | undefined, tell = true): void {
    if (!busy) return;
    if (tell) this.#tell(`${busy.process.name} freezes`);
    this.#busy = this.#busy.filter((other) => other !== busy);
    if (busy.inHand) this.engine.queue.putBack(busy.inHand.job, 0, 0);
  }

  async #sweep(): Promise<void> {
    this.#tell('the sweeper looks');
    await this.engine.sweep(0);
  }

  #lose(id: string | undefined): void {
    if (id === undefined) return;
    this.#tell(`${id.slice(37)} is lost`, () => this.engine.queue.lose(id));
  }

  async #operate(id: ExecutionId | undefined, operation: 'stop' | 'forceStop' | 'restart'): Promise<void> {
    if (id === undefined) return;
    const process = this.processes.start(`gateway ${++this.#started} (${operation} ${id})`);
    const operator = this.engine.gateway(this.#jobsWith(process.wrap), process.wrap);
    if (operation === 'forceStop') this.forced.set(id, this.forced.get(id));
    const asked = OPERATIONS[operation](operator, id).then(
      () => this.#answered(operation, id),
      () => undefined,
    );
    const busy = { process, inHand: undefined };
    this.#busy.push(busy);
    void asked.then(() => (this.#busy = this.#busy.filter((other) => other !== busy)));
    this.#tell(`${process.name} begins`);
  }

  #answered(operation: string, id: ExecutionId): void {
    if (operation !== 'forceStop' || this.forced.get(id) !== undefined) return;
    const { uuid } = this.executions.get(id)!;
    this.forced.set(id, this.database.items.filter(({ executionUuid }) => executionUuid === uuid).length);
  }

  /** Work goes on to its end by itself: nobody sweeps, and nothing but repeats' delays pass. */
  async workAlone(): Promise<void> {
    await this.processes.finish();
    for (let i = 0; i < 100 && this.engine.queue.waiting.length > 0; i++) {
      await this.engine.work();
      this.engine.passTime();
    }
  }

  async end(): Promise<void> {
    this.#isSettling = true;
    await this.processes.finish();
    await this.settle();
  }
}

/** What must hold in the end. */
async function agree(world: World): Promise<void> {
  const { engine, database, failsAtFirst, forced } = world;
  for (const id of world.executions.keys()) {
    const execution = await engine.execution(id);
    const own = database.items.filter(({ executionUuid }) => executionUuid === execution.uuid);
    const all = database.items.filter(({ instanceUuid }) => instanceUuid === execution.instanceUuid);
    const places = new Set(all.map(({ item }) => JSON.stringify(item)));
    expect(isRunning(execution.status)).toBe(false);
    expect({ id, writeCount: execution.counts.writeCount }).toEqual({ id, writeCount: own.length });
    expect(all).toHaveLength(places.size);
    expect((await engine.steps(id)).filter(({ status }) => status === 'STARTED')).toEqual([]);
    expect({ id, written: own.length }).toEqual({ id, written: forced.get(id) ?? own.length });
    expect(execution.status !== 'FAILED' || failsAtFirst).toBe(true);
    if (execution.status !== 'COMPLETED') continue;
    expect(places.size).toBe(2 * PARTITIONS * ITEMS);
    expect(execution.progress).toEqual({
      partitionsTotal: 2 * PARTITIONS,
      partitionsDone: 2 * PARTITIONS,
      rowsTotal: 2 * PARTITIONS * ITEMS,
      rowsDone: 2 * PARTITIONS * ITEMS,
    });
    expect(await engine.operator.verify(id)).toMatchObject({ verified: true });
  }
}

const OPERATIONS = {
  stop: (operator: JobOperator, id: ExecutionId): Promise<unknown> => operator.stop(id, 'ann'),
  forceStop: (operator: JobOperator, id: ExecutionId): Promise<unknown> => operator.forceStop(id, 'ann'),
  restart: (operator: JobOperator, id: ExecutionId): Promise<unknown> => operator.restart(id, 'ann'),
};

/** A restart comes to nothing unless there was a stop, or a failure. */
const OPERATION_NAMES = ['stop', 'forceStop', 'restart', 'restart', 'restart'] as const;

const acts = fc.array(fc.tuple(fc.nat(99), fc.nat(1_000)), { minLength: 60, maxLength: 300, size: 'max' });

it('whatever the order of calls, deaths and operations: statuses as the table has them, nothing lost, doubled or hanging', async () => {
  const held = fc.assert(
    fc.asyncProperty(acts, fc.nat(9), fc.boolean(), async (sequence, deliveries, failsAtFirst) => {
      const world = new World(failsAtFirst);
      try {
        await world.start(deliveries);
        for (const [choice, which] of sequence) await world.act(choice, which);
        await world.end();
        await agree(world);
      } catch (error) {
        (error as Error).message += `\n${world.told.join('\n')}`;
        throw error;
      }
    }),
    { numRuns: Number(process.env.INTERLEAVINGS ?? 60) },
  );
  await expect(held).resolves.toBeUndefined();
}, 120_000);

/** Nobody loses anything here, so nobody need look for it: workers take turns, some are frozen or dead, and come back. */
const calmActs = fc.array(fc.tuple(fc.nat(89), fc.nat(1_000)), { minLength: 40, maxLength: 200, size: 'max' });

it('goes on to its end without the sweeper, whatever the order of calls and deaths', async () => {
  const held = fc.assert(
    fc.asyncProperty(calmActs, fc.nat(9), async (sequence, deliveries) => {
      const world = new World(false);
      try {
        await world.start(deliveries);
        for (const [choice, which] of sequence) await world.act(choice, which);
        await world.workAlone();
        const [running] = await world.engine.store.silentFor(0, 1);
        if (running) throw new Error(`Execution ${running.id} waits for the sweeper.`);
      } catch (error) {
        (error as Error).message += `\n${world.told.join('\n')}`;
        throw error;
      }
    }),
    { numRuns: Number(process.env.INTERLEAVINGS ?? 60) },
  );
  await expect(held).resolves.toBeUndefined();
}, 120_000);
