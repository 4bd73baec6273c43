/**
 * Code of jobs, and questions to a file system that hangs, in this process that was told to leave and still runs, though nobody waits for it any longer. It cannot be
 * ended: only a new process is rid of it.
 */
export class AbandonedCode {
  /** When each was given up, in ms of the process's own time: no clock that is set changes it. */
  readonly #since = new Map<symbol, number>();

  /** How many still run. */
  get count(): number {
    return this.#since.size;
  }

  /** How long the first of them has gone on, in ms; 0 where there is none. */
  get longestMs(): number {
    const [first] = this.#since.values();
    return first === undefined ? 0 : performance.now() - first;
  }

  /** @param work still runs until this settles */
  add(work: Promise<unknown>): void {
    const key = Symbol('abandoned');
    this.#since.set(key, performance.now());
    const forget = (): void => void this.#since.delete(key);
    work.then(forget, forget);
  }
}

/** Of this process. */
export const abandonedCode = new AbandonedCode();
