import type { LoginThrottle } from './login-throttle.js';

/** Most tries that wait: for one username of a network, for one network, and in all. */
const MOST_OF_USER = 5;
const MOST_OF_NETWORK = 50;
const MOST = 500;

/** Nothing more can wait. */
export class LoginQueueFullError extends Error {
  override readonly name = 'LoginQueueFullError';

  constructor(
    /** When it makes sense to try again, in ms. */
    readonly wait: number,
  ) {
    super('Too many logins are waiting.');
  }
}

/** Starts a try. */
type Start = (failures: number) => void;

/** The tries of one network that wait, by username. The usernames take turns, in the order of the map. */
interface Lane {
  waiting: Map<string, Start[]>;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Paces logins. A try that comes too early waits for its turn; only where too many wait already it is refused. So a right
 * password is let in although others guess: it waits behind the few guesses that came before it, and guesses of one
 * username do not hold up another.
 */
export class LoginQueue {
  private readonly lanes = new Map<string, Lane>();
  private size = 0;

  constructor(
    private readonly users: LoginThrottle,
    private readonly networks: LoginThrottle,
  ) {}

  /**
   * Waits until a try of this user from this network is due, and counts it as failed until {@link succeeded}.
   *
   * @returns how many tries have failed, with this one
   * @throws LoginQueueFullError if too many wait already
   */
  async turn(network: string, username: string): Promise<number> {
    const lane = this.lanes.get(network) ?? { waiting: new Map<string, Start[]>(), timer: undefined };
    const own = lane.waiting.get(username) ?? [];
    const ofNetwork = [...lane.waiting.values()].reduce((sum, starts) => sum + starts.length, 0);
    if (own.length >= MOST_OF_USER || ofNetwork >= MOST_OF_NETWORK || this.size >= MOST) {
      throw new LoginQueueFullError(this.waitOf(network, username));
    }
    this.lanes.set(network, lane);
    return new Promise((start) => {
      lane.waiting.set(username, [...own, start]);
      this.size += 1;
      this.startDue(network, lane);
    });
  }

  /** Takes back a try whose password was right. */
  succeeded(network: string, username: string): void {
    this.users.succeeded(callerOf(network, username));
    this.networks.succeeded(network);
    const lane = this.lanes.get(network);
    if (lane) this.startDue(network, lane);
  }

  /** Starts every try that is due, and comes back for the others. */
  private startDue(network: string, lane: Lane): void {
    clearTimeout(lane.timer);
    for (let due = this.nextDue(network, lane); due !== undefined; due = this.nextDue(network, lane)) {
      const [start, ...others] = lane.waiting.get(due) ?? [];
      // Behind the other usernames.
      lane.waiting.delete(due);
      if (others.length > 0) lane.waiting.set(due, others);
      this.size -= 1;
      this.networks.begin(network);
      start?.(this.users.begin(callerOf(network, due)));
    }
    const waits = [...lane.waiting.keys()].map((username) => this.waitOf(network, username));
    if (waits.length === 0) this.lanes.delete(network);
    else lane.timer = setTimeout(() => this.startDue(network, lane), Math.min(...waits)).unref();
  }

  private nextDue(network: string, { waiting }: Lane): string | undefined {
    return [...waiting.keys()].find((username) => this.waitOf(network, username) === 0);
  }

  private waitOf(network: string, username: string): number {
    return Math.max(this.networks.waitOf(network), this.users.waitOf(callerOf(network, username)));
  }
}

const callerOf = (network: string, username: string): string => `${network} ${username}`;
