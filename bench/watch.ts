/** Polls something until it is stopped. */
export interface Watched<T> {
  /** @returns all values, at least one */
  stop(): Promise<T[]>;
}

export function watch<T>(look: () => Promise<T>, everyMs: number): Watched<T> {
  const seen: T[] = [];
  const over = new AbortController();
  const watching = (async () => {
    do {
      seen.push(await look());
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    } while (!over.signal.aborted);
  })();
  return {
    async stop() {
      over.abort();
      await watching;
      return seen;
    },
  };
}
