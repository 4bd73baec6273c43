import ioredis from 'ioredis';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseAt } from '../../test/testbed/database.js';
import { TcpProxy } from '../../test/testbed/tcp-proxy.js';
import { logWrites } from '../../test/testbed/write-log.js';
import type { BatchJobClient } from '#client';
import { MODULE_ID, type FleetSettings } from '../local/apps.js';
import { keptCredentials } from '../local/credentials.js';
import { LocalFleet } from '../local/fleet.js';
import { freePort } from '../local/ports.js';
import type { LocalProcess, ProcessSpec } from '../local/processes.js';
import type { ProcessManager } from '../local/process-manager.js';
import { freshDatabase } from '../services/databases.js';
import { openPostgres } from '../services/postgres.js';
import { openRedis } from '../services/redis.js';
import { DISTURBANCE_FILE, preloadOptions, undisturb } from './disturbance.js';
import { GATEWAY, LOCK_MS, WORKERS } from './fault-kinds.js';
import type { Journal } from './journal.js';
import { PowerLoss } from './power-loss.js';

export const KEY_PREFIX = 'longshore-chaos';
const DATABASE = 'longshore_chaos';

/** Short times, so that much happens in a minute. */
const SETTINGS = {
  LOCK_DURATION_MS: String(LOCK_MS),
  STALLED_INTERVAL_MS: '1000',
  SWEEP_INTERVAL_MS: '1000',
  // Often enough that a worker with a wrong clock has its turn: it must not delete the history.
  RETENTION_INTERVAL_MS: '2000',
  RETRY_BACKOFF_MS: '100',
  PARTITION_WINDOW: '8',
  SHUTDOWN_DEADLINE_MS: '5000',
  ACKNOWLEDGE_AFTER: 'disk',
};

/** The fleet is mixed: one worker has another version of a job, and the gateway changes its version whenever it is started again. */
const JOB_VERSIONS = ['1', '2'] as const;
const versionOf = (worker: string): string => (worker === 'worker-2' ? JOB_VERSIONS[1] : JOB_VERSIONS[0]);

/** How long a process may take to exit after SIGTERM: its own deadline, and time to close its connections, in ms. */
const EXIT_WITHIN_MS = 15_000;
/** Longer than any fault: a process may find what it needs unavailable that long. */
const BOOT_WITHIN_MS = 300_000;
const BOOT_PAUSE_MS = 300;

/** Processes that talk to Redis and PostgreSQL through the network that can fail. */
const BEHIND_PROXY: readonly string[] = [GATEWAY, 'worker-3'];

/** Longest wait for one answer of the gateway, in ms. */
const ANSWER_WITHIN_MS = 8_000;

/** A gateway, three workers, a Redis and a PostgreSQL: real processes, which can be killed and disturbed one by one. */
export class ChaosFleet {
  readonly client: BatchJobClient;
  readonly #specs = new Map<string, ProcessSpec>();
  #gateways: readonly ProcessSpec[] = [];
  #gatewayStarts = 0;
  /** Processes that we have ended ourselves. */
  readonly #ended = new WeakSet<LocalProcess>();
  /** What is being done to each target: a fault waits for the one before. */
  readonly #turns = new Map<string, Promise<void>>();
  #ending = false;

  private constructor(
    private readonly manager: ProcessManager,
    private readonly journal: Journal,
    fleet: LocalFleet,
    readonly network: readonly TcpProxy[],
    readonly powerLoss: PowerLoss,
    /** Whether this Redis can tell what is on disk, so that the gateway answers no command before it is. */
    readonly acknowledgesFromDisk: boolean,
  ) {
    this.settings = fleet.settings;
    this.client = fleet.client(MODULE_ID, ANSWER_WITHIN_MS);
  }

  /** Past the network that can fail. */
  readonly settings: FleetSettings;

  /** Starts everything, with nothing left of an earlier run. */
  static async start(manager: ProcessManager, directory: string, journal: Journal): Promise<ChaosFleet> {
    const importDirectory = join(directory, 'import');
    for (const old of [importDirectory, join(directory, 'redis')]) rmSync(old, { recursive: true, force: true });
    mkdirSync(importDirectory, { recursive: true });
    const { usersFile, ...credentials } = await keptCredentials(directory);
    const redisUrl = await openRedis(manager, join(directory, 'redis'));
    const adminUrl = await openPostgres(manager, join(directory, 'postgres'));
    const databaseUrl = await freshDatabase(adminUrl, DATABASE);

    const proxies = { redis: await TcpProxy.before(redisUrl), postgres: await TcpProxy.before(databaseUrl) };
    const throughProxies = {
      REDIS_URL: proxies.redis.through(redisUrl),
      DATABASE_URL: proxies.postgres.through(databaseUrl),
    };
    const settings = { directory, importDirectory, usersFile, keyPrefix: KEY_PREFIX, redisUrl, databaseUrl };
    const local = new LocalFleet(manager, { settings, credentials, port: await freePort(), env: SETTINGS });
    const fleet = new ChaosFleet(
      manager,
      journal,
      local,
      Object.values(proxies),
      new PowerLoss(join(directory, 'redis', 'appendonlydir'), `${KEY_PREFIX}:{${MODULE_ID}}:barrier`),
      await supportsWaitAof(redisUrl),
    );
    const environmentOf = (name: string) => (BEHIND_PROXY.includes(name) ? throughProxies : {});
    const specs = WORKERS.map((name) => {
      const file = fleet.disturbanceFile(name);
      undisturb(file);
      const env = { ...environmentOf(name), NOOP_JOB_VERSION: versionOf(name), [DISTURBANCE_FILE]: file };
      const spec = local.workerSpec(env);
      return { ...spec, isReady: isReadyOrWaits(spec), args: [...preloadOptions(), ...spec.args] };
    });
    await fleet.#begin(
      specs,
      JOB_VERSIONS.map((version) => local.gatewaySpec({ ...environmentOf(GATEWAY), NOOP_JOB_VERSION: version })),
    );
    return fleet;
  }

  async #begin([first, ...others]: readonly ProcessSpec[], gateways: readonly ProcessSpec[]): Promise<void> {
    this.#gateways = gateways;
    for (const name of ['redis', 'postgres']) this.#watch(this.#running(name));
    if (first) await this.#start(first);
    // The first worker has migrated the schema.
    await logWrites(databaseAt(this.settings.databaseUrl));
    await Promise.all([this.#nextGateway(), ...others].map((spec) => this.#start(spec)));
  }

  /** Does something to a target after everything that is still being done to it. */
  inTurn(target: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(target) ?? Promise.resolve()).then(work);
    this.#turns.set(target, turn);
    return turn;
  }

  /** Resolves when nothing is being done to anything any more. */
  async calm(): Promise<void> {
    await Promise.all(this.#turns.values());
  }

  /** Where it is written what is wrong with a worker from within. */
  disturbanceFile(name: string): string {
    return join(this.settings.directory, 'disturbances', `${name}.json`);
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.manager.find(name)?.kill(signal);
  }

  /** Ends a process by a signal. @returns when it was sent, in ms since the epoch; resolves when it has ended */
  async end(name: string, signal: NodeJS.Signals): Promise<number> {
    const process = this.#running(name);
    this.#ended.add(process);
    const at = Date.now();
    process.kill(signal);
    const exited = await Promise.race([process.exited.then(() => true), pause(EXIT_WITHIN_MS, false, { ref: false })]);
    if (!exited) {
      this.journal.violation(`${name} has not exited ${EXIT_WITHIN_MS} ms after ${signal}`);
      process.kill('SIGKILL');
      await process.exited;
    }
    return at;
  }

  /** Starts a process that has ended, and retries until it is ready: what it needs may be unavailable. */
  async revive(name: string): Promise<void> {
    const spec = name === GATEWAY ? this.#nextGateway() : this.#specs.get(name);
    if (!spec) throw new Error(`There has never been a process ${name}.`);
    for (const deadline = Date.now() + BOOT_WITHIN_MS; ; await pause(BOOT_PAUSE_MS)) {
      try {
        return await this.#start(spec);
      } catch (error) {
        if (this.#ending) return;
        this.journal.count('noted: boots repeated');
        this.journal.note(`${name} did not start: ${(error as Error).message.split('\n')[0]}`);
        if (Date.now() > deadline) throw error;
      }
    }
  }

  /** Stops gateway and workers; Redis and PostgreSQL stay. */
  async stopApps(): Promise<void> {
    this.#ending = true;
    for (const name of [GATEWAY, ...WORKERS]) await this.end(name, 'SIGTERM');
  }

  /** Closes what would keep this process alive. */
  close(): void {
    this.#ending = true;
    this.powerLoss.end();
    for (const proxy of this.network) void proxy.close();
  }

  async #start(spec: ProcessSpec): Promise<void> {
    this.#watch(await this.manager.start(spec));
  }

  /** A process that ends without us is a violation, and is started again. */
  #watch(process: LocalProcess): void {
    this.#specs.set(process.spec.name, process.spec);
    void this.#restartAfterExit(process);
  }

  async #restartAfterExit(process: LocalProcess): Promise<void> {
    const { name } = process.spec;
    const why = await process.exited;
    if (this.#ended.has(process) || this.#ending) return;
    this.journal.violation(`${name} (process ${process.pid}) has ended by itself: ${why}. ${process.lastOutput}`);
    await this.inTurn(name, () => this.revive(name));
  }

  #nextGateway(): ProcessSpec {
    return this.#gateways[this.#gatewayStarts++ % this.#gateways.length]!;
  }

  #running(name: string): LocalProcess {
    const process = this.manager.find(name);
    if (!process) throw new Error(`There is no process ${name} at the moment.`);
    return process;
  }
}

/** A worker that is started while it can reach nothing waits, for longer than a start may take. */
const isReadyOrWaits =
  ({ isReady }: ProcessSpec) =>
  (line: string): boolean =>
    isReady(line) || line.includes('"msg":"Worker waits');

/** Whether a Redis has WAITAOF, which came with 7.2. */
async function supportsWaitAof(url: string): Promise<boolean> {
  const redis = new ioredis.Redis(url);
  try {
    const [known] = (await redis.call('COMMAND', 'INFO', 'WAITAOF')) as unknown[];
    return known !== null;
  } finally {
    redis.disconnect();
  }
}
