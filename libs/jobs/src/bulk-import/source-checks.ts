import { ANSWER_MS, hangingNow, unanswered } from './answered.js';

/**
 * Looks at sources in this process, side by side, and questions given up that a file system has not answered yet: fewer
 * than the four threads that Node has for files. Password checks need the others.
 */
const MOST = 2;

/** Takes turns at looking at sources, so that a file system that hangs never takes every thread of the process. */
export class SourceChecks {
  #running = 0;
  readonly #waiting = new Set<() => void>();

  /** @param unansweredNow questions given up and not answered yet; by default those of the process */
  constructor(
    private readonly unansweredNow = hangingNow,
    private readonly patienceMs = ANSWER_MS,
  ) {}

  /** @throws UnavailableError at once where earlier questions hang, and after a while if no turn comes */
  async run<T>(look: () => Promise<T>): Promise<T> {
    if (this.unansweredNow() >= MOST) throw unanswered('earlier starts', this.patienceMs);
    if (!this.#hasPlace()) await this.#turn();
    this.#running += 1;
    try {
      return await look();
    } finally {
      this.#running -= 1;
      this.#passOn();
    }
  }

  #hasPlace(): boolean {
    return this.#running + this.unansweredNow() < MOST;
  }

  #turn(): Promise<void> {
    return new Promise((begin, giveUp) => {
      const mine = () => {
        clearTimeout(timer);
        begin();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(mine);
        giveUp(unanswered('earlier starts', this.patienceMs));
      }, this.patienceMs);
      this.#waiting.add(mine);
    });
  }

  #passOn(): void {
    const [first] = this.#waiting;
    if (!first || !this.#hasPlace()) return;
    this.#waiting.delete(first);
    first();
  }
}
