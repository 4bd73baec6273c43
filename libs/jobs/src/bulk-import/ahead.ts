import { Readable } from 'node:stream';

/** What each source holds for later, at most: then it waits. */
const MOST_HELD = 1_000;

/**
 * The items of all sources, one source after the other. The next `ahead` sources are at work already while one is read.
 * Returning early ends those that were begun.
 */
export async function* oneAfterTheOther<T>(
  sources: readonly AsyncIterable<T>[],
  ahead: number,
): AsyncGenerator<T, void, undefined> {
  const begun = sources.slice(0, 1 + ahead).map(begin);
  try {
    for (let next = begun.length; begun[0]; next++) {
      yield* begun[0] as AsyncIterable<T>;
      begun.shift();
      begun.push(...sources.slice(next, next + 1).map(begin));
    }
  } finally {
    for (const source of begun) source.destroy();
  }
}

function begin(source: AsyncIterable<unknown>): Readable {
  const items = Readable.from(source, { highWaterMark: MOST_HELD });
  // A failure is reported when it is read; until then nothing listens.
  items.on('error', () => undefined);
  items.read(0);
  return items;
}
