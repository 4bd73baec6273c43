import ioredis, { type Redis } from 'ioredis';
import { Client } from 'pg';
import type { BatchJobClient, GivenParameters, SingleExecutionJson } from '#client';
import { keptCredentials } from '../scripts/local/credentials.js';
import { LocalFleet } from '../scripts/local/fleet.js';
import { freePort } from '../scripts/local/ports.js';
import type { LocalProcess } from '../scripts/local/processes.js';
import type { ProcessManager } from '../scripts/local/process-manager.js';

export interface FleetOptions {
  /** Default 2, as `npm start` has it. */
  workers?: number;
  /** Settings that differ from the defaults, because the line is about them. */
  env?: NodeJS.ProcessEnv;
  /** Whether it gets a Redis of its own, so that it can run beside another fleet. Default false. */
  apart?: boolean;
}

interface FleetPlace {
  directory: string;
  redisUrl: string;
  databaseUrl: string;
  importDirectory: string;
}

/** How long an execution took, from the start request until its `endTime`, in ms, and how it ended. */
export interface Run {
  id: number;
  ms: number;
  view: SingleExecutionJson;
}

export const KEY_PREFIX = 'longshore-bench';
const POLL_EVERY_MS = 50;
/** Longest execution of any line, in ms. */
const RUN_WITHIN_MS = 3_600_000;

/** A gateway and workers as `npm start` runs them, and connections to look at what they do. */
export class BenchFleet {
  readonly client: BatchJobClient;
  /** The operator's `Authorization` header. */
  readonly authorization: string;
  readonly url: string;
  readonly workers: readonly LocalProcess[];

  private constructor(
    fleet: LocalFleet,
    readonly redis: Redis,
    readonly postgres: Client,
    private readonly processes: readonly LocalProcess[],
  ) {
    this.client = fleet.client();
    this.authorization = this.client.authorization;
    this.url = fleet.url;
    this.workers = processes.filter(({ spec }) => spec.stage === 'worker');
  }

  static async start(manager: ProcessManager, { workers = 2, env = {}, ...place }: FleetPlace & FleetOptions) {
    const { usersFile, ...credentials } = await keptCredentials(place.directory);
    const redis = new ioredis.Redis(place.redisUrl);
    await redis.flushall();
    const settings = { ...place, usersFile, keyPrefix: KEY_PREFIX };
    const fleet = new LocalFleet(manager, { settings, credentials, port: await freePort(), env });
    const processes = await fleet.start(workers);
    const postgres = new Client({ connectionString: place.databaseUrl });
    await postgres.connect();
    return new BenchFleet(fleet, redis, postgres, processes);
  }

  /** Runs a job to its end. @throws Error if it does not complete */
  async run(jobName: string, parameters: GivenParameters): Promise<Run> {
    const began = Date.now();
    const { jobExecutionId: id } = await this.client.start(jobName, parameters);
    const view = await this.completed(jobName, id);
    return { id, ms: Date.parse(view.endTime ?? '') - began, view };
  }

  /** Waits for the end of an execution. @throws Error if it does not complete */
  async completed(jobName: string, id: number, everyMs = POLL_EVERY_MS): Promise<SingleExecutionJson> {
    const view = await this.client.ended(jobName, id, { everyMs, withinMs: RUN_WITHIN_MS });
    if (view.status === 'COMPLETED') return view;
    throw new Error(`Execution ${id} of ${jobName} is ${view.status}: ${JSON.stringify(view.failures)}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.postgres.end();
    this.redis.disconnect();
  }
}
