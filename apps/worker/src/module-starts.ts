import { TransientError } from '#job-kit';
import type { Logger } from '#platform';
import { setTimeout as pause } from 'node:timers/promises';

export interface StartingModule {
  id: string;
  /** Brings the schema up to date and begins to take work. May be called again where it has failed. */
  open(): Promise<void>;
}

/** Pause between two tries to open a module, in ms. */
const AGAIN_MS = 2_000;

/** Begins each module of a worker as soon as its database can be reached: the others do not wait for it. */
export class ModuleStarts {
  readonly #open: string[] = [];
  readonly #ended = new AbortController();

  constructor(
    private readonly modules: readonly StartingModule[],
    private readonly log: Logger,
  ) {}

  /**
   * Resolves when each module was tried once; those whose database is unavailable are tried again until {@link end}.
   *
   * @throws whatever a repeat does not help against, such as a refused password
   */
  async begin(): Promise<void> {
    await Promise.all(this.modules.map((module) => this.#first(module)));
    if (this.#open.length === 0) this.log.warn('Worker waits: no database of its modules can be reached');
  }

  end(): void {
    this.#ended.abort();
  }

  async #first(module: StartingModule): Promise<void> {
    try {
      await this.#begin(module);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      this.log.warn('The database of a module is unavailable: the worker serves it as soon as it can be reached', {
        module: module.id,
        reason: error.message,
      });
      void this.#retry(module, error.message);
    }
  }

  /** The reason is logged again only when it changes. */
  async #retry(module: StartingModule, told: string): Promise<void> {
    while (await this.#paused()) {
      try {
        return await this.#begin(module);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== told) this.log.warn('A module cannot be served yet', { module: module.id, reason });
        told = reason;
      }
    }
  }

  /** @returns false once the worker is leaving */
  #paused(): Promise<boolean> {
    const { signal } = this.#ended;
    return pause(AGAIN_MS, true, { signal, ref: false }).catch(() => false);
  }

  async #begin(module: StartingModule): Promise<void> {
    await module.open();
    this.#open.push(module.id);
    if (this.#open.length === 1) this.log.info('Worker is ready', { pid: process.pid, modules: [...this.#open] });
    else this.log.info('A module is served', { module: module.id });
  }
}
