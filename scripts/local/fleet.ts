import { basic, BatchJobClient } from '#client';
import { fleetEnvironment, gatewaySpec, MODULE_ID, workerSpec, type FleetSettings } from './apps.js';
import type { Credentials } from './credentials.js';
import type { LocalProcess, ProcessSpec } from './processes.js';
import type { ProcessManager } from './process-manager.js';

export interface LocalFleetOptions {
  settings: FleetSettings;
  /** Who calls its endpoint. */
  credentials: Credentials;
  /** Default 127.0.0.1. */
  host?: string;
  port: number;
  /** Settings of all processes beside those of the fleet. */
  env?: NodeJS.ProcessEnv;
  /** Settings of the gateway alone. */
  gatewayEnv?: NodeJS.ProcessEnv;
}

/**
 * A gateway and workers on this machine, as processes of a process manager. Whatever starts a fleet (`npm start`, the
 * demo, the bench, the chaos run, the tests) starts it here; what differs are the settings and the services around it.
 */
export class LocalFleet {
  readonly #options: LocalFleetOptions;
  #workers = 0;

  constructor(
    private readonly manager: ProcessManager,
    options: LocalFleetOptions,
  ) {
    this.#options = options;
  }

  get settings(): FleetSettings {
    return this.#options.settings;
  }

  get credentials(): Credentials {
    return this.#options.credentials;
  }

  /** Of the gateway, as this machine reaches it. */
  get url(): string {
    const { host, port } = this.#options;
    return `http://${host === undefined || host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
  }

  /** The Batch Job Endpoint. @param timeoutMs longest wait for one answer, in ms */
  client(moduleId = MODULE_ID, timeoutMs?: number): BatchJobClient {
    return new BatchJobClient({ url: this.url, moduleId, authorization: basic(this.credentials), timeoutMs });
  }

  /** The gateway as a process to start. @param env settings that differ from the fleet's */
  gatewaySpec(env: NodeJS.ProcessEnv = {}): ProcessSpec {
    const { host = '127.0.0.1', port, gatewayEnv } = this.#options;
    return gatewaySpec(this.#environment({ HOST: host, PORT: String(port), ...gatewayEnv, ...env }));
  }

  /** The next worker as a process to start: `worker-1`, `worker-2` and so on. */
  workerSpec(env: NodeJS.ProcessEnv = {}): ProcessSpec {
    this.#workers += 1;
    return workerSpec(this.#workers, this.#environment(env));
  }

  /** Starts the gateway and workers at the same time; resolves when all are ready. @returns them, the gateway first */
  start(workers: number): Promise<LocalProcess[]> {
    const specs = [this.gatewaySpec(), ...Array.from({ length: workers }, () => this.workerSpec())];
    return Promise.all(specs.map((spec) => this.manager.start(spec)));
  }

  #environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return fleetEnvironment(this.settings, { ...this.#options.env, ...env });
  }
}
