import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { fleetEnvironment, gatewaySpec, MODULE_ID, workerSpec, type FleetSettings } from '../../scripts/local/apps.js';
import { OPERATOR_PERMISSIONS, writeUsers, type Credentials, type NewUser } from '../../scripts/local/credentials.js';
import { freePort } from '../../scripts/local/ports.js';
import type { LocalProcess, ProcessSpec } from '../../scripts/local/processes.js';
import type { Stage } from '../../scripts/local/stages.js';
import { ProcessManager } from '../../scripts/local/process-manager.js';
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

/** Nobody cuts Redis' power here unless the test is about it, so no command need wait a second for the disk. */
const QUICK = { ACKNOWLEDGE_AFTER: 'memory' };

const DEADLY: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT'];

/** A gateway and workers: the real processes, from `dist`, with a key prefix, a database and a directory of their own. */
export class Fleet {
  /** An operator, who may do everything. */
  readonly credentials: Credentials;
  readonly #manager: ProcessManager;
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
    this.credentials = { username: 'operator', password: settings.keyPrefix };
  }

  /** Starts a fleet; resolves when all of it is ready. Stop it in the end. */
  static async start(options: FleetOptions = {}): Promise<Fleet> {
    const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
    const directory = join(inject('runsDirectory'), keyPrefix);
    const manager = await ProcessManager.open({ directory, restart: false, say: (line) => console.log(line) });
    const databases = new Map<string, TestDatabase>();
    for (const id of [MODULE_ID, ...(options.modules ?? [])]) databases.set(id, await createDatabase());
    const settings = {
      directory,
      keyPrefix,
      redisUrl: options.redisUrl ?? inject('redisUrl'),
      databaseUrl: databases.get(MODULE_ID)!.url,
      importDirectory: join(directory, 'import'),
      usersFile: join(directory, 'users.json'),
    };
    const fleet = new Fleet(manager, databases, settings, await freePort(), options);
    try {
      await fleet.#begin();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** The database it writes to: that of the module `persistence`. */
  get database(): TestDatabase {
    return this.databases.get(MODULE_ID)!;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The operator's `Authorization` header. */
  get authorization(): string {
    const { username, password } = this.credentials;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
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
    return this.#start(workerSpec(this.workers.length + 1, this.#environment(env)));
  }

  /** Starts the gateway, again on the same port once it has ended; resolves when it listens. */
  startGateway(env: NodeJS.ProcessEnv = {}): Promise<LocalProcess> {
    const address = { HOST: '127.0.0.1', PORT: String(this.port) };
    return this.#start(gatewaySpec(this.#environment({ ...address, ...this.options.gatewayEnv, ...env })));
  }

  /** Sends a signal; where it is deadly, resolves when the process is gone. */
  async kill(target: LocalProcess, signal: NodeJS.Signals): Promise<void> {
    target.kill(signal);
    if (DEADLY.includes(signal)) await target.exited;
  }

  /** What all processes have written, for a failed test. */
  logs(): string {
    return this.#processes.flatMap(({ spec, lines }) => lines.map((line) => `${spec.name} ${line}`)).join('\n');
  }

  /** Stops everything and drops the databases. @throws if a connection to it was left open */
  async stop(): Promise<void> {
    await this.#manager.stop();
    for (const database of this.databases.values()) await database.drop();
  }

  async #begin(): Promise<void> {
    const { workers = 1, users = [] } = this.options;
    mkdirSync(this.importDirectory);
    if (this.databases.size > 1) writeFileSync(this.#modulesFile, JSON.stringify(this.#modules()));
    await writeUsers(this.settings.usersFile, [{ ...this.credentials, permissions: OPERATOR_PERMISSIONS }, ...users]);
    await this.startGateway();
    for (let count = 0; count < workers; count += 1) await this.startWorker();
  }

  async #start(spec: ProcessSpec): Promise<LocalProcess> {
    const process = await this.#manager.start(spec);
    this.#processes.push(process);
    return process;
  }

  #started(stage: Stage): LocalProcess[] {
    return this.#processes.filter(({ spec }) => spec.stage === stage);
  }

  #environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const modules = this.databases.size > 1 ? { MODULES_FILE: this.#modulesFile } : {};
    return fleetEnvironment(this.settings, { ...QUICK, ...modules, ...this.options.env, ...env });
  }

  get #modulesFile(): string {
    return join(this.settings.directory, 'modules.json');
  }

  #modules() {
    const { importDirectory } = this;
    return [...this.databases].map(([id, { url }]) => ({ id, databaseUrl: url, importDirectory }));
  }
}
