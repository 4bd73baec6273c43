import { UnavailableError, type Log } from '#job-kit';
import { DatabaseWatch } from './database-watch.js';
import { messageOf } from './describe-error.js';
import type { Settlement } from './settlement.js';
import type { Sinks } from './sinks.js';
import type { DatabaseStore, ExecutionRef, RecoveryStore, SettlementStore, SilentExecution } from './store.port.js';
import { SWEEP, type DelayedWork, type Dispatcher } from './work.port.js';

export interface RecoveryParts {
  store: RecoveryStore & SettlementStore & DatabaseStore;
  settlement: Settlement;
  sinks: Sinks;
  dispatcher: Dispatcher;
  delayed: DelayedWork;
  log: Log;
  /** How long an execution may be without progress before somebody looks, in ms. */
  silenceMs: number;
  /** How long work may be handed back by all workers before its execution FAILS, in ms. */
  handBackMs: number;
}

/** Executions looked at in one sweep; the longest silent come first, the others in the next. */
const SWEEP_LIMIT = 200;

/**
 * Has a controller look at every running execution without progress; the controller puts back into the queue what is
 * missing there. Now and then it looks at all of them: a single partition may have lost its job while others go on. It
 * repairs a crash between a change and its dispatch, a Redis that lost a second, and a job removed by hand. It settles the
 * counts of ended executions where somebody died before doing so, and notices a database that was put back. Where all is
 * well, it changes nothing.
 */
export class Recovery {
  readonly #databases: DatabaseWatch;
  /** Whether an outage of the database keeps executions from being settled: it is logged once, not for each of them. */
  #waiting = false;

  constructor(private readonly parts: RecoveryParts) {
    this.#databases = new DatabaseWatch(parts);
  }

  /** @param silenceMs how long an execution must have been without progress; 0 looks at all that run */
  async sweep(silenceMs = this.parts.silenceMs): Promise<void> {
    const { store, delayed, log } = this.parts;
    const promoted = await delayed.promoteFar();
    if (promoted > 0) log.warn('Work was delayed too far ahead: is the clock of a worker wrong?', { promoted });
    for (const execution of await store.silentFor(silenceMs, SWEEP_LIMIT)) await this.#look(execution);
    for (const execution of await store.unsettledFor(this.parts.silenceMs, SWEEP_LIMIT)) await this.#settle(execution);
    await this.#databases.look().catch((error: unknown) => {
      log.debug('The database could not be asked where it stands', { reason: messageOf(error) });
    });
  }

  async #look({ silentMs, handedBack, ...execution }: SilentExecution): Promise<void> {
    const { dispatcher, log, handBackMs } = this.parts;
    if (handedBack && Math.min(handedBack.forMs, silentMs) > handBackMs)
      return this.#giveUp(execution, handedBack.reason);
    if (handedBack) {
      log.warn('No worker has the job of an execution: deploy one that has, or stop the execution', {
        executionId: execution.id,
        reason: handedBack.reason,
        forSeconds: Math.round(handedBack.forMs / 1_000),
      });
    }
    await dispatcher.control(execution, SWEEP, true);
  }

  /** Work that no worker has had the job for in a long time. A restart goes on once one has. */
  async #giveUp(execution: ExecutionRef, reason: string): Promise<void> {
    const hours = Math.round((this.parts.handBackMs / 3_600_000) * 10) / 10;
    const message = `No worker has had the job of this execution for ${hours} hours: ${reason}. Deploy a worker that has it, then restart the execution.`;
    this.parts.log.error('An execution has failed', { executionId: execution.id, reason: message });
    await this.parts.store.fail(execution, { stepName: 'worker', message });
  }

  /** One that cannot be settled now keeps nobody else waiting: it moves behind the others. */
  async #settle(execution: ExecutionRef): Promise<void> {
    const { settlement, store, log } = this.parts;
    try {
      await settlement.settle(execution);
      this.#waiting = false;
    } catch (error) {
      const about = { ...execution, reason: messageOf(error) };
      const known = this.#waiting && error instanceof UnavailableError;
      log[known ? 'debug' : 'warn']('An ended execution could not be settled yet', about);
      this.#waiting ||= error instanceof UnavailableError;
      await store.settleLater(execution);
    }
  }
}
