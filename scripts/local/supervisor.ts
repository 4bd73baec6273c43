import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { postGuard, type Guard } from './guard.js';
import { identify } from './identity.js';
import { Ledger } from './ledger.js';
import { LocalProcess, type ProcessSpec } from './processes.js';
import { STAGES, type ProcessRecord } from './stages.js';

export interface SupervisorOptions {
  /** Where logs and the record of what runs are kept. */
  directory: string;
  /** Whether a process that dies is started again. */
  revive: boolean;
  /** Told what a person should know. */
  say(line: string): void;
}

/** A process that has lived this long is well: its next death counts as the first. In ms. */
const WELL_AFTER_MS = 10_000;
const LONGEST_PAUSE_MS = 10_000;

/** How long to wait before start number `deaths + 1`, in ms: at once, then doubling. */
export const pauseBefore = (deaths: number): number =>
  deaths <= 1 ? 0 : Math.min(250 * 2 ** (deaths - 2), LONGEST_PAUSE_MS);

/**
 * Starts processes, keeps them running, and stops them in order. Nothing outlives it: a guard stops what it leaves if
 * it is killed, and the next supervisor of the directory stops what even the guard could not.
 */
export class Supervisor {
  /** Called after every start and death, until it is stopped. */
  onChange: () => void = () => undefined;
  readonly #running = new Map<string, LocalProcess>();
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | undefined;

  private constructor(
    readonly options: SupervisorOptions,
    readonly ledger: Ledger,
    readonly guard: Guard,
  ) {}

  /** @throws Error if a living process uses the directory */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    mkdirSync(options.directory, { recursive: true });
    const ledger = await Ledger.take(options.directory);
    return new Supervisor(options, ledger, postGuard());
  }

  get logDirectory(): string {
    return join(this.options.directory, 'logs');
  }

  /** The living process of this name. */
  find(name: string): LocalProcess | undefined {
    return this.#running.get(name);
  }

  /** Starts a process and resolves when it is ready. @throws Error with its last words if it does not get that far */
  async start(spec: ProcessSpec): Promise<LocalProcess> {
    const child = await this.#spawn(spec);
    await child.ready();
    if (this.options.revive) void this.#keep(child);
    return child;
  }

  /** Stops everything, stage by stage. Further calls wait for the first. */
  stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  /** Ends everything at once, for who cannot wait. */
  kill(): void {
    for (const child of this.#running.values()) child.kill('SIGKILL');
  }

  async #stopAll(): Promise<void> {
    for (const stage of STAGES) {
      const children = [...this.#running.values()].filter(({ spec }) => spec.stage === stage);
      await Promise.all(children.map((child) => child.stop()));
    }
    await this.guard.dismiss();
    this.ledger.release();
  }

  async #spawn(spec: ProcessSpec): Promise<LocalProcess> {
    this.#stopping.signal.throwIfAborted();
    const child = await LocalProcess.spawn(spec, this.logDirectory);
    this.#running.set(spec.name, child);
    this.#record();
    void this.#forgetAtEnd(child);
    // Stopped while it was being spawned: nobody else knows of it yet.
    if (this.#stopping.signal.aborted) await child.stop();
    return child;
  }

  async #forgetAtEnd(child: LocalProcess): Promise<void> {
    await child.exited;
    if (this.#running.get(child.spec.name) === child) this.#running.delete(child.spec.name);
    this.#record();
  }

  /** Starts the process again whenever it dies, faster or slower by how often it has died lately. */
  async #keep(first: LocalProcess): Promise<void> {
    const { signal } = this.#stopping;
    let deaths = 0;
    for (let child = first; !signal.aborted;) {
      const born = Date.now();
      const why = await child.exited;
      if (signal.aborted) return;
      deaths = Date.now() - born > WELL_AFTER_MS ? 1 : deaths + 1;
      this.#announce(child, why, pauseBefore(deaths));
      try {
        await pause(pauseBefore(deaths), undefined, { signal });
        child = await this.#spawn(child.spec);
      } catch (error) {
        if (!signal.aborted) this.options.say((error as Error).message);
        return;
      }
    }
  }

  #announce(child: LocalProcess, why: string, pauseMs: number): void {
    const words = why.startsWith('exit code') ? ` Its last words:\n${child.lastWords}` : '';
    const when = pauseMs === 0 ? 'Starting it again.' : `Starting it again in ${pauseMs / 1_000} s.`;
    this.options.say(`${child.spec.name} (process ${child.pid}) has ended: ${why}. ${when}${words}`);
  }

  #record(): void {
    const records = [...this.#running.values()].flatMap(recordOf);
    this.guard.watch(records);
    if (this.#stopping.signal.aborted) return;
    this.ledger.write(records);
    this.onChange();
  }
}

function recordOf({ pid, spec: { name, stage } }: LocalProcess): ProcessRecord[] {
  const identity = identify(pid);
  return identity ? [{ ...identity, name, stage }] : [];
}
