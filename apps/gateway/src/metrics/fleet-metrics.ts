import type { FleetLoad, JobLoad } from '#engine';
import { METRICS, VERSION } from '#platform';
import { Counter, Gauge } from 'prom-client';
import type { ModuleServices } from '../modules/modules.js';

const gauge = (name: string, help: string, ...labelNames: string[]) =>
  new Gauge({ name: `longshore_${name}`, help, labelNames: ['module', ...labelNames], registers: [METRICS] });

const ended = new Counter({
  name: 'longshore_executions_ended_total',
  help: 'Executions that have come to an end, those that were deleted since too',
  labelNames: ['module', 'job', 'status'],
  registers: [METRICS],
});

const GAUGES = {
  executions: gauge('executions', 'Executions by status', 'job', 'status'),
  remaining: gauge('partitions_remaining', 'Planned partitions of running steps that are not done', 'job'),
  runnable: gauge('partitions_runnable', 'Of these, those that more workers could take up now', 'job'),
  progress: gauge('progress_age_seconds', 'How long the most silent running execution has made no progress', 'job'),
  starting: gauge('starting_age_seconds', 'How long the oldest execution that has not begun has been waiting'),
  workers: gauge(
    'workers',
    'Living workers by version; 0 where there is none of the version of the gateway',
    'version',
  ),
  unsettled: gauge('unsettled', 'Ended executions whose counts are still to be compared with the database'),
  sweep: gauge('sweep_age_seconds', 'How long ago the sweeper has last looked at the module'),
  queue: gauge('queue_jobs', 'Jobs of BullMQ by queue and state', 'queue', 'state'),
};

const dependencies = new Gauge({
  name: 'longshore_dependency_up',
  help: 'Whether a dependency answers: 1 or 0',
  labelNames: ['dependency'],
  registers: [METRICS],
});

/** States of jobs that BullMQ counts without looking at them. */
const STATES = ['wait', 'active', 'delayed', 'failed'] as const;

/** Brings the numbers of the fleet up to date, all modules at once. What cannot be asked is absent, not 0. */
export async function collectFleet(modules: readonly ModuleServices[]): Promise<void> {
  const loads = await Promise.all(modules.map((module) => asked(module)));
  for (const known of [...Object.values(GAUGES), ended, dependencies]) known.reset();
  dependencies.set({ dependency: 'redis' }, loads.every((load) => load !== undefined) ? 1 : 0);
  modules.forEach(({ id }, i) => {
    if (loads[i]) setModule(id, loads[i]);
  });
}

interface Asked {
  load: FleetLoad;
  queues: Record<string, Record<string, number>>;
}

/** Undefined where Redis does not answer. */
async function asked({ fleet, queueCounts }: ModuleServices): Promise<Asked | undefined> {
  try {
    const [load, queues] = await Promise.all([fleet.load(), queueCounts(STATES)]);
    return { load, queues };
  } catch {
    return undefined;
  }
}

function setModule(module: string, { load, queues }: Asked): void {
  for (const job of load.jobs) setJob(module, job);
  const starting = load.jobs.map(({ oldestStartingMs = 0 }) => oldestStartingMs);
  GAUGES.starting.set({ module }, Math.max(0, ...starting) / 1_000);
  GAUGES.unsettled.set({ module }, load.unsettled);
  GAUGES.workers.set({ module, version: VERSION }, 0);
  for (const { version } of load.workers) GAUGES.workers.inc({ module, version });
  if (load.lastSweepMs !== undefined) GAUGES.sweep.set({ module }, load.lastSweepMs / 1_000);
  for (const [queue, counts] of Object.entries(queues)) {
    for (const [state, count] of Object.entries(counts)) GAUGES.queue.set({ module, queue, state }, count);
  }
}

function setJob(module: string, load: JobLoad): void {
  const { job } = load;
  for (const [status, count] of Object.entries(load.executions)) GAUGES.executions.set({ module, job, status }, count);
  for (const [status, count] of Object.entries(load.ended)) ended.inc({ module, job, status }, count);
  GAUGES.remaining.set({ module, job }, load.partitionsRemaining);
  GAUGES.runnable.set({ module, job }, load.partitionsRunnable);
  GAUGES.progress.set({ module, job }, (load.oldestProgressMs ?? 0) / 1_000);
}
