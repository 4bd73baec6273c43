import { chunkStep, defineJob, jobRegistry, tasklet, type Job, type JobRegistry, type TaskletContext } from '#job-kit';
import { jobsOf as realJobsOf, type JobModule } from '#jobs';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { compiled } from '../../scripts/local/paths.js';

export { NOOP_VERSIONS, type JobModule, type NoopVersion } from '#jobs';

/** How long a tasklet goes on after it has left something behind, in ms: the rest is then out of hand before it ends. */
const AFTERWARDS_MS = 300;

const throwing = {
  get message(): string {
    throw new Error('not readable');
  },
};

const thrower = (thrown: unknown) => (): never => {
  throw thrown;
};

const onItsOwn = (): never => {
  throw new Error('thrown by a timer that nobody waits for');
};

/** What code of a job does at its worst, by the name that the parameter `does` has. */
const DEEDS = {
  'never returns': () => new Promise<never>(() => undefined),
  async 'ignores its signal'() {
    for (;;) await pause(20);
  },
  async 'leaves a rejection behind'() {
    void Promise.reject(new Error('rejected, and nobody waits for it'));
    await pause(AFTERWARDS_MS);
  },
  async 'leaves a timer behind that throws'() {
    setTimeout(onItsOwn, 1);
    await pause(AFTERWARDS_MS);
  },
  'throws nothing': thrower(undefined),
  'throws a text': thrower('disk full'),
  'throws an object without prototype': thrower(Object.assign(Object.create(null) as object, { a: 1 })),
  'throws an empty message': thrower(new Error('')),
  'throws a code': thrower({ code: 'EDISK' }),
  'throws several': thrower(new AggregateError([new Error('one'), new Error('two')], 'both failed')),
  'throws a cause': thrower(new Error('import failed', { cause: new Error('disk full') })),
  'throws what cannot be read': thrower(throwing),
  'throws a message of 4 MB': thrower(new Error('x'.repeat(4_000_000))),
  'sets undefined as a result': ({ setResult }) => setResult('x', undefined as never),
  'sets a result of 4 MB': ({ setResult }) => setResult('x', 'x'.repeat(4_000_000)),
  'returns an exit code of 4 MB': async () => 'X'.repeat(4_000_000),
} satisfies Record<string, (context: TaskletContext<unknown>) => unknown>;

export type Deed = keyof typeof DEEDS;

const parameters = z.strictObject({ does: z.enum(Object.keys(DEEDS) as [Deed, ...Deed[]]) });
type Parameters = z.output<typeof parameters>;

/** A tasklet that does its worst. */
const hostileTaskletJob = defineJob<Parameters>({
  name: 'hostileTaskletJob',
  parameters,
  steps: [
    tasklet<Parameters>({
      name: 'hostileStep',
      run: (context) =>
        (DEEDS[context.parameters.does] as (given: TaskletContext<Parameters>) => Promise<string | void>)(context),
    }),
  ],
});

/** A plan that never comes to its end. */
const hostilePlanJob = defineJob<object>({
  name: 'hostilePlanJob',
  parameters: z.strictObject({}),
  steps: [
    chunkStep<object, never, never>({
      name: 'hostilePlanStep',
      commitInterval: () => 1,
      async *plan() {
        await new Promise<never>(() => undefined);
        yield { label: 'never', rows: 0, data: null };
      },
      read: async () => ({ read: async () => undefined, close: async () => {} }),
      process: (item) => item,
      write: async () => {},
    }),
  ],
});

/** Stands in for `jobsOf` of `#jobs`. */
export function jobsOf(module: JobModule): JobRegistry {
  const real = realJobsOf(module);
  return jobRegistry([...real.names.map((name) => real.find(name) as Job), hostileTaskletJob, hostilePlanJob]);
}

const RESOLVE = (place: string): string => `
  export async function resolve(specifier, context, next) {
    if (specifier === '#jobs' && context.parentURL !== ${JSON.stringify(place)}) {
      return { url: ${JSON.stringify(place)}, shortCircuit: true };
    }
    return next(specifier, context);
  }`;

const inline = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** The environment of a fleet that has these jobs beside the real ones. */
export function withHostileJobs(): NodeJS.ProcessEnv {
  const hooks = inline(RESOLVE(pathToFileURL(compiled('test/testbed/hostile-jobs.js')).href));
  const register = inline(`import { register } from 'node:module'; register(${JSON.stringify(hooks)});`);
  return { NODE_OPTIONS: `--import=${register}` };
}
