import { map, named, object, oneOf, type ValueOf } from '../schema/schema.js';

/** How long a dependency has to answer, in ms: the whole answer must come within a second. */
export const PATIENCE = 700;

export const READINESS = named(
  'Readiness',
  object({ status: oneOf(['ok', 'unavailable']), dependencies: map(oneOf(['up', 'down'])) }),
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
): Promise<Readiness> {
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

async function within(ms: number, check: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([check(), late]).finally(() => clearTimeout(timer));
}
