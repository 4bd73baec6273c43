import type { FileHandle } from 'node:fs/promises';
import { close } from './answered.js';
import { gzipBlocks } from './blocks.js';
import { Lines } from './lines.js';
import { assertUnchanged, type PlannedFile } from './planned-file.js';
import { openSourceFile } from './source.js';

/** A place in the lines of an open file. */
export interface Cursor {
  lines: Lines;
  handle: FileHandle;
}

export async function closeCursor({ lines, handle }: Cursor): Promise<void> {
  await lines.close();
  await close(handle);
}

interface Idle extends Cursor {
  key: string;
  timer: NodeJS.Timeout;
}

/** Most cursors kept for later; each holds a file and about 1 MB. */
const MOST_IDLE = 8;
const IDLE_MS = 30_000;

/**
 * Places in gzip files, which can only be read forwards: kept open for a while, so that a worker's next partition of
 * the same file goes on where the last one ended and does not decompress everything before it again.
 */
export class GzipCursors {
  readonly #idle: Idle[] = [];

  constructor(
    private readonly importDirectory: string,
    private readonly maxLineBytes: number,
  ) {}

  /** The cursor nearest before `row`, or a new one at the file's beginning; nobody else has it until it is given back. */
  async take(planned: PlannedFile, row: number): Promise<Cursor> {
    const kept = this.#nearest(keyOf(planned), row);
    if (kept) return kept;
    const handle = await openSourceFile(this.importDirectory, planned.file);
    try {
      await assertUnchanged(planned, handle);
    } catch (error) {
      await close(handle);
      throw error;
    }
    return {
      handle,
      lines: new Lines(planned.file, gzipBlocks(handle, planned.file, planned.size), this.maxLineBytes),
    };
  }

  /** Keeps a cursor, so that the next reader can continue from it. */
  async give(planned: PlannedFile, cursor: Cursor): Promise<void> {
    const idle: Idle = { ...cursor, key: keyOf(planned), timer: setTimeout(() => void this.#drop(idle), IDLE_MS) };
    idle.timer.unref();
    this.#idle.push(idle);
    if (this.#idle.length > MOST_IDLE) await this.#drop(this.#idle[0]);
  }

  #nearest(key: string, row: number): Cursor | undefined {
    const [nearest] = this.#idle
      .filter((idle) => idle.key === key && idle.lines.row <= row)
      .toSorted((a, b) => b.lines.row - a.lines.row);
    return this.#remove(nearest);
  }

  #remove(idle: Idle | undefined): Idle | undefined {
    const index = idle ? this.#idle.indexOf(idle) : -1;
    if (!idle || index === -1) return undefined;
    clearTimeout(idle.timer);
    this.#idle.splice(index, 1);
    return idle;
  }

  async #drop(idle: Idle | undefined): Promise<void> {
    const removed = this.#remove(idle);
    if (removed) await closeCursor(removed);
  }
}

const keyOf = ({ file, size, version }: PlannedFile): string => `${file}\0${size}\0${version}`;
