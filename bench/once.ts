import type { Bench } from './bench.js';

/** Shares a measurement between lines: it is taken once per run, when the first of them needs it. */
export function oncePerBench<T>(measure: (bench: Bench) => Promise<T>): (bench: Bench) => Promise<T> {
  const taken = new WeakMap<Bench, Promise<T>>();
  return (bench) => {
    const known = taken.get(bench) ?? measure(bench);
    taken.set(bench, known);
    return known;
  };
}
