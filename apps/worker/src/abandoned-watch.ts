import { abandonedCode } from '#job-kit';
import type { Logger } from '#platform';

const LOOK_MS = 1_000;

export interface AbandonedWatchParts {
  log: Logger;
  /** How long abandoned code may go on, in ms. */
  limitMs: number;
  /** Called once it has gone on for longer: the process is to be replaced. */
  replace(): void;
}

/** Tells of code of jobs that does not leave, and has the worker replaced where it goes on for too long. */
export class AbandonedWatch {
  #timer: NodeJS.Timeout | undefined;
  #told = 0;

  constructor(private readonly parts: AbandonedWatchParts) {}

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { count, longestMs } = abandonedCode;
    const { log, limitMs, replace } = this.parts;
    const about = { running: count, forSeconds: Math.round(longestMs / 1_000) };
    if (longestMs > limitMs) {
      this.stop();
      log.error('Code of a job does not end although it was told to leave: this worker leaves, to be replaced', about);
      replace();
    } else if (count > this.#told) {
      log.warn('Code of a job goes on although it was told to leave: it must look at its signal', about);
    }
    this.#told = count;
  }
}
