import { clockSkew, SKEW_TO_REFUSE_MS, SKEW_TO_WARN_MS, type Logger, type RedisClient } from '#platform';

/** How often the clock is compared, in ms. */
const LOOK_MS = 15_000;

export interface ClockWatchParts {
  redis: RedisClient;
  log: Logger;
  /** Called when the clock has become too wrong to take work, and when it is right again. */
  refuse(refused: boolean): void;
}

/** Compares this process's clock with Redis's: warns where it is wrong, and refuses work where it is very wrong. */
export class ClockWatch {
  #timer: NodeJS.Timeout | undefined;
  #refused = false;
  #skew: number | undefined;

  constructor(private readonly parts: ClockWatchParts) {}

  /** Ahead of Redis's, in ms; undefined before it was known. */
  get skewMs(): number | undefined {
    return this.#skew;
  }

  /** Whether the clock is too wrong to take work. */
  get refused(): boolean {
    return this.#refused;
  }

  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look().catch(() => undefined), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const skew = await clockSkew(this.parts.redis);
    this.#skew = skew;
    const refused = Math.abs(skew) > SKEW_TO_REFUSE_MS;
    if (Math.abs(skew) > SKEW_TO_WARN_MS) {
      this.parts.log[refused ? 'error' : 'warn'](
        refused
          ? "This machine's clock is wrong: the worker takes no work until it is set right"
          : "This machine's clock is wrong: set it right (NTP)",
        { aheadOfRedisMs: skew },
      );
    }
    if (refused === this.#refused) return;
    this.#refused = refused;
    this.parts.refuse(refused);
  }
}
