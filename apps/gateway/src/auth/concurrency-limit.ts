/** Runs tasks, at most `width` side by side; at most `waiting` more wait their turn. */
export class ConcurrencyLimit {
  private running = 0;
  private readonly queue: (() => void)[] = [];

  constructor(
    private readonly width: number,
    private readonly waiting: number,
  ) {}

  /** Whether one more task would find a place. */
  get full(): boolean {
    return this.queue.length >= this.waiting;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.width) await new Promise<void>((turn) => this.queue.push(turn));
    else this.running += 1;
    try {
      return await task();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}
