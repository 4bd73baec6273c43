import { LongshoreError } from '#domain';
import type { AsyncCommand } from 'fast-check';
import { expect } from 'vitest';
import type { QueueKind } from '#queues';
import { modelJobs, type ModelJob } from './jobs.js';
import { Life } from './life.js';
import { mayBecomeByItself, RULES, runs, type Plain, type PlainExecution, type PlainInstance } from './plain.js';
import { RELEASES, type ReleaseName } from './releases.js';
import type { World } from './world.js';

export type Command = AsyncCommand<Plain, World>;
type Act = (model: Plain, world: World) => Promise<void>;

/** A command that reads as its name in a counterexample. Afterwards every status must be one that the model allows. */
export const command = (name: string, act: Act, check: (model: Plain) => boolean = () => true): Command => ({
  check,
  async run(model, world) {
    await act(model, world);
    await compare(model, world);
  },
  toString: () => name,
});

/** Work goes on by itself: the model takes over what it allows, and nothing else may have happened. */
export async function compare(model: Plain, world: World): Promise<void> {
  for (const execution of model.executions) {
    const status = await world.statusOf(execution.id);
    if (status === undefined || !mayBecomeByItself(execution.status, status)) {
      throw new Error(`Execution ${execution.id} was ${execution.status} and became ${status ?? 'unknown'}.`);
    }
    execution.status = status;
  }
  const running = model.executions.filter(runs);
  expect(new Set(running.map(({ instance }) => instance)).size).toBe(running.length);
}

const known = ({ executions }: Plain): boolean => executions.length > 0;

const pick = ({ executions }: Plain, choice: number): PlainExecution =>
  executions[Math.floor(choice * executions.length)]!;

/** The code of the refusal, or undefined if there was none. */
async function refusalOf(asked: Promise<unknown>): Promise<string | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (error instanceof LongshoreError) return error.code;
    throw error;
  }
}

export const start = (job: ModelJob, partitions: number, fails: boolean): Command =>
  command(`start ${job} of ${partitions}${fails ? ', which fails at first' : ''}`, async (model, world) => {
    const parameters = parametersOf(partitions, fails, job === 'changingJob' ? model.gateway : undefined);
    const started = world.operator.start({ jobName: job, parameters, requestedBy: 'ann' });
    if (job === 'changingJob' && !model.gateway) {
      expect(await refusalOf(started)).toBe('UNKNOWN_JOB');
      return;
    }
    add(model, { job, partitions, fails, executions: [], forgot: false, abandoned: false }, await started);
  });

const parametersOf = (partitions: number, fails: boolean, release: ReleaseName | undefined) => ({
  partitions: String(partitions),
  fails: fails ? 'yes' : 'no',
  ...(release && RELEASES[release].extra ? { extra: 'given' } : {}),
});

function add(model: Plain, instance: PlainInstance, started: { executionId: number; executionUuid: string }) {
  const release = model.gateway ?? 'first';
  const execution: PlainExecution = {
    id: started.executionId,
    uuid: started.executionUuid,
    status: 'STARTING',
    instance,
    sealed: undefined,
    release,
    extra: RELEASES[release].extra,
  };
  instance.executions.push(execution);
  model.executions.push(execution);
}

const OPERATION = {
  stop: (world: World, id: never) => world.operator.stop(id, 'ann'),
  'force stop': (world: World, id: never) => world.operator.forceStop(id, 'ann'),
  abandon: (world: World, id: never) => world.operator.abandon(id, 'ann'),
};

export const operate = (operation: keyof typeof OPERATION, choice: number): Command =>
  command(
    `${operation} (${choice})`,
    async (model, world) => {
      const execution = pick(model, choice);
      const expected = RULES[operation](execution);
      const refusal = await refusalOf(OPERATION[operation](world, execution.id as never));
      expect(refusal).toBe('refused' in expected ? expected.refused : undefined);
      if ('becomes' in expected) execution.status = expected.becomes;
      if (operation === 'abandon' && 'becomes' in expected) execution.instance.abandoned = true;
      if (operation === 'force stop') execution.sealed ??= (await world.written([execution.uuid])).length;
    },
    known,
  );

/** Whether it was carried out nobody knows; but if it was, then wholly, by and by. */
export const forceStopAndDie = (choice: number, calls: number, lastIsDone: boolean): Command =>
  command(
    `a gateway dies ${lastIsDone ? 'behind' : 'before'} call ${calls + 1} of a force stop (${choice})`,
    async (model, world) => {
      const execution = pick(model, choice);
      const life = new Life(calls, lastIsDone);
      await Promise.race([world.operatorWith(life).forceStop(execution.id as never, 'ann'), life.over]);
      if ((await world.statusOf(execution.id)) === 'STOPPED') execution.status = 'STOPPED';
    },
    known,
  );

export const restart = (choice: number): Command =>
  command(
    `restart (${choice})`,
    async (model, world) => {
      const execution = pick(model, choice);
      const expected = RULES.restart(execution, model.gateway);
      if ('refused' in expected) {
        expect(await refusalOf(world.operator.restart(execution.id as never, 'ann'))).toBe(expected.refused);
      } else add(model, execution.instance, await world.operator.restart(execution.id as never, 'ann'));
    },
    known,
  );

export const remove = (choice: number): Command =>
  command(
    `delete (${choice})`,
    async (model, world) => {
      const execution = pick(model, choice);
      const { id, uuid, status, instance } = execution;
      const refusal = await refusalOf(world.operator.delete(id as never));
      if (['STARTING', 'STARTED', 'STOPPING'].includes(status)) {
        expect(refusal).toBe('EXECUTION_STILL_RUNNING');
        return;
      }
      expect(refusal).toBeUndefined();
      expect(await refusalOf(world.operator.stop(id as never, 'ann'))).toBe('UNKNOWN_EXECUTION');
      model.deleted.push({ uuid, written: (await world.written([uuid])).length });
      model.executions = model.executions.filter((other) => other !== execution);
      instance.executions = instance.executions.filter((other) => other !== execution);
      instance.forgot = true;
    },
    known,
  );

export const work = (kind: QueueKind, times: number, worker?: number): Command =>
  command(`${times} deliveries of ${kind}${by(worker)}`, async (_, world) => {
    for (let i = 0; i < times; i += 1) await world.deliver(kind, Life.endless(), worker);
  });

export const stopWorker = (kind: QueueKind, calls: number, lastIsDone: boolean, worker?: number): Command =>
  command(
    `a worker of ${kind}${by(worker)} stops ${lastIsDone ? 'behind' : 'before'} call ${calls + 1}`,
    async (_, world) => void (await world.deliver(kind, new Life(calls, lastIsDone), worker)),
  );

const by = (worker: number | undefined): string => (worker === undefined ? '' : ` by worker ${worker}`);

export const wake = (which: number): Command =>
  command(`a frozen worker wakes (${which})`, (_, world) => world.wake(which));

export const dead = command('the workers that stopped are dead', (_, world) => world.bury());

/** A Redis that ends, however it does, comes back with all that it has answered to. */
export const restartRedis = (signal: 'SIGTERM' | 'SIGKILL'): Command =>
  command(`Redis restarts after a ${signal}`, async ({ executions }, world) => {
    const before = await world.recordsOf(executions);
    await world.restartRedis(signal);
    expect(await world.recordsOf(executions)).toEqual(before);
  });

/** Nobody looks for what got lost, so every worker must have left what the next one needs. */
export const workAlone = command('work goes on to its end by itself', async (model, world) => {
  await world.work();
  await compare(model, world);
  // What no worker can do waits for one that can, and what meets a database that went back may need another try.
  if (!model.deployed && !model.wentBack && model.executions.some(runs)) throw new Error('An execution still runs.');
});

/** Gateways get the one release, and the fleet has workers of these; `undefined` is a process without the job. */
export const deploy = (gateway: ReleaseName | undefined, workers: readonly (ReleaseName | undefined)[]): Command =>
  command(`gateways get ${named(gateway)}, workers ${workers.map(named).join(' and ')}`, async (model, world) => {
    model.gateway = gateway;
    model.deployed = true;
    world.fleet = { gateway: modelJobs(gateway), workers: workers.map((release) => modelJobs(release)) };
  });

const named = (release: ReleaseName | undefined): string => release ?? 'no changingJob';

export const keepDatabase = command('the database is copied', (_, world) => world.history.keep());

/** What a force stop, or a deletion, has sealed is less than it was, and must not grow. */
export const putDatabaseBack = command('the database is put back', async (model, world) => {
  await world.history.putBack();
  model.wentBack = true;
  for (const execution of model.executions) {
    if (execution.sealed !== undefined) execution.sealed = (await world.written([execution.uuid])).length;
  }
  for (const deleted of model.deleted) deleted.written = (await world.written([deleted.uuid])).length;
});

export const timePasses = (beyondHandBack = false): Command =>
  command(`time passes${beyondHandBack ? ', more than work may be handed back' : ''}`, (_, world) =>
    world.timePasses(beyondHandBack),
  );
