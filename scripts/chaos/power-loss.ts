import { closeSync, openSync, readdirSync, readSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const SAMPLE_MS = 50;
/** What AOF everysec may lose, in ms. */
const LOSS_MS = 1_000;

/**
 * Simulates what a power loss does to Redis: the last second of its append-only file is lost. Killing Redis alone loses
 * nothing, as the kernel still writes what it has accepted. So the file's length is sampled all the time, and after a
 * kill the file is truncated to its length one second before; but not before the last barrier that the gateway has
 * written and, where Redis has WAITAOF, waited for (`libs/repository/src/durability.ts`): whatever precedes it may have
 * been acknowledged.
 */
export class PowerLoss {
  readonly #samples: { time: number; file: string; size: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  /**
   * @param directory of the append-only files
   * @param barrier key of the barriers
   */
  constructor(
    private readonly directory: string,
    private readonly barrier: string,
  ) {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /**
   * Truncates the file. Redis must have ended.
   *
   * @param diedAt when it was killed, in ms since the epoch
   * @returns how many bytes are lost
   */
  truncate(diedAt: number): number {
    const now = newest(this.directory);
    const before = this.#samples.findLast(({ time }) => time <= diedAt - LOSS_MS);
    // A younger file was started by a rewrite, which Redis has synced as a whole.
    if (!now || before?.file !== now.file || before.size >= now.size) return 0;
    const size = endOfLast(setOf(this.barrier), now.file, before.size) ?? before.size;
    truncateSync(now.file, size);
    this.#samples.length = 0;
    return now.size - size;
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

/** The end of a barrier's command as it is written in the file. */
const setOf = (key: string): Buffer => Buffer.from(`${key}\r\n$0\r\n\r\n`);

/** Where the last occurrence of these bytes ends, looking from a position on. */
function endOfLast(bytes: Buffer, file: string, from: number): number | undefined {
  const tail = Buffer.alloc(statSync(file).size - from);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, tail, 0, tail.length, from);
  closeSync(descriptor);
  const at = tail.lastIndexOf(bytes);
  return at < 0 ? undefined : from + at + bytes.length;
}

const numberOf = (name: string): number => Number(/\.(\d+)\.incr/.exec(name)?.[1] ?? 0);
