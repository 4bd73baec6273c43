import ioredis, { type Redis } from 'ioredis';
import { Client } from 'pg';
import { JobClient, type ExecutionView } from '../scripts/demo/client.js';
import { fleetEnvironment, gatewaySpec, MODULE_ID, workerSpec } from '../scripts/local/apps.js';
import { keptCredentials, type Credentials } from '../scripts/local/credentials.js';
import { freePort } from '../scripts/local/ports.js';
import type { LocalProcess } from '../scripts/local/processes.js';
import type { Supervisor } from '../scripts/local/supervisor.js';
import { seen } from './rounds.js';

export interface FleetOptions {
  /** Default 2, as `npm start` has it. */
  workers?: number;
  /** Settings that differ from the defaults, because the line is about them. */
  env?: NodeJS.ProcessEnv;
  /** Whether it gets a Redis of its own, so that it may run beside another fleet. Default false. */
  apart?: boolean;
}

interface FleetPlace {
  directory: string;
  redisUrl: string;
  databaseUrl: string;
  importDirectory: string;
}

/** What an execution took, from the request to start it until its `endTime`, in ms, and how it ended. */
export interface Run {
  id: number;
  ms: number;
  view: ExecutionView;
}

export const KEY_PREFIX = 'longshore-bench';
const LOOK_EVERY_MS = 50;

/** A gateway and workers as `npm start` runs them, and connections to look at what they do. */
export class BenchFleet {
  private constructor(
    readonly url: string,
    readonly redisUrl: string,
    readonly credentials: Credentials,
    readonly redis: Redis,
    readonly postgres: Client,
    readonly workers: readonly LocalProcess[],
    private readonly processes: readonly LocalProcess[],
  ) {}

  static async start(supervisor: Supervisor, { workers = 2, env = {}, ...place }: FleetPlace & FleetOptions) {
    const { usersFile, ...credentials } = await keptCredentials(place.directory);
    const redis = new ioredis.Redis(place.redisUrl);
    await redis.flushall();
    const environment = fleetEnvironment({ ...place, usersFile, keyPrefix: KEY_PREFIX }, env);
    const port = await freePort();
    const gateway = gatewaySpec({ ...environment, HOST: '127.0.0.1', PORT: String(port) });
    const fleet = Array.from({ length: workers }, (_, index) => workerSpec(index + 1, environment));
    const started = await Promise.all([gateway, ...fleet].map((spec) => supervisor.start(spec)));
    const postgres = new Client({ connectionString: place.databaseUrl });
    await postgres.connect();
    return new BenchFleet(
      `http://127.0.0.1:${port}`,
      place.redisUrl,
      credentials,
      redis,
      postgres,
      started.slice(1),
      started,
    );
  }

  get authorization(): string {
    const { username, password } = this.credentials;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  client(jobName: string): JobClient {
    return new JobClient(this.url, MODULE_ID, jobName, this.credentials);
  }

  /** Runs a job to its end. @throws Error if it does not complete */
  async run(jobName: string, parameters: Record<string, string>): Promise<Run> {
    const client = this.client(jobName);
    const began = Date.now();
    const id = await client.start(parameters);
    const view = await this.ended(jobName, id);
    return { id, ms: Date.parse(view.endTime ?? '') - began, view };
  }

  /** Waits for the end of an execution. @throws Error if it does not complete */
  async ended(jobName: string, id: number, lookEveryMs = LOOK_EVERY_MS): Promise<ExecutionView> {
    const client = this.client(jobName);
    const view = await seen(async () => {
      const execution = await client.execution(id);
      return execution.running ? undefined : execution;
    }, lookEveryMs);
    if (view.status === 'COMPLETED') return view;
    throw new Error(`Execution ${id} of ${jobName} is ${view.status}: ${JSON.stringify(view.failures)}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await this.postgres.end();
    this.redis.disconnect();
  }
}
