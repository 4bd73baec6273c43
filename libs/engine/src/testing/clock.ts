/** A clock that stands still until it is told to go on. Times are in ms since the epoch. */
export class ManualClock {
  #now: number;

  constructor(now = Date.UTC(2024, 0, 1)) {
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  pass(ms: number): void {
    this.#now += ms;
  }
}
