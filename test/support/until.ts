import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 20;

/** Longest wait unless another is given, in ms. */
const PATIENCE_MS = 30_000;

/**
 * Asks again and again until the answer will do.
 *
 * @param what is waited for, as it reads in the error
 * @returns the first answer that will do
 * @throws Error with the last answer once the time has passed
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`Not in ${withinMs} ms: ${what}. Last: ${JSON.stringify(answer)}`);
    await pause(PAUSE_MS);
  }
}
