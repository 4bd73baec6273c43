import type { Log } from '#job-kit';
import { messageOf } from './describe-error.js';
import type { Recovery } from './recovery.js';
import type { Retention } from './retention.js';
import type { MaintenanceStore } from './store.port.js';

/** What is done in a module every so often, by one worker of the fleet at a time. */
export const MAINTENANCE_TASKS = ['sweep', 'look-at-all', 'retention'] as const;
export type MaintenanceTask = (typeof MAINTENANCE_TASKS)[number];

export interface MaintenanceParts {
  store: MaintenanceStore;
  recovery: Recovery;
  retention: Retention;
  log: Log;
  /** How often each task is done, in ms. */
  intervals: Record<MaintenanceTask, number>;
}

/** How often a worker asks for a turn, of the interval: where the one that had it dies, the next is not far. */
const ASKS_AN_INTERVAL = 4;

/**
 * Does maintenance by timers of this process, so that it depends on nothing that it repairs. Workers take turns by a key
 * of Redis that runs out; a turn that is lost comes again with the next interval.
 */
export class Maintenance {
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<MaintenanceTask>();

  constructor(private readonly parts: MaintenanceParts) {}

  start(): void {
    for (const task of MAINTENANCE_TASKS) {
      const timer = setInterval(() => void this.#turn(task), this.parts.intervals[task] / ASKS_AN_INTERVAL);
      timer.unref();
      this.#timers.push(timer);
    }
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  async #turn(task: MaintenanceTask): Promise<void> {
    const { store, intervals, log } = this.parts;
    if (this.#running.has(task)) return;
    this.#running.add(task);
    try {
      if (await store.takeTurn(task, intervals[task])) await this.#do(task);
    } catch (error) {
      log.warn('Maintenance failed; it is tried again at the next interval', { task, reason: messageOf(error) });
    } finally {
      this.#running.delete(task);
    }
  }

  async #do(task: MaintenanceTask): Promise<void> {
    const { recovery, retention } = this.parts;
    if (task === 'sweep') await recovery.sweep();
    else if (task === 'look-at-all') await recovery.sweep(0);
    else await retention.run();
  }
}
