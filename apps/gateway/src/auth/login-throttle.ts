import { BoundedMap } from './bounded-map.js';

/** How failures of a caller are answered. */
export interface Pace {
  /** Failures that cost no wait. */
  free: number;
  /** Longest wait between two tries, in ms. */
  longestWait: number;
}

/** Of one username from one network. */
export const PACE_OF_USER: Pace = { free: 4, longestWait: 5_000 };
/** Of all usernames from one network: whoever tries many names is slowed down too. */
export const PACE_OF_NETWORK: Pace = { free: 40, longestWait: 1_000 };

/** Wait after the first failure that costs one, doubled with each further one, in ms. */
const FIRST_WAIT = 1_000;
/** Failures are forgotten after this long without another, in ms. */
const MEMORY = 15 * 60_000;

const CAPACITY = 10_000;

/** How long to wait after so many failures, in ms. */
export const waitAfter = (failures: number, { free, longestWait }: Pace): number =>
  failures <= free ? 0 : Math.min(longestWait, FIRST_WAIT * 2 ** (failures - free - 1));

/** Counts the failures of each caller (a network, with or without a username), and says when the next try is due. */
export class LoginThrottle {
  private readonly callers: BoundedMap<{ failures: number; due: number; last: number }>;

  constructor(
    private readonly now: () => number,
    private readonly pace: Pace,
    capacity = CAPACITY,
  ) {
    this.callers = new BoundedMap(capacity);
  }

  /** How long until the caller may try, in ms; 0 if at once. */
  waitOf(caller: string): number {
    return Math.max(0, (this.callers.get(caller)?.due ?? 0) - this.now());
  }

  /**
   * Counts a try. It counts as failed until {@link succeeded} says otherwise, so that guesses sent side by side are slowed
   * down too.
   *
   * @returns how many tries have failed, with this one
   */
  begin(caller: string): number {
    const now = this.now();
    const known = this.callers.get(caller);
    const failures = known && now - known.last < MEMORY ? known.failures + 1 : 1;
    this.callers.set(caller, { failures, due: now + waitAfter(failures, this.pace), last: now });
    return failures;
  }

  /** Takes a try back. What failed before it still counts: a user who logs in gives a guesser no new tries. */
  succeeded(caller: string): void {
    const known = this.callers.get(caller);
    if (known) this.callers.set(caller, { ...known, failures: known.failures - 1, due: 0 });
  }
}
