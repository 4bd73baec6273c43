import type { Log } from '#job-kit';
import type { Settlement } from './settlement.js';
import { messageOf } from './job-code.js';
import type { ExecutionRef, RecoveryStore, SettlementStore } from './store.port.js';
import type { Dispatcher } from './work.port.js';

export interface RecoveryParts {
  store: RecoveryStore & SettlementStore;
  settlement: Settlement;
  dispatcher: Dispatcher;
  log: Log;
  /** How long an execution may be without progress before somebody looks, in ms. */
  silenceMs: number;
}

/** Executions looked at in one sweep; the longest silent come first, the others in the next. */
const SWEEP_LIMIT = 200;

/**
 * Has a controller look at every running execution without progress; the controller puts back into the queue what is
 * missing there. Now and then it looks at all of them: a single partition may have lost its job while others go on. It repairs a crash between a change and its dispatch, a Redis that lost a second, and a job removed
 * by hand. It also settles the counts of ended executions where somebody died before doing so. Where all is well, it
 * changes nothing.
 */
export class Recovery {
  constructor(private readonly parts: RecoveryParts) {}

  /** @param silenceMs how long an execution must have been without progress; 0 looks at all that run */
  async sweep(silenceMs = this.parts.silenceMs): Promise<void> {
    const { store, dispatcher, log } = this.parts;
    for (const execution of await store.silentFor(silenceMs, SWEEP_LIMIT)) {
      log.debug('Having a look at a running execution', { ...execution });
      await dispatcher.control(execution, 'sweep');
    }
    for (const execution of await store.unsettledFor(this.parts.silenceMs, SWEEP_LIMIT)) await this.#settle(execution);
  }

  /** One that cannot be settled now keeps nobody else waiting; the next sweep comes back to it. */
  async #settle(execution: ExecutionRef): Promise<void> {
    const { settlement, log } = this.parts;
    try {
      await settlement.settle(execution);
    } catch (error) {
      log.warn('An ended execution could not be settled yet', { ...execution, reason: messageOf(error) });
    }
  }
}
