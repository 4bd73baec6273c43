/** A task that was not begun: too many others ran, or waited. */
export class NoTurnError extends Error {
  override readonly name = 'NoTurnError';
}

/** Runs tasks, at most `width` side by side; at most `waiting` more wait their turn. */
export class ConcurrencyLimit {
  private running = 0;
  private readonly queue = new Set<() => void>();

  constructor(
    private readonly width: number,
    private readonly waiting: number,
  ) {}

  /** Whether one more task would find no place to wait. */
  get full(): boolean {
    return this.queue.size >= this.waiting;
  }

  /**
   * @param patienceMs longest wait for the turn; by default there is no limit
   * @throws NoTurnError once that is over: the task was not begun
   */
  async run<T>(task: () => Promise<T>, patienceMs?: number): Promise<T> {
    if (this.running < this.width) this.running += 1;
    else await this.turn(patienceMs);
    try {
      return await task();
    } finally {
      this.passOn();
    }
  }

  private turn(patienceMs: number | undefined): Promise<void> {
    return new Promise((begin, giveUp) => {
      let timer: NodeJS.Timeout | undefined;
      const mine = () => {
        clearTimeout(timer);
        begin();
      };
      this.queue.add(mine);
      if (patienceMs === undefined) return;
      timer = setTimeout(() => {
        this.queue.delete(mine);
        giveUp(new NoTurnError(`No turn came within ${patienceMs} ms.`));
      }, patienceMs);
    });
  }

  /** Gives the place to whoever has waited longest. */
  private passOn(): void {
    const [first] = this.queue;
    if (!first) {
      this.running -= 1;
      return;
    }
    this.queue.delete(first);
    first();
  }
}
