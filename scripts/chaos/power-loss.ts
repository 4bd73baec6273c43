import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const SAMPLE_MS = 50;
/** What AOF everysec may lose, in ms. */
const LOSS_MS = 1_000;

/**
 * Loses what a machine loses with its power: the last second of Redis's append-only file. A killed Redis alone loses
 * nothing, as the system writes what it was handed. So the file's length is noted all the time, and after a kill it is
 * cut back to what it was a second before.
 */
export class PowerLoss {
  readonly #samples: { time: number; file: string; size: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  /** @param directory of the append-only files */
  constructor(private readonly directory: string) {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /**
   * Cuts the file back. Redis must have ended.
   *
   * @param diedAt when it was killed, in ms since the epoch
   * @returns bytes that are lost
   */
  strike(diedAt: number): number {
    const now = newest(this.directory);
    const before = this.#samples.findLast(({ time }) => time <= diedAt - LOSS_MS);
    // A file that is younger was begun with a complete copy, which Redis has written through.
    if (!now || before?.file !== now.file || before.size >= now.size) return 0;
    truncateSync(now.file, before.size);
    this.#samples.length = 0;
    return now.size - before.size;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const found = newest(this.directory);
    if (found) this.#samples.push({ time: Date.now(), ...found });
    if (this.#samples.length > 200) this.#samples.splice(0, 100);
  }
}

/** The file that Redis appends to: `appendonly.aof.<number>.incr.aof` with the greatest number. */
function newest(directory: string): { file: string; size: number } | undefined {
  const names = readdirSync(directory).filter((name) => name.endsWith('.incr.aof'));
  const name = names.toSorted((a, b) => numberOf(a) - numberOf(b)).at(-1);
  if (name === undefined) return undefined;
  const file = join(directory, name);
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  return size === undefined ? undefined : { file, size };
}

const numberOf = (name: string): number => Number(/\.(\d+)\.incr/.exec(name)?.[1] ?? 0);
