import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from './bounded-map.js';
import type { Credentials } from './credentials.js';

/** How long a verification holds, in ms. */
const TTL = 5 * 60_000;

const CAPACITY = 1_000;

/**
 * Who was verified a short while ago, so that a request does not cost a password hash. Keys are HMACs under a key of
 * this process: neither a password nor anything to guess it from stays in memory.
 */
export class VerifiedCache<V> {
  private readonly secret = randomBytes(32);
  private readonly entries: BoundedMap<{ value: V; until: number }>;

  constructor(
    private readonly now: () => number,
    capacity = CAPACITY,
  ) {
    this.entries = new BoundedMap(capacity);
  }

  /** A username has no colon, so no two credentials share a text. */
  keyOf({ username, password }: Credentials): string {
    return createHmac('sha256', this.secret).update(`${username}:${password}`).digest('base64');
  }

  get(key: string): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (this.now() < entry.until) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  set(key: string, value: V): void {
    this.entries.set(key, { value, until: this.now() + TTL });
  }

  clear(): void {
    this.entries.clear();
  }
}
