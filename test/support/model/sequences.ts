import { array, boolean, constant, constantFrom, integer, nat, oneof, option, tuple } from 'fast-check';
import type { QueueKind } from '#queues';
import {
  command,
  dead,
  deploy,
  forceStopAndDie,
  keepDatabase,
  operate,
  putDatabaseBack,
  remove,
  restart,
  restartRedis,
  start,
  stopWorker,
  timePasses,
  wake,
  work,
} from './commands.js';
import type { ModelJob } from './jobs.js';
import { RELEASE_NAMES } from './releases.js';

const choice = integer({ min: 0, max: 9 }).map((tenths) => tenths / 10);
const kind = constantFrom<QueueKind>('executions', 'executions', 'steps', 'partitions', 'partitions');
const times = integer({ min: 1, max: 3 });
/** Which kind of worker of the fleet takes a delivery. */
const worker = nat(1);
/** Most deliveries make about as many. */
const calls = integer({ min: 0, max: 10 });

const begin = tuple(
  constantFrom<ModelJob>('exactJob', 'twiceJob', 'roughJob', 'changingJob', 'changingJob'),
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
  { weight: 8, arbitrary: tuple(kind, calls, boolean(), worker).map((args) => stopWorker(...args)) },
  { weight: 5, arbitrary: choice.map(wake) },
  { weight: 2, arbitrary: constant(dead) },
  {
    weight: 2,
    arbitrary: kind.map((value) =>
      command(`a job of ${value} is removed by hand`, (_, world) => world.removeJob(value)),
    ),
  },
  { weight: 1, arbitrary: constantFrom<'SIGTERM' | 'SIGKILL'>('SIGTERM', 'SIGKILL').map(restartRedis) },
  { weight: 1, arbitrary: constant(command('Redis forgets its scripts', (_, world) => world.flushScripts())) },
  { weight: 3, arbitrary: constant(keepDatabase) },
  { weight: 3, arbitrary: constant(putDatabaseBack) },
);

const release = option(constantFrom(...RELEASE_NAMES), { nil: undefined, freq: 10 });

/** A rolling update has workers of two releases. */
const deployments = tuple(release, array(release, { minLength: 1, maxLength: 2 })).map((args) => deploy(...args));

const goOn = oneof(
  { weight: 8, arbitrary: tuple(kind, times, worker).map((args) => work(...args)) },
  { weight: 2, arbitrary: constant(timePasses()) },
  { weight: 1, arbitrary: constant(timePasses(true)) },
);

/** Everything that may happen. Each sequence begins with some work to do. */
export const sequences = tuple(
  array(begin, { minLength: 1, maxLength: 2 }),
  array(
    oneof(
      { weight: 1, arbitrary: begin },
      { weight: 4, arbitrary: operations },
      { weight: 6, arbitrary: mishaps },
      { weight: 2, arbitrary: deployments },
      { weight: 9, arbitrary: goOn },
    ),
    {
      minLength: 10,
      maxLength: 40,
      size: 'max',
    },
  ),
).map(([first, then]) => [...first, work('executions', first.length), work('steps', first.length), ...then]);
