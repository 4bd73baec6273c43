import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from '#platform';

/** Folder of heartbeat files, a file a worker process, named after its pid. */
export const HEARTBEAT_DIRECTORY = process.env['HEARTBEAT_DIRECTORY'] ?? join(tmpdir(), 'longshore-workers');

/** How often it is touched, in ms; a file three times as old means that the worker is not well. */
export const HEARTBEAT_MS = 5_000;

export const heartbeatFile = (pid: number): string => join(HEARTBEAT_DIRECTORY, `${pid}.alive`);

/**
 * Touches a file as long as the event loop turns, for `health.js` on the same host. Redis may be unavailable: to be
 * restarted would not help the worker then. Where the file cannot be written the worker works all the same.
 */
export class Heartbeat {
  readonly #file = heartbeatFile(process.pid);
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly log: Logger) {}

  start(): void {
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(this.#file, `${process.pid}\n`);
    } catch (error) {
      this.log.warn(
        'No heartbeat file: health.js will call this worker dead. Set HEARTBEAT_DIRECTORY to a folder it can write',
        {
          file: this.#file,
          reason: (error as Error).message,
        },
      );
      return;
    }
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    try {
      rmSync(this.#file, { force: true });
    } catch {
      // It is old soon, and says the same then.
    }
  }

  #beat(): void {
    const now = new Date();
    try {
      utimesSync(this.#file, now, now);
    } catch {
      // The next beat may succeed; a disk that is full for 15 s is no reason to end the worker.
    }
  }
}
