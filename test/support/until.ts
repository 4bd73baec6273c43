import * as client from '#client';

/**
 * Asks again and again until the answer is as wanted.
 *
 * @param what is waited for, as it reads in the error
 * @param withinMs longest wait. Default 30,000
 * @returns the first answer that is as wanted
 * @throws Error with the last answer once the time has passed
 */
export const until = <T>(
  what: string,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  withinMs?: number,
): Promise<T> => client.until(what, ask, wanted, { withinMs });
