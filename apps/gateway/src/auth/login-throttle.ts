import { BoundedMap } from './bounded-map.js';

/** Failures that cost no wait. */
const FREE_FAILURES = 4;
/** Wait after the first failure that costs one, doubled with each further one, in ms. */
const FIRST_WAIT = 1_000;
/** Longest wait, in ms: nobody is locked out for longer. */
const LONGEST_WAIT = 30_000;
/** Failures are forgotten after this long without another, in ms. */
const MEMORY = 15 * 60_000;

const CAPACITY = 10_000;

/** How long to wait after so many failures in a row, in ms. */
export const waitAfter = (failures: number): number =>
  failures <= FREE_FAILURES ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - FREE_FAILURES - 1));

/** Slows down guessing: the failures of each caller (client address and username) and the wait they have earned. */
export class LoginThrottle {
  private readonly callers: BoundedMap<{ failures: number; until: number; last: number }>;

  constructor(
    private readonly now: () => number,
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
    this.callers.set(caller, { failures, until: now + waitAfter(failures), last: now });
    return 0;
  }

  succeeded(caller: string): void {
    this.callers.delete(caller);
  }
}
