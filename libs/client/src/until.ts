import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** Longest wait, in ms. Default 30,000. */
  withinMs?: number | undefined;
  /** Pause between two looks, in ms. Default 20. */
  everyMs?: number | undefined;
}

/**
 * Asks again and again until the answer is as wanted.
 *
 * @param what is waited for, as it reads in the error
 * @returns the first answer that is as wanted
 * @throws Error with the last answer once the time has passed
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  { withinMs = 30_000, everyMs = 20 }: UntilOptions = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`Not in ${withinMs} ms: ${what}. Last: ${JSON.stringify(answer)}`);
    await pause(everyMs);
  }
}
