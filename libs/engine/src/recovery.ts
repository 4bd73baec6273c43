import type { Log } from '#job-kit';
import type { Settlement } from './settlement.js';
import type { RecoveryStore, SettlementStore } from './store.port.js';
import type { Ambient, Dispatcher } from './work.port.js';

export interface RecoveryParts {
  store: RecoveryStore & SettlementStore;
  settlement: Settlement;
  dispatcher: Dispatcher;
  ambient: Ambient;
  log: Log;
  /** How long an execution may be without progress before somebody looks, in ms. */
  silenceMs: number;
}

/** Executions looked at in one sweep; the longest silent come first, the others in the next. */
const SWEEP_LIMIT = 200;

/**
 * Has a controller look at every running execution without progress; the controller puts back into the queue what is
 * missing there. It repairs a crash between a change and its dispatch, a Redis that lost a second, and a job removed
 * by hand. It also settles the counts of ended executions where somebody died before doing so. Where all is well, it
 * changes nothing.
 */
export class Recovery {
  constructor(private readonly parts: RecoveryParts) {}

  async sweep(): Promise<void> {
    const { store, dispatcher, settlement, ambient, log, silenceMs } = this.parts;
    const silent = await store.silentSince(ambient.now() - silenceMs, SWEEP_LIMIT);
    for (const execution of silent) {
      log.debug('No progress lately: having a look', { ...execution });
      await dispatcher.control(execution, 'sweep');
    }
    for (const execution of await store.unsettledSince(ambient.now() - silenceMs, SWEEP_LIMIT)) {
      log.debug('Ended and not settled: comparing its counts with the database', { ...execution });
      await settlement.settle(execution);
    }
  }
}
