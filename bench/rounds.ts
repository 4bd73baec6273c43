/** Repeats something, one after the other, e.g. a yardstick and ours in turn. */
export async function rounds<T>(count: number, round: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index += 1) results.push(await round(index));
  return results;
}

/** @returns how long the work took, in ms */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Polls until there is a result. @param everyMs pause between two polls */
export async function seen<T>(look: () => Promise<T | undefined>, everyMs: number): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
