/**
 * The moments of an execution's life at which a death hurts most, named once. In production nothing listens and
 * {@link reach} does nothing; the crash tests have a worker kill itself at one of them.
 */
export const CRASH_POINTS = [
  'launched-not-queued',
  'plan-half-stored',
  'planned-not-dispatched',
  'rows-written-not-committed',
  'committed-not-mirrored',
  'finished-not-announced',
  'step-done-not-continued',
  'closing',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

let listener: ((point: CrashPoint) => void) | undefined;

/** Says that the process is at this point. */
export const reach = (point: CrashPoint): void => listener?.(point);

/** Has somebody told of every point reached; for tests. */
export const onCrashPoint = (told: (point: CrashPoint) => void): void => {
  listener = told;
};
