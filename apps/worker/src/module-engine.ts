import {
  Controller,
  Maintenance,
  PartitionRunner,
  Recovery,
  Retention,
  StepRunner,
  type FleetPresence,
  type RetentionParts,
} from '#engine';
import { openModule, type OpenModule } from '#module';
import type { Logger, ModuleSettings, RedisClient, Settings } from '#platform';
import { ActiveWork, type ModuleQueues } from '#queues';
import { RedisFleetPresence } from '#repository';

/** What a worker process shares between its modules. */
export interface WorkerParts {
  settings: Settings;
  log: Logger;
  redis: RedisClient;
}

/** Everything that works for one storage module. */
export interface ModuleEngine {
  module: OpenModule;
  active: ActiveWork;
  controller: Controller;
  steps: StepRunner;
  partitions: PartitionRunner;
  maintenance: Maintenance;
  presence: FleetPresence;
}

/** Attempts that may die in a row beyond the tries that transient faults are allowed. */
const DEATHS_TOLERATED = 10;
/** How often a running tasklet or plan asks whether to go on, in ms. */
const STEP_WATCH_MS = 1_000;
/** How many sweeps for silent executions there are to one look at all that run. */
const SWEEPS_BETWEEN_LOOKS = 12;
/** Soonest purge of what was deleted, in ms: Redis may lose two seconds. */
const SOONEST_PURGE_MS = 5_000;
const DAY_MS = 86_400_000;

/** Puts a module's engine together. Opens no connection yet. */
export function composeEngine(
  { settings, log, redis }: WorkerParts,
  moduleSettings: ModuleSettings,
  queues: ModuleQueues,
): ModuleEngine {
  const module = openModule(settings, moduleSettings, {
    redis,
    queues,
    log,
    databaseConnections: settings.WORKER_CONCURRENCY,
  });
  const parts = {
    ...module,
    moduleId: module.id,
    maxTries: settings.PARTITION_ATTEMPTS,
    maxAttempts: settings.PARTITION_ATTEMPTS + DEATHS_TOLERATED,
    window: settings.PARTITION_WINDOW,
    leaseMs: settings.LOCK_DURATION_MS,
    silenceMs: settings.LOCK_DURATION_MS,
    handBackMs: settings.HAND_BACK_LIMIT_MS,
    watchMs: STEP_WATCH_MS,
  };
  const recovery = new Recovery(parts);
  const retention = new Retention({
    ...parts,
    databases: [module.sinks.own],
    rules: retentionRules(settings),
    purgeAfterMs: Math.max(settings.RETENTION_INTERVAL_MS, SOONEST_PURGE_MS),
  });
  return {
    module,
    active: new ActiveWork(module.log),
    controller: new Controller(parts),
    steps: new StepRunner(parts),
    partitions: new PartitionRunner(parts),
    maintenance: new Maintenance({ ...parts, recovery, retention, intervals: intervalsOf(settings) }),
    presence: new RedisFleetPresence(redis, settings.KEY_PREFIX, module.id),
  };
}

const intervalsOf = ({ SWEEP_INTERVAL_MS, RETENTION_INTERVAL_MS }: Settings) => ({
  sweep: SWEEP_INTERVAL_MS,
  'look-at-all': SWEEP_INTERVAL_MS * SWEEPS_BETWEEN_LOOKS,
  retention: RETENTION_INTERVAL_MS,
});

function retentionRules({ RETENTION }: Settings): RetentionParts['rules'] {
  const rules = Object.entries(RETENTION).map(([status, { days = Infinity, count = Infinity }]) => [
    status,
    { age: days * DAY_MS, count },
  ]);
  return Object.fromEntries(rules);
}
