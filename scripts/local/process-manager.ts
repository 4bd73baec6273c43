import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startReaper, type Reaper } from './reaper.js';
import { identify } from './identity.js';
import { PidFile } from './pid-file.js';
import { LocalProcess, type ProcessSpec } from './processes.js';
import { STAGES, type ProcessRecord } from './stages.js';

export interface ProcessManagerOptions {
  /** Where the logs and the pid file are kept. */
  directory: string;
  /** Whether a process that ends by itself is started again. */
  restart: boolean;
  /** Prints a line for the person at the terminal. */
  say(line: string): void;
}

/** Once a process has run for this long, its next exit counts as the first. In ms. */
const STABLE_AFTER_MS = 10_000;
const LONGEST_PAUSE_MS = 10_000;

/** The pause before a process is started again after so many exits in a row, in ms: none at first, then doubling. */
export const backoffMs = (exits: number): number =>
  exits <= 1 ? 0 : Math.min(250 * 2 ** (exits - 2), LONGEST_PAUSE_MS);

/**
 * Starts processes, restarts them if asked to, and stops them in order. Nothing outlives it: if it is killed, its reaper
 * stops its processes; if the reaper is killed too, the next manager of the same directory does.
 */
export class ProcessManager {
  /** Called after every start and exit of a process, until the manager is stopped. */
  onChange: () => void = () => undefined;
  readonly #running = new Map<string, LocalProcess>();
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | undefined;

  private constructor(
    readonly options: ProcessManagerOptions,
    readonly pidFile: PidFile,
    readonly reaper: Reaper,
  ) {}

  /** @throws Error if a living process owns the directory */
  static async open(options: ProcessManagerOptions): Promise<ProcessManager> {
    mkdirSync(options.directory, { recursive: true });
    const pidFile = await PidFile.acquire(options.directory);
    return new ProcessManager(options, pidFile, startReaper());
  }

  get logDirectory(): string {
    return join(this.options.directory, 'logs');
  }

  /** The running process of this name. */
  find(name: string): LocalProcess | undefined {
    return this.#running.get(name);
  }

  /** Starts a process and resolves when it is ready. @throws Error with its last output if it ends before that */
  async start(spec: ProcessSpec): Promise<LocalProcess> {
    const child = await this.#spawn(spec);
    await child.ready();
    if (this.options.restart) void this.#keepRunning(child);
    return child;
  }

  /** Stops everything, stage by stage. Further calls wait for the first. */
  stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  /** Kills everything at once. */
  kill(): void {
    for (const child of this.#running.values()) child.kill('SIGKILL');
  }

  async #stopAll(): Promise<void> {
    for (const stage of STAGES) {
      const children = [...this.#running.values()].filter(({ spec }) => spec.stage === stage);
      await Promise.all(children.map((child) => child.stop()));
    }
    await this.reaper.dismiss();
    this.pidFile.release();
  }

  async #spawn(spec: ProcessSpec): Promise<LocalProcess> {
    this.#stopping.signal.throwIfAborted();
    const child = await LocalProcess.spawn(spec, this.logDirectory);
    this.#running.set(spec.name, child);
    this.#record();
    void this.#forgetOnExit(child);
    // stop() was called while it was being spawned, and has not seen it.
    if (this.#stopping.signal.aborted) await child.stop();
    return child;
  }

  async #forgetOnExit(child: LocalProcess): Promise<void> {
    await child.exited;
    if (this.#running.get(child.spec.name) === child) this.#running.delete(child.spec.name);
    this.#record();
  }

  /** Restarts the process whenever it exits, with backoff. */
  async #keepRunning(first: LocalProcess): Promise<void> {
    const { signal } = this.#stopping;
    let exits = 0;
    for (let child = first; !signal.aborted;) {
      const startedAt = Date.now();
      const why = await child.exited;
      if (signal.aborted) return;
      exits = Date.now() - startedAt > STABLE_AFTER_MS ? 1 : exits + 1;
      this.#announce(child, why, backoffMs(exits));
      try {
        await pause(backoffMs(exits), undefined, { signal });
        child = await this.#spawn(child.spec);
      } catch (error) {
        if (!signal.aborted) this.options.say((error as Error).message);
        return;
      }
    }
  }

  #announce(child: LocalProcess, why: string, pauseMs: number): void {
    const output = why.startsWith('exit code') ? ` Its last output:\n${child.lastOutput}` : '';
    const when = pauseMs === 0 ? 'Starting it again.' : `Starting it again in ${pauseMs / 1_000} s.`;
    this.options.say(`${child.spec.name} (process ${child.pid}) has ended: ${why}. ${when}${output}`);
  }

  #record(): void {
    const records = [...this.#running.values()].flatMap(recordOf);
    this.reaper.track(records);
    if (this.#stopping.signal.aborted) return;
    this.pidFile.write(records);
    this.onChange();
  }
}

function recordOf({ pid, spec: { name, stage } }: LocalProcess): ProcessRecord[] {
  const identity = identify(pid);
  return identity ? [{ ...identity, name, stage }] : [];
}
