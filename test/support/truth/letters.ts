import { chunkStep, defineJob, jobRegistry, tasklet, type JobParameters, type Step } from '#job-kit';
import { z } from 'zod';
import { chunksOf, ITEMS, partitionsOf, type Deploy, type Item, type Places } from '../model/jobs.js';

/** The job that the tests of deployments start. */
export const LETTERS = 'letters';

/** Items that each chunk step of it writes: of two partitions. */
export const ITEMS_A_STEP = 2 * ITEMS;

export interface LettersOptions {
  version?: string;
  continues?: readonly string[];
  /** The parameters it has, all of them required. Default none. */
  parameters?: readonly string[];
  /** The chunk step whose last partition cannot be processed. */
  broken?: string;
  upgrade?: (parameters: JobParameters, fromVersion: string) => JobParameters;
}

/**
 * A release of a job of these steps: a name in capital letters is a step that writes into the database in transactions, any
 * other one a tasklet.
 */
export const letters = (steps: readonly string[], options: LettersOptions = {}): Deploy => {
  const { version, continues, parameters = [], broken, upgrade } = options;
  const release = `${steps.join()} ${JSON.stringify(options)}`;
  return (places) =>
    jobRegistry([
      defineJob<object>({
        name: LETTERS,
        parameters: z.strictObject(Object.fromEntries(parameters.map((name) => [name, z.string()]))),
        steps: steps.map((name) => stepOf(name, release, places, name === broken)),
        ...(version === undefined ? {} : { version }),
        ...(continues === undefined ? {} : { continues }),
        ...(upgrade === undefined ? {} : { upgrade }),
      }),
    ]);
};

function stepOf(name: string, release: string, { sink, ran }: Places, isBroken: boolean): Step<object> {
  if (name !== name.toUpperCase()) {
    return tasklet<object>({
      name,
      run: async ({ instanceUuid: instance, executionUuid: execution }) =>
        void ran.push({ instance, execution, step: name, release }),
    });
  }
  const { process: _, plan: __, ...shared } = chunksOf(release);
  return chunkStep<object, number, Item>({
    name,
    ...shared,
    plan: () => partitionsOf(2),
    process: (item, { instanceUuid: instance, executionUuid: execution, partition }) => {
      if (isBroken && partition === 1) throw new Error('This item cannot be had yet.');
      return { instance, execution, step: name, partition, item, release };
    },
    sink,
  });
}
