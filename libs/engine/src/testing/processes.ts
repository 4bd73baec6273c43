import type { SinkSession, TransactionalSink } from '#job-kit';
import type { Wrap } from './memory-engine.js';

/** A process whose calls to the outside (store, queue, database) are let through one at a time. */
export interface Process {
  readonly name: string;
  /** Its calls, as it makes them. */
  readonly wrap: Wrap;
}

interface Turn {
  process: Process;
  /** Performs the call. @param answer whether the process gets its answer; without one it stops there for good */
  take(answer: boolean): Promise<void>;
}

/**
 * Lets the calls of several processes through in any order that a test likes. A process that stands before a call and is not
 * let through is frozen; one that never is, dead. So every interleaving, and a death before and behind every call, can be
 * told, repeated and made smaller.
 */
export class Processes {
  readonly #turns: Turn[] = [];

  start(name: string): Process {
    const process: Process = { name, wrap: (port) => this.#wrapped(port, process) };
    return process;
  }

  /** The processes that stand before a call. */
  get standing(): readonly Process[] {
    return this.#turns.map(({ process }) => process);
  }

  /** Lets one process make its call, and go on until it stands before its next one, or has ended. */
  async step(process: Process): Promise<void> {
    await this.#take(process)?.take(true);
    await quiet();
  }

  /** A process dies before its call or, with `behind`, once it is carried out. */
  async kill(process: Process, behind: boolean): Promise<void> {
    const turn = this.#take(process);
    if (behind) await turn?.take(false);
  }

  /** Lets all processes go on until none stands before a call. */
  async finish(): Promise<void> {
    for (let [next] = this.standing; next; [next] = this.standing) await this.step(next);
  }

  #take(process: Process): Turn | undefined {
    const index = this.#turns.findIndex((turn) => turn.process === process);
    return index === -1 ? undefined : this.#turns.splice(index, 1)[0];
  }

  #wrapped<T extends object>(port: T, process: Process): T {
    return new Proxy(port, {
      get: (_, name) => {
        const value: unknown = Reflect.get(port, name, port);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.#stand(process, async () => Reflect.apply(value, port, args) as unknown);
      },
    });
  }

  #stand(process: Process, call: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#turns.push({
        process,
        take: (answer) => (answer ? call().then(resolve, reject) : call().then(ignore, ignore)),
      });
    });
  }
}

/** A sink whose sessions make their calls as their process does. */
export const wrappedSink = <O>(sink: TransactionalSink<O>, wrap: Wrap): TransactionalSink<O> => ({
  open: async (attempt) => {
    const session: SinkSession<O> = await wrap(sink).open(attempt);
    return wrap(session);
  },
  gate: wrap(sink.gate),
  ledger: wrap(sink.ledger),
});

const ignore = (): void => {};

/** Once nothing is left to do that does not wait for something outside. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
