import { count, described, map, named, object, oneOf, type ValueOf } from '../schema/schema.js';

/** How long a dependency has to answer, in ms: the whole answer must come within a second. */
export const PATIENCE = 700;

export const READINESS = named(
  'Readiness',
  object({
    status: oneOf(['ok', 'unavailable']),
    dependencies: map(oneOf(['up', 'down'])),
    importDirectories: described(
      map(oneOf(['up', 'down'])),
      'By module: whether its file system answers. Only starts of imports need it, so the status does not depend on it',
    ),
    lastSweepAgeMs: described(
      map(count),
      'By module: how long ago a worker last looked for executions without progress. Left out if none ever has, or if it is not known now',
    ),
  }),
);

export type Readiness = ValueOf<typeof READINESS>;

/**
 * Asks every dependency at once.
 *
 * @param checks by the dependency's name; a check that throws, or takes longer than `patience` ms, means down
 * @param onDown gets the reason; the answer, which anybody may read, does not contain it
 */
export async function checkAll(
  checks: Readonly<Record<string, () => Promise<unknown>>>,
  onDown: (name: string, reason: string) => void,
  patience = PATIENCE,
): Promise<Pick<Readiness, 'status' | 'dependencies'>> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const reason = await within(patience, check).then(() => undefined, String);
      if (reason !== undefined) onDown(name, reason);
      return [name, reason === undefined ? 'up' : 'down'] as const;
    }),
  );
  const status = results.every(([, state]) => state === 'up') ? 'ok' : 'unavailable';
  return { status, dependencies: Object.fromEntries(results) };
}

/** Asks for every age at once. One that is not known within `patience` ms is left out. */
export async function knownAges(
  ages: Readonly<Record<string, () => Promise<number | undefined>>>,
  patience = PATIENCE,
): Promise<Record<string, number>> {
  const asked = Object.entries(ages).map(async ([name, age]): Promise<[string, number][]> => {
    const known = await within(patience, age).catch(() => undefined);
    return known === undefined ? [] : [[name, known]];
  });
  return Object.fromEntries((await Promise.all(asked)).flat());
}

async function within<T>(ms: number, check: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([check(), late]).finally(() => clearTimeout(timer));
}
