import { createHmac, randomBytes } from 'node:crypto';
import { BoundedMap } from './bounded-map.js';
import type { Credentials } from './credentials.js';

/** How long a verification holds after its last use, in ms. Any change of the users ends all of them at once. */
const TTL = 12 * 3_600_000;

const CAPACITY = 1_000;

/**
 * Who was verified, and from which network, so that a request does not cost a password hash, and that guesses of others
 * do not hold up users who are in. Keys are HMACs under a key of this process: no password stays in memory.
 */
export class VerifiedLogins<V> {
  private readonly secret = randomBytes(32);
  private readonly entries: BoundedMap<{ value: V; until: number }>;

  constructor(
    private readonly now: () => number,
    capacity = CAPACITY,
  ) {
    this.entries = new BoundedMap(capacity);
  }

  /** Neither a network nor a username has what follows it here, so no two logins share a text. */
  keyOf({ username, password }: Credentials, network: string): string {
    return createHmac('sha256', this.secret).update(`${network} ${username}:${password}`).digest('base64');
  }

  get(key: string): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (this.now() < entry.until) {
      this.set(key, entry.value);
      return entry.value;
    }
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
