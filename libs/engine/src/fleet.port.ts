import type { BatchStatus } from '#domain';

/** What a module's fleet has to do, of one job. */
export interface JobLoad {
  job: string;
  /** How many executions have a status; 0 where absent. */
  executions: Partial<Record<BatchStatus, number>>;
  /** How many executions have come to an end, those that were deleted since too; 0 where absent. */
  ended: Partial<Record<BatchStatus, number>>;
  running: number;
  /** Planned partitions of running steps that are not done. */
  partitionsRemaining: number;
  /** Of these, those handed out: what more workers could take up now. It is the sum of min(left, window) over the steps. */
  partitionsRunnable: number;
  /** How long the running execution that has been silent longest has been so, in ms; undefined where none runs. */
  oldestProgressMs: number | undefined;
  /** How long the execution that has been STARTING longest has been so, in ms; undefined where none is. */
  oldestStartingMs: number | undefined;
}

/** A worker process that serves a module. */
export interface LivingWorker {
  /** E.g. `host-7:4711:9f3a`: host, process id, and something that tells two runs apart. */
  id: string;
  /** Version of the software, e.g. `0.1.0`. */
  version: string;
}

export interface FleetLoad {
  /** By the name of the job. */
  jobs: JobLoad[];
  /** Those that serve the module and have said so within the last 15 s. */
  workers: LivingWorker[];
  /** How long ago the sweeper has last looked at the module, in ms; undefined where it never has. */
  lastSweepMs: number | undefined;
  /** Executions whose counts are still to be compared with the database. */
  unsettled: number;
  /** Whether more executions run than were looked into (1,000): then the partitions are those of the most silent ones. */
  isPartial: boolean;
}

/** How workers let others know that they serve a module. */
export interface FleetPresence {
  /** To be said again within 15 s, or the worker no longer counts as living. */
  beat(worker: LivingWorker): Promise<void>;
  /** The worker takes no more work. */
  leave(worker: LivingWorker): Promise<void>;
}

/** Asks for the load of a module by one command, whose cost follows what runs, and not what is stored. */
export interface FleetReader {
  load(): Promise<FleetLoad>;
  /** Whether a living worker serves the module: one look at an index. */
  hasWorkers(): Promise<boolean>;
}
