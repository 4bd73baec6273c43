import type { Job } from './job.js';

/** The jobs of a module, by name. */
export interface JobRegistry {
  /** Sorted by name. */
  readonly names: readonly string[];
  find(name: string): Job | undefined;
}

/** @throws Error if two jobs have one name */
export function jobRegistry(jobs: readonly Job[]): JobRegistry {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  if (byName.size < jobs.length) throw new Error('Two jobs have the same name.');
  const names = [...byName.keys()].toSorted();
  return { names, find: (name) => byName.get(name) };
}
