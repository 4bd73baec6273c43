import type { Bench } from './bench.js';

/** Lines that look at the same measurement share it: it is taken once in a run, when the first of them asks. */
export function oncePerBench<T>(measure: (bench: Bench) => Promise<T>): (bench: Bench) => Promise<T> {
  const taken = new WeakMap<Bench, Promise<T>>();
  return (bench) => {
    const known = taken.get(bench) ?? measure(bench);
    taken.set(bench, known);
    return known;
  };
}
