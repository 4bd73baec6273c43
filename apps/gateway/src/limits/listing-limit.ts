import { Problem } from '../problem/problem.js';
import { ConcurrencyLimit, NoTurnError } from './concurrency-limit.js';

/** Listings that are read from Redis side by side. Redis does one thing at a time, and work waits for it too. */
const LISTINGS = 8;
/** Listings that may wait for their turn, and for how long, in ms. */
const WAITING_LISTINGS = 256;
const PATIENCE_MS = 5_000;

/** Bounds what all listings of this gateway ask of Redis at a time, so that work and operations go on meanwhile. */
export class ListingLimit {
  private readonly limit: ConcurrencyLimit;

  constructor(
    listings = LISTINGS,
    private readonly patienceMs = PATIENCE_MS,
  ) {
    this.limit = new ConcurrencyLimit(listings, WAITING_LISTINGS);
  }

  /** @throws Problem GATEWAY_BUSY if no turn comes in time: nothing was read */
  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.limit.full) throw busy();
    try {
      return await this.limit.run(read, this.patienceMs);
    } catch (error) {
      throw error instanceof NoTurnError ? busy() : error;
    }
  }
}

const busy = (): Problem =>
  new Problem('GATEWAY_BUSY', 'The gateway is busy with other listings. Try again shortly, or ask for less.', [], {
    'Retry-After': '2',
  });
