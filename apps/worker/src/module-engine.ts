import { randomUUID } from 'node:crypto';
import {
  Controller,
  PartitionRunner,
  Recovery,
  Retention,
  Settlement,
  type Ambient,
  type RetentionParts,
} from '#engine';
import { openFhirStore, type FhirStore } from '#fhir-store';
import { jobsOf } from '#jobs';
import type { Logger, ModuleSettings, RedisClient, Settings } from '#platform';
import { ActiveWork, BullDispatcher, type QueueKind } from '#queues';
import { RedisExecutionStore } from '#repository';
import type { Queue } from 'bullmq';

/** What a worker process shares between its modules. */
export interface WorkerParts {
  settings: Settings;
  log: Logger;
  redis: RedisClient;
}

/** Everything that works for one storage module. */
export interface ModuleEngine {
  id: string;
  active: ActiveWork;
  controller: Controller;
  partitions: PartitionRunner;
  recovery: Recovery;
  retention: Retention;
  database: FhirStore;
}

/** Attempts that may die fruitlessly beyond the tries that transient faults are allowed. */
const DEATHS_TOLERATED = 10;

/** Puts a module's engine together. Opens no connection yet. */
export function composeEngine(
  { settings, log, redis }: WorkerParts,
  module: ModuleSettings,
  queues: Readonly<Record<QueueKind, Queue>>,
): ModuleEngine {
  const moduleLog = log.with({ module: module.id });
  const database = openFhirStore({
    databaseUrl: module.databaseUrl,
    maxConnections: settings.WORKER_CONCURRENCY,
    log: moduleLog,
  });
  const shared = {
    moduleId: module.id,
    jobs: jobsOf({
      importDirectory: module.importDirectory,
      store: database,
      maxLineBytes: settings.MAX_LINE_BYTES,
    }),
    store: new RedisExecutionStore(redis, settings.KEY_PREFIX, module.id),
    dispatcher: new BullDispatcher(queues.executions, queues.partitions),
    ambient: { now: Date.now, uuid: randomUUID } satisfies Ambient,
    log: moduleLog,
    maxTries: settings.PARTITION_ATTEMPTS,
    maxFruitlessAttempts: settings.PARTITION_ATTEMPTS + DEATHS_TOLERATED,
  };
  const settlement = new Settlement({ ...shared, gates: database.gates, ledger: database.ledger });
  return {
    id: module.id,
    active: new ActiveWork(),
    controller: new Controller({
      ...shared,
      gates: database.gates,
      settlement,
      window: settings.PARTITION_WINDOW,
      leaseMs: settings.LOCK_DURATION_MS,
    }),
    partitions: new PartitionRunner(shared),
    recovery: new Recovery({ ...shared, settlement, silenceMs: settings.LOCK_DURATION_MS }),
    retention: new Retention({
      ...shared,
      settlement,
      ledger: database.ledger,
      rules: retentionRules(settings),
      purgeAfterMs: Math.max(settings.RETENTION_INTERVAL_MS, SOONEST_PURGE_MS),
    }),
    database,
  };
}

/** Soonest purge of what was deleted, in ms: Redis may lose two seconds. */
const SOONEST_PURGE_MS = 5_000;
const DAY_MS = 86_400_000;

function retentionRules({ RETENTION }: Settings): RetentionParts['rules'] {
  const rules = Object.entries(RETENTION).map(([status, { days = Infinity, count = Infinity }]) => [
    status,
    { age: days * DAY_MS, count },
  ]);
  return Object.fromEntries(rules);
}
