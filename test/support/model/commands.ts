import { LongshoreError } from '#domain';
import { array, boolean, constant, constantFrom, integer, nat, oneof, tuple, type AsyncCommand } from 'fast-check';
import { expect } from 'vitest';
import type { ModelJob } from './jobs.js';
import { Life } from './life.js';
import { mayBecomeByItself, RULES, runs, type Plain, type PlainExecution } from './plain.js';
import type { Kind, World } from './world.js';

type Command = AsyncCommand<Plain, World>;
type Act = (model: Plain, world: World) => Promise<void>;

/** A command that reads as its name in a counterexample. Afterwards every status must be one that the model allows. */
const command = (name: string, act: Act, check: (model: Plain) => boolean = () => true): Command => ({
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

const start = (job: ModelJob, partitions: number, fails: boolean): Command =>
  command(`start ${job} of ${partitions}${fails ? ', which fails at first' : ''}`, async (model, world) => {
    const parameters = { partitions: String(partitions), fails: fails ? 'yes' : 'no' };
    const started = await world.operator.start({ jobName: job, parameters, requestedBy: 'ann' });
    const instance = { job, partitions, executions: [] as PlainExecution[], forgot: false };
    add(model, instance, started);
  });

function add(
  model: Plain,
  instance: PlainExecution['instance'],
  started: { executionId: number; executionUuid: string },
) {
  const execution: PlainExecution = {
    id: started.executionId,
    uuid: started.executionUuid,
    status: 'STARTING',
    instance,
    sealed: undefined,
  };
  instance.executions.push(execution);
  model.executions.push(execution);
}

const OPERATION = {
  stop: (world: World, id: never) => world.operator.stop(id, 'ann'),
  'force stop': (world: World, id: never) => world.operator.forceStop(id, 'ann'),
  abandon: (world: World, id: never) => world.operator.abandon(id, 'ann'),
};

const operate = (operation: keyof typeof OPERATION, choice: number): Command =>
  command(
    `${operation} (${choice})`,
    async (model, world) => {
      const execution = pick(model, choice);
      const expected = RULES[operation](execution);
      const refusal = await refusalOf(OPERATION[operation](world, execution.id as never));
      expect(refusal).toBe('refused' in expected ? expected.refused : undefined);
      if ('becomes' in expected) execution.status = expected.becomes;
      if (operation === 'force stop') execution.sealed ??= (await world.written([execution.uuid])).length;
    },
    known,
  );

/** Whether it was carried out nobody knows; but if it was, then wholly, by and by. */
const forceStopAndDie = (choice: number, calls: number, lastIsDone: boolean): Command =>
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

const restart = (choice: number): Command =>
  command(
    `restart (${choice})`,
    async (model, world) => {
      const execution = pick(model, choice);
      const expected = RULES.restart(execution);
      if ('refused' in expected) {
        expect(await refusalOf(world.operator.restart(execution.id as never, 'ann'))).toBe(expected.refused);
      } else add(model, execution.instance, await world.operator.restart(execution.id as never, 'ann'));
    },
    known,
  );

const remove = (choice: number): Command =>
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

const work = (kind: Kind, times: number): Command =>
  command(`${times} deliveries of ${kind}`, async (_, world) => {
    for (let i = 0; i < times; i += 1) await world.deliver(kind, Life.endless());
  });

const stopWorker = (kind: Kind, calls: number, lastIsDone: boolean): Command =>
  command(
    `a worker of ${kind} stops ${lastIsDone ? 'behind' : 'before'} call ${calls + 1}`,
    async (_, world) => void (await world.deliver(kind, new Life(calls, lastIsDone))),
  );

const wake = (which: number): Command => command(`a frozen worker wakes (${which})`, (_, world) => world.wake(which));

const dead = command('the workers that stopped are dead', (_, world) => world.bury());

/** A Redis that ends, however it does, comes back with all that it has answered to. */
const restartRedis = (signal: 'SIGTERM' | 'SIGKILL'): Command =>
  command(`Redis restarts after a ${signal}`, async ({ executions }, world) => {
    const before = await world.recordsOf(executions);
    await world.restartRedis(signal);
    expect(await world.recordsOf(executions)).toEqual(before);
  });

/** Nobody looks for what got lost, so every worker must have left what the next one needs. */
const workAlone = command('work goes on to its end by itself', async (model, world) => {
  await world.work();
  await compare(model, world);
  if (model.executions.some(runs)) throw new Error('An execution still runs.');
});

const choice = integer({ min: 0, max: 9 }).map((tenths) => tenths / 10);
const kind = constantFrom<Kind>('executions', 'partitions', 'partitions');
const times = integer({ min: 1, max: 3 });
/** Most deliveries make about as many. */
const calls = integer({ min: 0, max: 9 });

const begin = tuple(
  constantFrom<ModelJob>('exactJob', 'twiceJob', 'roughJob'),
  constantFrom(0, 1, 2, 3, 4),
  boolean(),
).map((args) => start(...args));

const operations = oneof(
  { weight: 3, arbitrary: choice.map((value) => operate('stop', value)) },
  { weight: 3, arbitrary: choice.map((value) => operate('force stop', value)) },
  { weight: 2, arbitrary: tuple(choice, nat(6), boolean()).map((args) => forceStopAndDie(...args)) },
  { weight: 1, arbitrary: choice.map((value) => operate('abandon', value)) },
  { weight: 1, arbitrary: choice.map(remove) },
  { weight: 5, arbitrary: choice.map(restart) },
);

const mishaps = oneof(
  { weight: 8, arbitrary: tuple(kind, calls, boolean()).map((args) => stopWorker(...args)) },
  {
    weight: 5,
    arbitrary: choice.map(wake),
  },
  { weight: 2, arbitrary: constant(dead) },
  {
    weight: 2,
    arbitrary: kind.map((value) =>
      command(`a job of ${value} is removed by hand`, (_, world) => world.removeJob(value)),
    ),
  },
  { weight: 1, arbitrary: constantFrom<'SIGTERM' | 'SIGKILL'>('SIGTERM', 'SIGKILL').map(restartRedis) },
  { weight: 1, arbitrary: constant(command('Redis forgets its scripts', (_, world) => world.flushScripts())) },
);

const goOn = oneof(
  { weight: 5, arbitrary: tuple(kind, times).map((args) => work(...args)) },
  { weight: 1, arbitrary: constant(command('time passes', (_, world) => world.timePasses())) },
);

/** Everything that may happen. Each sequence begins with some work to do. */
export const sequences = tuple(
  array(begin, { minLength: 1, maxLength: 2 }),
  array(
    oneof(
      { weight: 1, arbitrary: begin },
      { weight: 4, arbitrary: operations },
      { weight: 6, arbitrary: mishaps },
      { weight: 8, arbitrary: goOn },
    ),
    {
      minLength: 10,
      maxLength: 40,
      size: 'max',
    },
  ),
).map(([first, then]) => [...first, work('executions', first.length), ...then]);

const begun = (job: ModelJob, partitions = 1): Command[] => [start(job, partitions, false), work('executions', 1)];

/** Calls of a delivery of a partition: load, open, claim, then commit and mirror for each chunk. */
const CLAIMED = 3;
/** Calls of a controller before it opens the gate: acquire, load, facts, and the look for unsettled predecessors. */
const BEFORE_THE_GATE = 4;

/** What every run begins with, however slow the machine: each mechanism's own moment. */
export const scenes: Command[][] = [
  // The gate: a worker sleeps before a commit, and wakes after a force stop.
  [...begun('exactJob'), stopWorker('partitions', CLAIMED, false), operate('force stop', 0), wake(0)],
  // The gate: a worker sleeps before a commit, the gateway dies before it closes the gate, and the execution is deleted.
  [...begun('exactJob'), stopWorker('partitions', CLAIMED, false), forceStopAndDie(0, 1, true), remove(0), wake(0)],
  // A controller sleeps before it opens the gate, and wakes when a restart runs: it shuts nobody out.
  [
    start('exactJob', 4, false),
    stopWorker('executions', BEFORE_THE_GATE, false),
    operate('force stop', 0),
    restart(0),
    work('executions', 2),
    wake(0),
    work('partitions', 1),
  ],
  // Steps: a worker wakes with a partition of the first step when the one of that number is in flight in the second.
  ...[1, CLAIMED - 1].map((before) => [
    ...begun('twiceJob'),
    stopWorker('partitions', before, false),
    work('partitions', 1),
    work('executions', 1),
    stopWorker('partitions', CLAIMED + 1, false),
    wake(0),
    workAlone,
  ]),
  // The fence: it wakes when another has taken over, in the same execution and in a restart.
  [...begun('exactJob'), stopWorker('partitions', CLAIMED, false), work('partitions', 1), wake(0)],
  [...begun('exactJob'), stopWorker('partitions', CLAIMED + 2, false), operate('force stop', 0), restart(0), wake(0)],
  // Settlement: committed and not mirrored, and the gateway dies in the force stop.
  [...begun('exactJob'), stopWorker('partitions', CLAIMED, true), dead, forceStopAndDie(0, 2, true)],
  [...begun('exactJob'), stopWorker('partitions', CLAIMED, true), dead, operate('force stop', 0), restart(0)],
  // The successor: every worker dies behind a finish, before it can announce what follows.
  [...begun('exactJob', 4), ...Array.from({ length: 4 }, () => stopWorker('partitions', CLAIMED + 6, true))],
  [...begun('exactJob', 4), stopWorker('partitions', CLAIMED + 6, true), dead, workAlone],
  // Redis restarts: before anything, while workers sleep in a chunk and behind a finish, and in a stop.
  [start('exactJob', 2, false), restartRedis('SIGKILL'), workAlone],
  [
    ...begun('exactJob', 4),
    stopWorker('partitions', CLAIMED + 1, true),
    stopWorker('partitions', CLAIMED + 6, true),
    restartRedis('SIGTERM'),
    wake(0),
    operate('stop', 0),
    restartRedis('SIGKILL'),
    work('partitions', 2),
  ],
  // The sweeper: the only job is removed by hand, and nobody comes back for it.
  [start('roughJob', 2, false), command('the job is removed by hand', (_, world) => world.removeJob('executions'))],
];
