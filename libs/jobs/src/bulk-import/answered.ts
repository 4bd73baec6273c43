import type { FileHandle } from 'node:fs/promises';
import { abandonedCode, UnavailableError } from '#job-kit';

/** Longest wait for one answer of a file system, in ms. A slow one takes seconds; one that hangs may never answer. */
export const ANSWER_MS = 20_000;
/** Longest wait for a file to be closed, in ms: Node waits for what is being read from it. */
const CLOSE_MS = 1_000;

let hanging = 0;

/** Questions of this process that were given up and are not answered yet: each holds one of its threads. */
export const hangingNow = (): number => hanging;

/**
 * Waits for a file system, but not for ever. A question that is given up still holds a thread of the process, and counts
 * as abandoned code until it is answered: a worker in which that takes too long is replaced.
 *
 * @param what was asked for, for the message: the name of a file, say
 * @param withinMs default {@link ANSWER_MS}
 * @throws UnavailableError if no answer comes in time: the work is for another worker, and spends no try
 */
export function answered<T>(what: string, asked: Promise<T>, withinMs = ANSWER_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      abandonedCode.add(asked);
      hanging += 1;
      const answer = () => void (hanging -= 1);
      asked.then(answer, answer);
      reject(unanswered(what, withinMs));
    }, withinMs);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * A worker whose questions hang would take the work again and again, and wait each time: it leaves it to the others until
 * they are answered, or until it is replaced.
 *
 * @throws UnavailableError if a question of this process hangs
 */
export function refuseWhileHanging(hangs = hangingNow() > 0): void {
  if (hangs) throw unanswered('earlier questions of this process', ANSWER_MS);
}

export const unanswered = (what: string, ms: number): UnavailableError =>
  new UnavailableError(new Error(`The file system has not answered for ${what} within ${ms} ms: it may hang.`));

/** Closes a file. One of which something is still being read is closed once that is answered, and nobody waits for it. */
export async function close(handle: FileHandle): Promise<void> {
  await answered('a file to be closed', handle.close(), CLOSE_MS).catch(() => undefined);
}
