import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

/** Logs the events of a run to a file, and collects counts and violations. */
export class Journal {
  readonly violations: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #began = Date.now();
  readonly #file: WriteStream;

  constructor(
    readonly path: string,
    private readonly say: (line: string) => void,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = createWriteStream(path);
  }

  note(line: string): void {
    this.#file.write(`${this.#clock()} ${line}\n`);
  }

  /** Something that must never happen. The same line counts once. */
  violation(line: string): void {
    if (this.violations.includes(line)) return;
    this.violations.push(line);
    this.note(`VIOLATION ${line}`);
    this.say(`${this.#clock()} VIOLATION ${line}`);
  }

  /** Logs a line and prints it. */
  announce(line: string): void {
    this.note(line);
    this.say(`${this.#clock()} ${line}`);
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  total(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** Counts under this heading, `<heading>: <name>`, by name. */
  counted(heading: string): [string, number][] {
    const prefix = `${heading}: `;
    return [...this.#counts].flatMap(([what, times]) =>
      what.startsWith(prefix) ? [[what.slice(prefix.length), times] as [string, number]] : [],
    );
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve));
  }

  #clock(): string {
    return `+${((Date.now() - this.#began) / 1_000).toFixed(3).padStart(9)}`;
  }
}
