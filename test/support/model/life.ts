import type { PartitionAttempt, SinkSession, TransactionalSink } from '#job-kit';
import { signal } from '../signal.js';

/**
 * A worker's life, counted in calls to the outside (Redis, PostgreSQL, the queue). When they are used up the worker
 * stops where it stands: its next call is not begun, or is carried out and never answered. That is what a death looks
 * like from the outside, whatever the worker holds in memory; a frozen one can be woken.
 */
export class Life {
  readonly #stopped = signal<void>();
  readonly #woken = signal<void>();
  #asleep = false;

  /** @param lastIsDone whether the call at which it stops is carried out */
  constructor(
    private calls: number,
    private readonly lastIsDone: boolean,
  ) {}

  static readonly endless = () => new Life(Infinity, false);

  /** Resolves when the worker has stopped. */
  get over(): Promise<void> {
    return this.#stopped.given;
  }

  /** Has a frozen worker go on where it stopped, for good. */
  wake(): void {
    this.calls = Infinity;
    this.#woken.give();
  }

  /** Makes a call, if life lasts that long. */
  async spend<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.#asleep) await this.#woken.given;
    if (this.calls-- > 0) return call();
    this.#asleep = true;
    const last = this.lastIsDone ? (async () => call())() : undefined;
    await last?.catch(() => undefined);
    this.#stopped.give();
    await this.#woken.given;
    return last ?? call();
  }
}

/** The same object, each of whose methods is a call that costs life. */
export const mortal = <T extends object>(target: T, life: Life): T =>
  new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => life.spend(() => Reflect.apply(value, target, args) as unknown);
    },
  });

/** A worker that dies right behind its last call has closed its session already. */
function closedOnce<O>(session: SinkSession<O>): SinkSession<O> {
  const close = session.close.bind(session);
  let closing: Promise<void> | undefined;
  return Object.assign(session, { close: () => (closing ??= close()) });
}

/** A sink whose calls cost life, those of its sessions too. @param opened is handed every session, for whoever closes a dead worker's */
export const mortalSink = <O>(
  { open, gate, ledger }: TransactionalSink<O>,
  life: Life,
  opened: (session: SinkSession<O>) => void,
): TransactionalSink<O> => ({
  open: async (attempt: PartitionAttempt) => {
    const session = await life.spend(async () => {
      const fresh = closedOnce(await open(attempt));
      opened(fresh);
      return fresh;
    });
    return mortal(session, life);
  },
  gate: mortal(gate, life),
  ledger: mortal(ledger, life),
});
