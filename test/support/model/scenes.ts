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
  workAlone,
  type Command,
} from './commands.js';
import type { ModelJob } from './jobs.js';
import type { ReleaseName } from './releases.js';

/** Started, and planned: the first partitions stand in the queue. */
const begun = (job: ModelJob, partitions = 1, fails = false): Command[] => [
  start(job, partitions, fails),
  work('executions', 1),
  work('steps', 1),
];

/** Calls of a delivery of a partition: load, open, claim, then commit and mirror for each chunk; at the end finish twice. */
const CLAIMED = 3;
/** Calls up to the last chunk's commit, the sink's finish and the store's. */
const FINISHED = CLAIMED + 2 * 2 + 3;
/** Calls of a controller before it opens the gate: acquire, load, facts, and the look for unsettled predecessors. */
const BEFORE_THE_GATE = 4;
/** Calls of a step's own work, planning: load, claim, begin the plan, append to it, finish, hand out. */
const PLANNED = 5;

/** Fails in its last partition with the first release, and is restarted with another one. */
const restartedAs = (gateway: ReleaseName, workers: ReleaseName[] = [gateway]): Command[] => [
  ...begun('changingJob', 3, true),
  workAlone,
  deploy(gateway, workers),
  restart(0),
  workAlone,
];

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
    work('steps', 1),
    wake(0),
    work('partitions', 1),
  ],
  // Steps: a worker wakes with a partition of the first step when the one of that number is in flight in the second.
  ...[1, CLAIMED - 1].map((before) => [
    ...begun('twiceJob'),
    stopWorker('partitions', before, false),
    work('partitions', 1),
    work('executions', 1),
    work('steps', 1),
    stopWorker('partitions', CLAIMED + 1, false),
    wake(0),
    workAlone,
  ]),
  // A step's own work: its planner sleeps in the plan, and behind its end, while another one plans.
  ...[2, 3, PLANNED - 1].map((before) => [
    start('exactJob', 3, false),
    work('executions', 1),
    stopWorker('steps', before, true),
    work('steps', 1),
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
  [...begun('exactJob', 4), ...Array.from({ length: 4 }, () => stopWorker('partitions', FINISHED - 1, true))],
  [...begun('exactJob', 4), stopWorker('partitions', FINISHED - 1, true), dead, workAlone],
  // Redis restarts: before anything, while workers sleep in a chunk and behind a finish, and in a stop.
  [start('exactJob', 2, false), restartRedis('SIGKILL'), workAlone],
  [
    ...begun('exactJob', 4),
    stopWorker('partitions', CLAIMED + 1, true),
    stopWorker('partitions', FINISHED - 1, true),
    restartRedis('SIGTERM'),
    wake(0),
    operate('stop', 0),
    restartRedis('SIGKILL'),
    work('partitions', 2),
  ],
  // The sweeper: the only job is removed by hand, and nobody comes back for it.
  [start('roughJob', 2, false), command('the job is removed by hand', (_, world) => world.removeJob('executions'))],
  // Deployments between a failure and its restart: refused where the version is the same, continued where it says so.
  ...(['taskletInFront', 'stepRenamed', 'reordered', 'kindChanged', 'newVersionOfAnotherKind'] as const).map(
    (release) => restartedAs(release),
  ),
  ...(['newVersion', 'newVersionInserts', 'newVersionRenames'] as const).map((release) => restartedAs(release)),
  restartedAs('newVersionInserts', ['first', 'newVersionInserts']),
  // A rolling update: workers of both releases take turns, and work that nobody can do any more FAILS.
  [
    deploy('first', ['first', 'stepInserted']),
    ...begun('changingJob', 3),
    deploy('stepInserted', ['first', 'stepInserted']),
    start('changingJob', 2, false),
  ],
  [
    ...begun('changingJob', 2),
    deploy('stepRenamed', ['stepRenamed', undefined]),
    workAlone,
    timePasses(true),
    restart(0),
  ],
  // The database goes back: in a run, between a failure and its restart, before the end, after it, and to nothing.
  [...begun('exactJob', 3), work('partitions', 1), keepDatabase, work('partitions', 1), putDatabaseBack, workAlone],
  [...begun('twiceJob', 2, true), keepDatabase, workAlone, putDatabaseBack, restart(0), workAlone],
  [...begun('twiceJob', 2), keepDatabase, work('partitions', 2), work('executions', 1), putDatabaseBack, workAlone],
  [...begun('exactJob', 2), keepDatabase, workAlone, putDatabaseBack, ...begun('exactJob', 2), workAlone],
  [...begun('exactJob', 2), workAlone, putDatabaseBack],
  [...begun('exactJob', 0), putDatabaseBack, workAlone],
  [...begun('exactJob', 3), work('partitions', 1), putDatabaseBack, workAlone, restart(0), workAlone],
  // It goes back under a worker that sleeps in its transaction's place, and one that sleeps behind its finish.
  [
    ...begun('exactJob', 3),
    keepDatabase,
    stopWorker('partitions', CLAIMED + 1, false),
    stopWorker('partitions', FINISHED - 1, false),
    putDatabaseBack,
    work('partitions', 1),
    wake(0),
    wake(0),
    workAlone,
  ],
];
