import type { Logger } from '#platform';
import type { Problem } from '../problem/problem.js';
import { networkOf } from './client-network.js';
import { ConcurrencyLimit } from '../limits/concurrency-limit.js';
import { readBasic, type Credentials } from './credentials.js';
import { FailedLogin, tooManyFailedLogins, unauthenticated } from './failed-login.js';
import { LoginQueueFullError, type LoginQueue } from './login-queue.js';
import { passwordMatches } from './passwords.js';
import type { User } from './permissions.js';
import type { Users } from './users-file.js';
import type { VerifiedLogins } from './verified-logins.js';

/** Hashes computed side by side: each holds 19 MiB and a core. */
const PARALLEL_HASHES = 2;
/** Logins that may wait for one. */
const WAITING_LOGINS = 64;

/** Most characters of a username that are logged. */
const LOGGED_NAME = 64;

/** Finds out who calls. */
export class Authenticator {
  private readonly hashing = new ConcurrencyLimit(PARALLEL_HASHES, WAITING_LOGINS);
  private readonly verifying = new Map<string, Promise<User>>();

  constructor(
    private readonly users: Users,
    private readonly verified: VerifiedLogins<User>,
    private readonly queue: LoginQueue,
    private readonly log: Logger,
  ) {
    users.watch(() => verified.clear());
  }

  /**
   * @param header the request's `Authorization`
   * @param address the client's
   * @returns the user; at once if the same credentials were verified before from the same network
   * @throws Problem UNAUTHENTICATED or TOO_MANY_FAILED_LOGINS
   */
  authenticate(header: string | undefined, address: string): User | Promise<User> {
    const credentials = readBasic(header);
    if (!credentials) throw unauthenticated('Give a username and a password by HTTP Basic.');
    const key = this.verified.keyOf(credentials, networkOf(address));
    return this.verified.get(key) ?? this.verifying.get(key) ?? this.verifyOnce(key, credentials, address);
  }

  /** Requests that come with the same credentials at the same time share one verification. */
  private verifyOnce(key: string, credentials: Credentials, address: string): Promise<User> {
    const verification = this.verify(key, credentials, address).finally(() => this.verifying.delete(key));
    this.verifying.set(key, verification);
    return verification;
  }

  private async verify(key: string, { username, password }: Credentials, address: string): Promise<User> {
    if (this.hashing.full) throw tooManyFailedLogins(1_000);
    const network = networkOf(address);
    const failures = await this.turnOf(network, username);
    const entry = this.users.find(username);
    const matches = await this.hashing.run(() => passwordMatches(entry?.passwordHash, password));
    if (!matches || !entry) throw this.failed(username, address, failures);
    this.queue.succeeded(network, username);
    // A user who was changed or removed while the hash was computed is not remembered.
    if (this.users.find(username) === entry) this.verified.set(key, entry);
    return entry;
  }

  private async turnOf(network: string, username: string): Promise<number> {
    try {
      return await this.queue.turn(network, username);
    } catch (error) {
      throw error instanceof LoginQueueFullError ? tooManyFailedLogins(error.wait) : error;
    }
  }

  private failed(username: string, remoteAddress: string, failures: number): Problem {
    this.log.warn('Login failed', { username: username.slice(0, LOGGED_NAME), remoteAddress, failures });
    const user = this.users.find(username);
    return new FailedLogin(user && { username, permissions: user.permissions }, failures);
  }
}
