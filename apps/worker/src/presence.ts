import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { FleetPresence, LivingWorker } from '#engine';
import { VERSION } from '#platform';

/** How often a worker says that it is there, in ms: a third of the time after which it no longer counts as living. */
const BEAT_MS = 5_000;

/** Lets the gateway know, module by module, that this worker serves it. The next beat makes up for one that fails. */
export class Presence {
  readonly #worker: LivingWorker = {
    id: `${hostname()}:${process.pid}:${randomBytes(2).toString('hex')}`,
    version: VERSION,
  };
  readonly #modules = new Set<FleetPresence>();
  #timer: NodeJS.Timeout | undefined;
  #taking = true;

  /** From now on the worker serves this module, too. */
  async join(module: FleetPresence): Promise<void> {
    this.#modules.add(module);
    this.#timer ??= setInterval(() => void this.#beat(), BEAT_MS).unref();
    if (this.#taking) await beat(module, this.#worker);
  }

  /** A worker that takes no work, e.g. because its clock is wrong, does not count as living. */
  async takesWork(taking: boolean): Promise<void> {
    this.#taking = taking;
    await (taking ? this.#beat() : this.#leave());
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#leave();
  }

  async #beat(): Promise<void> {
    if (this.#taking) await Promise.all([...this.#modules].map((module) => beat(module, this.#worker)));
  }

  async #leave(): Promise<void> {
    await Promise.all([...this.#modules].map((module) => module.leave(this.#worker).catch(() => undefined)));
  }
}

const beat = (module: FleetPresence, worker: LivingWorker): Promise<void> => module.beat(worker).catch(() => undefined);
