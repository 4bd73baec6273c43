import {
  Settlement,
  type Ambient,
  type CancelChannel,
  type DelayedWork,
  type Dispatcher,
  type ExecutionReader,
  type Sinks,
  type TransitionListener,
} from '#engine';
import { fhirStore, type FhirStore } from '#fhir';
import type { JobRegistry } from '#job-kit';
import { jobsOf } from '#jobs';
import type { Logger, ModuleSettings, RedisClient, Settings } from '#platform';
import { openPostgres, type Postgres } from '#postgres';
import { BullDelayedWork, BullDispatcher, RedisCancelChannel, type ModuleQueues } from '#queues';
import { RedisExecutionReader, redisExecutionStore, type RedisExecutionStore } from '#repository';
import { randomUUID } from 'node:crypto';
import { lifecycleLog } from './lifecycle-log.js';
import { lifecycleMetrics } from './lifecycle-metrics.js';

/** What a process opens its modules with; the caller closes it. */
export interface Connections {
  redis: RedisClient;
  queues: ModuleQueues;
  log: Logger;
  /** Attempts at partitions side by side in this process, each on a connection to the database: 1 and up. */
  databaseConnections: number;
}

/** A storage module, as gateway and worker both need it. */
export interface OpenModule {
  id: string;
  log: Logger;
  jobs: JobRegistry;
  postgres: Postgres;
  fhir: FhirStore;
  store: RedisExecutionStore;
  reader: ExecutionReader;
  dispatcher: Dispatcher;
  delayed: DelayedWork;
  cancel: CancelChannel;
  sinks: Sinks;
  settlement: Settlement;
  ambient: Ambient;
  /** Closes what was opened for this module alone. */
  close(): Promise<void>;
}

/** Puts a module together, once for every kind of process. Opens no connection yet. */
export function openModule(
  settings: Settings,
  { id, databaseUrl, importDirectory }: ModuleSettings,
  { redis, queues, log, databaseConnections }: Connections,
): OpenModule {
  const moduleLog = log.with({ module: id });
  const postgres = openPostgres({ databaseUrl, maxConnections: databaseConnections, log: moduleLog });
  const fhir = fhirStore(postgres);
  const jobs = jobsOf({
    importDirectory,
    store: fhir,
    maxLineBytes: settings.MAX_LINE_BYTES,
    noopVersion: settings.NOOP_JOB_VERSION,
  });
  const store = redisExecutionStore(
    redis,
    settings.KEY_PREFIX,
    id,
    toBoth(lifecycleLog(moduleLog), lifecycleMetrics(id)),
  );
  const sinks = { jobs, own: fhir.sink };
  return {
    id,
    log: moduleLog,
    jobs,
    postgres,
    fhir,
    store,
    reader: new RedisExecutionReader(redis, settings.KEY_PREFIX, id),
    dispatcher: new BullDispatcher(queues),
    delayed: new BullDelayedWork(queues, redis),
    cancel: new RedisCancelChannel(redis, settings.KEY_PREFIX, id),
    sinks,
    settlement: new Settlement({ store, sinks }),
    ambient: { uuid: randomUUID },
    close: () => postgres.close(),
  };
}

const toBoth =
  (first: TransitionListener, second: TransitionListener): TransitionListener =>
  (event) => {
    first(event);
    second(event);
  };
