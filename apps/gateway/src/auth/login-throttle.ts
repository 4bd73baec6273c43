import { BoundedMap } from './bounded-map.js';

/** Failures of one username from one address that cost no wait. */
export const FREE_FAILURES = 4;
/** Failures of all usernames from one address that cost no wait: whoever tries many names is slowed down too. */
export const FREE_FAILURES_OF_ADDRESS = 40;
/** Wait after the first failure that costs one, doubled with each further one, in ms. */
const FIRST_WAIT = 1_000;
/** Longest wait, in ms: nobody is locked out for longer. */
const LONGEST_WAIT = 30_000;
/** Failures are forgotten after this long without another, in ms. */
const MEMORY = 15 * 60_000;

const CAPACITY = 10_000;

/** How long to wait after so many failures in a row, in ms; the first `free` ones cost nothing. */
export const waitAfter = (failures: number, free = FREE_FAILURES): number =>
  failures <= free ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - free - 1));

/** Slows down guessing: the failures of each caller (a client address, with or without a username) and the wait they have earned. */
export class LoginThrottle {
  private readonly callers: BoundedMap<{ failures: number; until: number; last: number }>;

  constructor(
    private readonly now: () => number,
    private readonly free = FREE_FAILURES,
    capacity = CAPACITY,
  ) {
    this.callers = new BoundedMap(capacity);
  }

  /**
   * Asks to try. A granted try counts as failed until {@link succeeded} says otherwise, so that guesses sent side by
   * side are slowed down too; a refused one does not lengthen the wait.
   *
   * @returns ms to wait; 0 if the try is granted
   */
  begin(caller: string): number {
    const now = this.now();
    const known = this.callers.get(caller);
    if (known && now < known.until) return known.until - now;
    const failures = known && now - known.last < MEMORY ? known.failures + 1 : 1;
    this.callers.set(caller, { failures, until: now + waitAfter(failures, this.free), last: now });
    return 0;
  }

  /** Takes a granted try back; what failed before it still counts. */
  forgive(caller: string): void {
    const known = this.callers.get(caller);
    if (known) this.callers.set(caller, { ...known, failures: known.failures - 1, until: 0 });
  }

  succeeded(caller: string): void {
    this.callers.delete(caller);
  }
}
