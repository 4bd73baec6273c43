/** One of the kinds of steps that a job may have. */
type Kind = 'tasklet' | 'chunk' | 'transactional-chunk';

/** A release of `changingJob`. */
export interface Release {
  version: string;
  continues: string[];
  steps: { name: string; kind: Kind }[];
  /** Whether it has, and requires, a parameter that other releases refuse. */
  extra: boolean;
}

const exact = (name: string) => ({ name, kind: 'transactional-chunk' as const });
const rough = (name: string) => ({ name, kind: 'chunk' as const });
const once = (name: string) => ({ name, kind: 'tasklet' as const });

const release = (steps: Release['steps'], changes: Partial<Release> = {}): Release => ({
  version: '1',
  continues: [],
  extra: false,
  steps,
  ...changes,
});

const later = (version: string, steps: Release['steps'], changes: Partial<Release> = {}): Release =>
  release(steps, {
    version,
    continues: ['1', '2', '3', '4', '5', '6'].filter((other) => other !== version),
    ...changes,
  });

/** What may be done to a job in a deployment: with its version as it was, and (below) with a new one, which continues. */
export const RELEASES = {
  first: release([exact('rows'), once('close')]),
  taskletInFront: release([once('truncate'), exact('rows'), once('close')]),
  stepInserted: release([exact('rows'), exact('more'), once('close')]),
  stepRemoved: release([once('close')]),
  stepRenamed: release([exact('lines'), once('close')]),
  reordered: release([once('close'), exact('rows')]),
  kindChanged: release([rough('rows'), once('close')]),
  parameterAdded: release([exact('rows'), once('close')], { extra: true }),
  newVersion: later('2', [exact('rows'), once('close')]),
  newVersionThatContinuesNone: later('3', [exact('rows'), once('close')], { continues: [] }),
  newVersionInserts: later('4', [once('truncate'), exact('rows'), exact('more'), once('close')]),
  newVersionRenames: later('5', [exact('lines'), exact('more'), once('close')], { extra: true }),
  newVersionOfAnotherKind: later('6', [rough('rows'), exact('more'), once('close')]),
} as const satisfies Record<string, Release>;

export type ReleaseName = keyof typeof RELEASES;
export const RELEASE_NAMES = Object.keys(RELEASES) as ReleaseName[];

/** Whether work of an execution of the one may be done by a worker that has the other. */
export const servesSame = (a: ReleaseName, b: ReleaseName): boolean => describe(a) === describe(b);

/** Whether the steps and the version are the same. */
export const isSameJob = (a: ReleaseName, b: ReleaseName): boolean =>
  describe(a, { extra: false }) === describe(b, { extra: false });

const describe = (name: ReleaseName, changes: Partial<Release> = {}): string => {
  const { version, steps, extra } = { ...RELEASES[name], ...changes };
  return JSON.stringify([version, steps, extra]);
};

/** Whether an execution of the one may be restarted with the other, which is another job. */
export function mayContinue(before: ReleaseName, now: ReleaseName): boolean {
  const { continues, steps } = RELEASES[now] as Release;
  const known = new Map(RELEASES[before].steps.map(({ name, kind }) => [name, kind as Kind]));
  return (
    continues.includes(RELEASES[before].version) && steps.every(({ name, kind }) => (known.get(name) ?? kind) === kind)
  );
}
