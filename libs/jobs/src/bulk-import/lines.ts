import type { Blocks } from './blocks.js';

/** One physical line of a file. */
export interface Line {
  /** Relative to the import directory. */
  file: string;
  /** From 0 within the file: the line number less one. */
  row: number;
  /** Without its line ending, and without a byte order mark. Of a line that is too long, only the beginning. */
  bytes: Buffer;
  tooLong: boolean;
}

/** What is kept of a line that is too long, in bytes: enough for an excerpt. */
const BEGINNING_BYTES = 1_024;
const NO_BYTES = Buffer.alloc(0);
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/** Reads a file's lines forward, from some row on, holding no more of a line than is accepted. */
export class Lines {
  #block: Buffer = NO_BYTES;
  #at = 0;
  #parts: Buffer[] = [];
  /** Bytes of the unfinished line that the blocks before held. */
  #length = 0;

  /**
   * @param row the row that the blocks begin with
   * @param byte how many bytes of the file stand before them
   */
  constructor(
    private readonly file: string,
    private readonly blocks: Blocks,
    private readonly maxLineBytes: number,
    public row = 0,
    public byte = 0,
  ) {}

  /** The next line; undefined at the end. The last one may lack its newline; a newline at the very end begins no line. */
  async next(): Promise<Line | undefined> {
    for (;;) {
      const newline = this.#block.indexOf(NEWLINE, this.#at);
      if (newline !== -1) return this.#cut(newline, newline + 1);
      this.#keep(this.#block.subarray(this.#at));
      if (!(await this.#advance()))
        return this.#length > 0 ? this.#cut(this.#block.length, this.#block.length) : undefined;
    }
  }

  /** Passes over lines until `row` is the next; `byte` is not kept up. @returns false if the file ends before */
  async skipTo(row: number): Promise<boolean> {
    for (let begun = false; this.row < row;) {
      const newline = this.#block.indexOf(NEWLINE, this.#at);
      if (newline === -1) {
        begun ||= this.#at < this.#block.length;
        if (await this.#advance()) continue;
        if (begun) this.row++;
        return this.row === row;
      }
      this.#at = newline + 1;
      this.row++;
      begun = false;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.blocks.return();
  }

  async #advance(): Promise<boolean> {
    const { value, done } = await this.blocks.next();
    this.#block = done ? NO_BYTES : value;
    this.#at = 0;
    return !done;
  }

  /** Keeps a piece of the unfinished line, or of one that is too long its beginning. */
  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length <= this.maxLineBytes) this.#parts.push(piece);
    else if (this.#length - piece.length <= this.maxLineBytes) {
      this.#parts = [Buffer.from(Buffer.concat([...this.#parts, piece]).subarray(0, BEGINNING_BYTES))];
    }
  }

  /** Ends the line at `end` of the block; the next begins at `next`. */
  #cut(end: number, next: number): Line {
    const piece = this.#block.subarray(this.#at, end);
    this.byte += this.#length + next - this.#at;
    this.#at = next;
    const tooLong = this.#length + piece.length > this.maxLineBytes;
    const whole = this.#length === 0 ? piece : Buffer.concat([...this.#parts, piece]);
    this.#parts = [];
    this.#length = 0;
    const row = this.row++;
    // A copy: a part of the block would keep all of it in memory.
    const bytes = tooLong ? Buffer.from(whole.subarray(0, BEGINNING_BYTES)) : withoutReturn(whole);
    return { file: this.file, row, bytes: row === 0 ? withoutMark(bytes) : bytes, tooLong };
  }
}

const withoutReturn = (line: Buffer): Buffer => (line.at(-1) === RETURN ? line.subarray(0, -1) : line);

const withoutMark = (line: Buffer): Buffer =>
  line.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? line.subarray(BYTE_ORDER_MARK.length) : line;
