import ioredis from 'ioredis';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fleetEnvironment, gatewaySpec, MODULE_ID, workerSpec } from '../local/apps.js';
import { keptCredentials, type Credentials } from '../local/credentials.js';
import { freePort } from '../local/ports.js';
import type { LocalProcess, ProcessSpec } from '../local/processes.js';
import type { ProcessManager } from '../local/process-manager.js';
import { freshDatabase } from '../services/databases.js';
import { openPostgres } from '../services/postgres.js';
import { openRedis } from '../services/redis.js';
import { installAudit } from './audit.js';
import { GATEWAY, LOCK_MS, WORKERS } from './fault-kinds.js';
import type { Journal } from './journal.js';
import { PowerLoss } from './power-loss.js';
import { TcpProxy } from './tcp-proxy.js';

export const KEY_PREFIX = 'longshore-chaos';
const DATABASE = 'longshore_chaos';

/** Short times, so that much happens in a minute. */
const SETTINGS = {
  LOCK_DURATION_MS: String(LOCK_MS),
  STALLED_INTERVAL_MS: '1000',
  SWEEP_INTERVAL_MS: '1000',
  RETRY_BACKOFF_MS: '100',
  PARTITION_WINDOW: '8',
  SHUTDOWN_DEADLINE_MS: '5000',
  ACKNOWLEDGE_AFTER: 'disk',
};

/** How long a process may take to leave after SIGTERM: its own deadline, and time to close its connections, in ms. */
const LEAVE_WITHIN_MS = 15_000;
const BOOT_WITHIN_MS = 60_000;
const BOOT_PAUSE_MS = 300;

/** Processes that talk to Redis and PostgreSQL through the network that can fail. */
const FAR: readonly string[] = [GATEWAY, 'worker-3'];

/** A gateway, three workers, a Redis and a PostgreSQL: real processes, which can be hurt one by one. */
export class ChaosFleet {
  readonly #specs = new Map<string, ProcessSpec>();
  readonly #doomed = new WeakSet<LocalProcess>();
  /** What is being done to each target: a fault waits for the one before. */
  readonly #turns = new Map<string, Promise<void>>();
  #ending = false;

  private constructor(
    private readonly manager: ProcessManager,
    private readonly journal: Journal,
    readonly url: string,
    readonly credentials: Credentials,
    readonly redisUrl: string,
    readonly databaseUrl: string,
    readonly importDirectory: string,
    readonly network: readonly TcpProxy[],
    readonly powerLoss: PowerLoss,
    /** Whether this Redis can tell what is on disk, so that the gateway answers no command before it is. */
    readonly acknowledgesFromDisk: boolean,
  ) {}

  /** Starts everything, with nothing left of an earlier run. */
  static async start(manager: ProcessManager, directory: string, journal: Journal): Promise<ChaosFleet> {
    const importDirectory = join(directory, 'import');
    for (const old of [importDirectory, join(directory, 'redis')]) rmSync(old, { recursive: true, force: true });
    mkdirSync(importDirectory, { recursive: true });
    const { usersFile, ...credentials } = await keptCredentials(directory);
    const redisUrl = await openRedis(manager, join(directory, 'redis'));
    const adminUrl = await openPostgres(manager, join(directory, 'postgres'));
    const databaseUrl = await freshDatabase(adminUrl, DATABASE);

    const redisProxy = await TcpProxy.to(Number(new URL(redisUrl).port));
    const postgresProxy = await TcpProxy.to(Number(new URL(databaseUrl).port));
    const shared = { directory, importDirectory, usersFile, keyPrefix: KEY_PREFIX };
    const near = fleetEnvironment({ ...shared, redisUrl, databaseUrl }, SETTINGS);
    const far = fleetEnvironment(
      { ...shared, redisUrl: through(redisProxy, redisUrl), databaseUrl: through(postgresProxy, databaseUrl) },
      SETTINGS,
    );
    const port = await freePort();
    const fleet = new ChaosFleet(
      manager,
      journal,
      `http://127.0.0.1:${port}`,
      credentials,
      redisUrl,
      databaseUrl,
      importDirectory,
      [redisProxy, postgresProxy],
      new PowerLoss(join(directory, 'redis', 'appendonlydir'), `${KEY_PREFIX}:{${MODULE_ID}}:barrier`),
      await tellsOfDisk(redisUrl),
    );
    await fleet.#begin(
      WORKERS.map((name, index) => workerSpec(index + 1, FAR.includes(name) ? far : near)),
      gatewaySpec({ ...far, HOST: '127.0.0.1', PORT: String(port) }),
    );
    return fleet;
  }

  async #begin([first, ...others]: readonly ProcessSpec[], gateway: ProcessSpec): Promise<void> {
    for (const name of ['redis', 'postgres']) this.#take(this.#living(name));
    if (first) await this.#start(first);
    // The first worker has brought the schema up to date.
    await installAudit(this.databaseUrl);
    await Promise.all([gateway, ...others].map((spec) => this.#start(spec)));
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

  signal(name: string, signal: NodeJS.Signals): void {
    this.manager.find(name)?.kill(signal);
  }

  /** Ends a process by a signal. @returns when it was sent, in ms since the epoch; resolves when it has ended */
  async end(name: string, signal: NodeJS.Signals): Promise<number> {
    const process = this.#living(name);
    this.#doomed.add(process);
    const at = Date.now();
    process.kill(signal);
    const left = await Promise.race([process.exited.then(() => true), pause(LEAVE_WITHIN_MS, false, { ref: false })]);
    if (!left) {
      this.journal.violation(`${name} has not left ${LEAVE_WITHIN_MS} ms after ${signal}`);
      process.kill('SIGKILL');
      await process.exited;
    }
    return at;
  }

  /** Starts a process that has ended, again and again until it is up: what it needs may be away. */
  async revive(name: string): Promise<void> {
    const spec = this.#specs.get(name);
    if (!spec) throw new Error(`There was never a process ${name}.`);
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
  async dismiss(): Promise<void> {
    this.#ending = true;
    for (const name of [GATEWAY, ...WORKERS]) await this.end(name, 'SIGTERM');
  }

  /** Frees what would keep this process alive. */
  close(): void {
    this.#ending = true;
    this.powerLoss.end();
    for (const proxy of this.network) proxy.close();
  }

  async #start(spec: ProcessSpec): Promise<void> {
    this.#take(await this.manager.start(spec));
  }

  /** Watches a process: nobody but us may end it. */
  #take(process: LocalProcess): void {
    const { name } = process.spec;
    this.#specs.set(name, process.spec);
    void this.#mourn(process);
  }

  async #mourn(process: LocalProcess): Promise<void> {
    const { name } = process.spec;
    const why = await process.exited;
    if (this.#doomed.has(process) || this.#ending) return;
    this.journal.violation(`${name} (process ${process.pid}) has ended by itself: ${why}. ${process.lastOutput}`);
    await this.inTurn(name, () => this.revive(name));
  }

  #living(name: string): LocalProcess {
    const process = this.manager.find(name);
    if (!process) throw new Error(`There is no process ${name} now.`);
    return process;
  }
}

function through(proxy: TcpProxy, url: string): string {
  return Object.assign(new URL(url), { port: String(proxy.port) }).href;
}

/** Whether a Redis has WAITAOF, which came with 7.2. */
async function tellsOfDisk(url: string): Promise<boolean> {
  const redis = new ioredis.Redis(url);
  try {
    const [known] = (await redis.call('COMMAND', 'INFO', 'WAITAOF')) as unknown[];
    return known !== null;
  } finally {
    redis.disconnect();
  }
}
