/** What became of one delivery of work, for the queue. */
export type Outcome =
  | { kind: 'done' }
  /** The failure is recorded: the queue shows its job as failed, and does not repeat it. */
  | { kind: 'failed'; message: string }
  /** The worker is leaving: another one gets the work, and no try is spent. */
  | { kind: 'hand-back' }
  /** This worker cannot do the work and another may (it has another version of the job): no try is spent. */
  | { kind: 'not-here'; reason: string }
  /** Something that all work depends on cannot be reached: no try is spent. */
  | { kind: 'unavailable'; error: Error }
  /** To be tried again, with backoff. */
  | { kind: 'repeat'; error: Error };

export const DONE: Outcome = { kind: 'done' };
