import { Problem } from '../problem/problem.js';
import { readBasic, type Credentials } from './credentials.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import type { LoginThrottle } from './login-throttle.js';
import { passwordMatches } from './passwords.js';
import type { User } from './permissions.js';
import type { Users } from './users-file.js';
import type { VerifiedCache } from './verified-cache.js';

/** Hashes computed side by side: each holds 19 MiB and a core. */
const PARALLEL_HASHES = 2;
/** Logins that may wait for one. */
const WAITING_LOGINS = 64;

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="Longshore", charset="UTF-8"' };

/** Finds out who calls. */
export class Authenticator {
  private readonly hashing = new ConcurrencyLimit(PARALLEL_HASHES, WAITING_LOGINS);
  private readonly verifying = new Map<string, Promise<User>>();

  constructor(
    private readonly users: Users,
    private readonly cache: VerifiedCache<User>,
    private readonly throttle: LoginThrottle,
    private readonly addresses: LoginThrottle,
  ) {
    users.watch(() => cache.clear());
  }

  /**
   * @param header the request's `Authorization`
   * @param address the client's
   * @returns the user; at once if the same credentials were verified a short while ago
   * @throws Problem UNAUTHENTICATED or TOO_MANY_FAILED_LOGINS
   */
  authenticate(header: string | undefined, address: string): User | Promise<User> {
    const credentials = readBasic(header);
    if (!credentials) throw unauthenticated('Give a username and a password by HTTP Basic.');
    const key = this.cache.keyOf(credentials);
    return this.cache.get(key) ?? this.verifying.get(key) ?? this.verifyOnce(key, credentials, address);
  }

  /** Requests that come with the same credentials at the same time share one verification. */
  private verifyOnce(key: string, credentials: Credentials, address: string): Promise<User> {
    const verification = this.verify(key, credentials, address).finally(() => this.verifying.delete(key));
    this.verifying.set(key, verification);
    return verification;
  }

  private async verify(key: string, { username, password }: Credentials, address: string): Promise<User> {
    const caller = `${address} ${username}`;
    if (this.hashing.full) throw tooMany(1_000);
    const wait = this.waitOf(address, caller);
    if (wait > 0) throw tooMany(wait);
    const entry = this.users.find(username);
    const matches = await this.hashing.run(() => passwordMatches(entry?.passwordHash, password));
    if (!matches || !entry) throw unauthenticated('Username or password is wrong.');
    this.throttle.succeeded(caller);
    this.addresses.forgive(address);
    // Whoever was changed or removed while the hash was computed is not remembered.
    if (this.users.find(username) === entry) this.cache.set(key, entry);
    return entry;
  }

  /** How long this caller must wait, in ms: for its own failures, or for those of its whole address. */
  private waitOf(address: string, caller: string): number {
    const wait = this.addresses.begin(address);
    if (wait > 0) return wait;
    const own = this.throttle.begin(caller);
    if (own > 0) this.addresses.forgive(address);
    return own;
  }
}

const unauthenticated = (message: string): Problem => new Problem('UNAUTHENTICATED', message, [], CHALLENGE);

function tooMany(wait: number): Problem {
  const seconds = Math.ceil(wait / 1_000);
  return new Problem('TOO_MANY_FAILED_LOGINS', `Too many failed logins. Try again in ${seconds} s.`, [], {
    'Retry-After': String(seconds),
  });
}
