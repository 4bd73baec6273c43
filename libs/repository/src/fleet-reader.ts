import type { BatchStatus } from '#domain';
import type { FleetLoad, FleetPresence, FleetReader, JobLoad, LivingWorker } from '#engine';
import type { RedisClient } from '#platform';
import { accessTo, type Access } from './access.js';
import { hashOf } from './codec.js';
import { list, strings, type Reply } from './script-runner.js';

/** Running executions that are looked into. */
const MOST_RUNNING = 1_000;
/** How long a worker may be silent and still counts as living, in ms: three beats. */
const ALIVE_MS = 15_000;
/** When a silent worker is taken out of the index, in ms. */
const FORGET_MS = 60_000;

/** `now:COMPLETED:noopJob` */
const TALLY = /^(now|ended):([A-Z]+):(.*)$/s;

const IDLE = {
  running: 0,
  partitionsRemaining: 0,
  partitionsRunnable: 0,
  oldestProgressMs: undefined,
  oldestStartingMs: undefined,
};

export class RedisFleetReader implements FleetReader {
  readonly #at: Access;

  constructor(redis: RedisClient, prefix: string, moduleId: string) {
    this.#at = accessTo(redis, prefix, moduleId);
  }

  async load(): Promise<FleetLoad> {
    const reply = list(await this.#at.run('fleet', { most: MOST_RUNNING, aliveMs: ALIVE_MS }));
    const [tally, unsettled, runningCount, running, workers, swept] = reply;
    const jobs = new Map<string, JobLoad>();
    for (const [field, count] of hashOf(strings(tally))) addTally(jobs, field, Number(count));
    for (const execution of list(running)) addRunning(jobs, list(execution));
    return {
      jobs: [...jobs.values()].toSorted((a, b) => (a.job < b.job ? -1 : 1)),
      workers: strings(workers).map(workerOf),
      lastSweepMs: swept === '' ? undefined : Number(swept),
      unsettled: Number(unsettled),
      isPartial: Number(runningCount) > MOST_RUNNING,
    };
  }

  async hasWorkers(): Promise<boolean> {
    return Number(await this.#at.run('livingWorkers', { aliveMs: ALIVE_MS })) > 0;
  }
}

/** The index of the workers that serve a module, by the time of their last beat. */
export class RedisFleetPresence implements FleetPresence {
  readonly #at: Access;

  constructor(redis: RedisClient, prefix: string, moduleId: string) {
    this.#at = accessTo(redis, prefix, moduleId);
  }

  async beat(worker: LivingWorker): Promise<void> {
    await this.#at.run('beat', { worker: memberOf(worker), forgetMs: FORGET_MS });
  }

  async leave(worker: LivingWorker): Promise<void> {
    await this.#at.redis.zrem(this.#at.key('workers'), memberOf(worker));
  }
}

const memberOf = ({ id, version }: LivingWorker): string => `${version},${id}`;

function workerOf(member: string): LivingWorker {
  const comma = member.indexOf(',');
  return { version: member.slice(0, comma), id: member.slice(comma + 1) };
}

function loadOf(jobs: Map<string, JobLoad>, job: string): JobLoad {
  const known = jobs.get(job) ?? { job, executions: {}, ended: {}, ...IDLE };
  jobs.set(job, known);
  return known;
}

function addTally(jobs: Map<string, JobLoad>, field: string, count: number): void {
  const [, kind, status, job = ''] = TALLY.exec(field) ?? [];
  if (kind === undefined) return;
  const { executions, ended } = loadOf(jobs, job);
  (kind === 'now' ? executions : ended)[status as BatchStatus] = count;
}

function addRunning(jobs: Map<string, JobLoad>, execution: Reply[]): void {
  const [job = '', status] = strings(execution.slice(0, 2));
  const [silentMs = 0, ageMs = 0, remaining = 0, runnable = 0] = execution.slice(2).map(Number);
  const load = loadOf(jobs, job);
  load.running += 1;
  load.partitionsRemaining += remaining;
  load.partitionsRunnable += runnable;
  load.oldestProgressMs = Math.max(load.oldestProgressMs ?? 0, silentMs);
  if (status === 'STARTING') load.oldestStartingMs = Math.max(load.oldestStartingMs ?? 0, ageMs);
}
