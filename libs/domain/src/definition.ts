/** What a step is to the engine. A `transactional-chunk` writes in one transaction with its checkpoint. */
export type StepKind = 'tasklet' | 'chunk' | 'transactional-chunk';

export interface StepDefinition {
  name: string;
  kind: StepKind;
}

/**
 * What an execution remembers of its job: the version its author gave it, and its steps in order. Work of an execution
 * is only done by a worker whose job has the same definition.
 */
export interface JobDefinition {
  version: string;
  steps: readonly StepDefinition[];
}

const KIND_NAMES: Record<StepKind, string> = {
  tasklet: 'a tasklet',
  chunk: 'a chunk step',
  'transactional-chunk': 'a chunk step with a transactional sink',
};

/**
 * How a job differs from what it was, as phrases for a message; empty if the definitions are the same.
 *
 * @param before of the execution
 * @param now of the job as it is deployed here
 */
export function differencesOf(before: JobDefinition, now: JobDefinition): string[] {
  const differences: string[] = [];
  if (before.version !== now.version) differences.push(`its version was ${before.version} and is ${now.version}`);
  const removed = namesMissing(before, now);
  const added = namesMissing(now, before);
  differences.push(
    ...removed.map((name) => `step ${name} was removed`),
    ...added.map((name) => `step ${name} was added`),
  );
  differences.push(
    ...kindChanges(before, now).map(
      ({ name, was, is }) => `step ${name} was ${KIND_NAMES[was]} and is ${KIND_NAMES[is]}`,
    ),
  );
  if (removed.length === 0 && added.length === 0 && namesOf(before).join() !== namesOf(now).join()) {
    differences.push(
      `its steps ran in the order ${namesOf(before).join(', ')} and now run in the order ${namesOf(now).join(', ')}`,
    );
  }
  return differences;
}

/** The steps that both have, under the same name, as steps of different kinds: what one has stored the other cannot read. */
export function kindChanges(
  before: JobDefinition,
  now: JobDefinition,
): { name: string; was: StepKind; is: StepKind }[] {
  const kinds = new Map(before.steps.map(({ name, kind }) => [name, kind]));
  return now.steps.flatMap(({ name, kind }) => {
    const was = kinds.get(name);
    return was !== undefined && was !== kind ? [{ name, was, is: kind }] : [];
  });
}

const namesOf = ({ steps }: JobDefinition): string[] => steps.map(({ name }) => name);

const namesMissing = (from: JobDefinition, others: JobDefinition): string[] => {
  const known = new Set(namesOf(others));
  return namesOf(from).filter((name) => !known.has(name));
};
