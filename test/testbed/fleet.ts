import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credentials } from '#client';
import { MODULE_ID, type FleetSettings } from '../../scripts/local/apps.js';
import { OPERATOR_PERMISSIONS, writeUsers, type NewUser } from '../../scripts/local/credentials.js';
import { LocalFleet } from '../../scripts/local/fleet.js';
import { freePort } from '../../scripts/local/ports.js';
import { ProcessManager } from '../../scripts/local/process-manager.js';
import type { LocalProcess, ProcessSpec } from '../../scripts/local/processes.js';
import type { Stage } from '../../scripts/local/stages.js';
import { createDatabase, type TestDatabase } from './database.js';

export interface FleetOptions {
  /** How many workers to start with. Default 1. */
  workers?: number;
  /** Environment of all processes, e.g. shorter locks. */
  env?: NodeJS.ProcessEnv;
  /** Environment of the gateway alone. */
  gatewayEnv?: NodeJS.ProcessEnv;
  /** Users beside the operator. */
  users?: readonly NewUser[];
  /** Modules beside `persistence`: each gets a database of its own, and the same import directory. */
  modules?: readonly string[];
  /** A Redis of the test's own. Default: the one that all tests share. */
  redisUrl?: string;
}

/** The servers that all fleets of a test run share, and where fleets keep their files. */
export interface FleetPlace {
  redisUrl: string;
  /** Of a database whose user may create others. */
  adminUrl: string;
  runsDirectory: string;
}

/** A test that does not cut Redis' power need not wait up to a second for the disk at each command. */
const FROM_MEMORY = { ACKNOWLEDGE_AFTER: 'memory' };

const DEADLY: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

/** A gateway and workers: the real processes, from `dist`, with a key prefix, a database and a directory of their own. */
export class TestFleet {
  readonly #manager: ProcessManager;
  readonly #fleet: LocalFleet;
  readonly #processes: LocalProcess[] = [];

  private constructor(
    manager: ProcessManager,
    /** The database of each module, by its id. */
    readonly databases: ReadonlyMap<string, TestDatabase>,
    readonly settings: Required<FleetSettings>,
    readonly port: number,
    readonly options: FleetOptions,
  ) {
    this.#manager = manager;
    const { env, gatewayEnv } = options;
    this.#fleet = new LocalFleet(manager, {
      settings,
      credentials: { username: 'operator', password: settings.keyPrefix },
      port,
      env: { ...FROM_MEMORY, ...(databases.size > 1 ? { MODULES_FILE: this.#modulesFile } : {}), ...env },
      ...(gatewayEnv ? { gatewayEnv } : {}),
    });
  }

  /** Starts a fleet; resolves when all of it is ready. Stop it in the end. */
  static async start(place: FleetPlace, options: FleetOptions): Promise<TestFleet> {
    const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
    const directory = join(place.runsDirectory, keyPrefix);
    const manager = await ProcessManager.open({ directory, restart: false, say: (line) => console.log(line) });
    const databases = new Map<string, TestDatabase>();
    for (const id of [MODULE_ID, ...(options.modules ?? [])]) databases.set(id, await createDatabase(place.adminUrl));
    const settings = {
      directory,
      keyPrefix,
      redisUrl: options.redisUrl ?? place.redisUrl,
      databaseUrl: databases.get(MODULE_ID)!.url,
      importDirectory: join(directory, 'import'),
      usersFile: join(directory, 'users.json'),
    };
    const fleet = new TestFleet(manager, databases, settings, await freePort(), options);
    try {
      await fleet.#begin();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Of an operator with all permissions. */
  get credentials(): Credentials {
    return this.#fleet.credentials;
  }

  /** The database it writes to: that of the module `persistence`. */
  get database(): TestDatabase {
    return this.databases.get(MODULE_ID)!;
  }

  get url(): string {
    return this.#fleet.url;
  }

  /** The operator's `Authorization` header. */
  get authorization(): string {
    return this.#fleet.client().authorization;
  }

  get importDirectory(): string {
    return this.settings.importDirectory;
  }

  /** The gateway that was started last. */
  get gateway(): LocalProcess {
    return this.#started('gateway').at(-1) as LocalProcess;
  }

  /** Every worker that was started, dead ones too, in order. */
  get workers(): readonly LocalProcess[] {
    return this.#started('worker');
  }

  /** Starts one more worker; resolves when it is ready. */
  startWorker(env: NodeJS.ProcessEnv = {}): Promise<LocalProcess> {
    return this.#start(this.#fleet.workerSpec(env));
  }

  /** Starts the gateway, again on the same port once it has ended; resolves when it listens. */
  startGateway(env: NodeJS.ProcessEnv = {}): Promise<LocalProcess> {
    return this.#start(this.#fleet.gatewaySpec(env));
  }

  /** Sends a signal; where it is deadly, resolves when the process has ended. */
  async kill(target: LocalProcess, signal: NodeJS.Signals): Promise<void> {
    target.kill(signal);
    if (DEADLY.includes(signal)) await target.exited;
  }

  /** The output of all processes, for a failed test. */
  logs(): string {
    return this.#processes.flatMap(({ spec, lines }) => lines.map((line) => `${spec.name} ${line}`)).join('\n');
  }

  /** Stops everything and drops the databases. @throws if a connection to one is still open */
  async stop(): Promise<void> {
    await this.#manager.stop();
    for (const database of this.databases.values()) await database.drop();
  }

  async #begin(): Promise<void> {
    const { workers = 1, users = [] } = this.options;
    mkdirSync(this.importDirectory);
    if (this.databases.size > 1) writeFileSync(this.#modulesFile, JSON.stringify(this.#modules()));
    await writeUsers(this.settings.usersFile, [{ ...this.credentials, permissions: OPERATOR_PERMISSIONS }, ...users]);
    this.#processes.push(...(await this.#fleet.start(workers)));
  }

  async #start(spec: ProcessSpec): Promise<LocalProcess> {
    const process = await this.#manager.start(spec);
    this.#processes.push(process);
    return process;
  }

  #started(stage: Stage): LocalProcess[] {
    return this.#processes.filter(({ spec }) => spec.stage === stage);
  }

  get #modulesFile(): string {
    return join(this.settings.directory, 'modules.json');
  }

  #modules() {
    const { importDirectory } = this;
    return [...this.databases].map(([id, { url }]) => ({ id, databaseUrl: url, importDirectory }));
  }
}
