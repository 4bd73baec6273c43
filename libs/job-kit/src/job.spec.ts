import { LongshoreError, type FieldError } from '#domain';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Gate, Ledger } from './chunk.js';
import { defineJob } from './define-job.js';
import { chunkStep, tasklet, type JobOptions } from './job.js';
import { wholeNumber, type ParameterSchema } from './parameters.js';
import { jobRegistry } from './registry.js';

const parameters = z.strictObject({
  source: z.string(),
  interval: wholeNumber(1, 1_000).prefault('500'),
  label: z.string().optional(),
});

const step = (name: string) => tasklet<z.output<typeof parameters>>({ name, run: async () => {} });

const jobWith = (name: string, ...steps: string[]) => defineJob({ name, parameters, steps: steps.map(step) });

/** A job with one step, but for the changes. */
const jobOf = <P>(changes: Partial<JobOptions<P>>) =>
  defineJob({ name: 'anyJob', parameters, steps: [step('load')], ...changes } as JobOptions<P>);

describe('defineJob', () => {
  it('fills in what a definition leaves open', () => {
    const job = jobWith('anyJob', 'load', 'close');
    expect(job).toMatchObject({ name: 'anyJob', identifying: [], restartable: true });
    expect(job.steps.map(({ name, kind }) => [name, kind])).toEqual([
      ['load', 'tasklet'],
      ['close', 'tasklet'],
    ]);
  });

  it('keeps what it says', () => {
    const job = defineJob({ name: 'a', parameters, steps: [step('b')], identifying: ['source'], restartable: false });
    expect(job).toMatchObject({ identifying: ['source'], restartable: false });
  });

  it.each(['', '1st', 'with space', 'a-b', 'a:b', 'a/b', 'a{b}', 'é', 'a'.repeat(101)])(
    'refuses the name %j',
    (name) => {
      const refused = `"${name}" is not a valid name`;
      expect(() => jobWith(name, 'load')).toThrow(refused);
      expect(() => jobWith('anyJob', 'load', name)).toThrow(refused);
    },
  );

  it('accepts names of letters and digits, up to 100', () => {
    expect(jobWith('a'.repeat(100), 'Z9').name).toHaveLength(100);
  });

  it('has version 1 unless it says otherwise, and remembers names and kinds of its steps', () => {
    const load = chunkStep<z.output<typeof parameters>, number, number>({
      name: 'load',
      plan: () => [],
      commitInterval: () => 1,
      read: async () => ({ read: async () => undefined, close: async () => {} }),
      process: (item) => item,
      write: async () => {},
    });
    const steps = [
      { name: 'load', kind: 'chunk' },
      { name: 'close', kind: 'tasklet' },
    ];
    expect(jobOf({ steps: [load, step('close')] })).toMatchObject({
      definition: { version: '1', steps },
      continues: [],
    });
    expect(jobOf({ version: '2024.1 (b)', continues: ['1', '2'] })).toMatchObject({
      definition: { version: '2024.1 (b)' },
      continues: ['1', '2'],
    });
  });

  it.each(['', 'a\nb', 'a\ud800', 'x'.repeat(51)])('refuses the version %j', (version) => {
    expect(() => jobOf({ version })).toThrow('its version must be 1 to 50 printable characters');
  });

  it('refuses to continue its own version', () => {
    expect(() => jobOf({ version: '2', continues: ['1', '2'] })).toThrow('it continues its own version 2');
    expect(() => jobOf({ continues: ['1'] })).toThrow('it continues its own version 1');
  });

  it.each([
    ['a number', wholeNumber(1, 9).default(5)],
    [
      'a date',
      z
        .string()
        .transform((text) => new Date(text))
        .default(new Date(0)),
    ],
    ['a number, in a wrapper', z.coerce.number().default(5).optional()],
  ])('refuses a default that is %s: it would have to be printed', (_, field) => {
    expect(() => jobOf({ parameters: z.strictObject({ field }) })).toThrow(
      'the default of its parameter "field" is not a string. Parameters are strings: use prefault',
    );
  });

  it('refuses a default that its own schema refuses', () => {
    const field = wholeNumber(1, 9).prefault('10');
    expect(() => jobOf({ parameters: z.strictObject({ field }) })).toThrow(
      'the default of its parameter "field" is refused by the schema itself',
    );
  });

  it('refuses parameters that are not an object', () => {
    const either = z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.string() })]);
    expect(() => jobOf({ parameters: either })).toThrow('its parameters must be a z.object()');
  });

  it.each<[string, ParameterSchema<unknown>]>([
    ['an object', parameters],
    ['a refined object', parameters.refine(() => true)],
    ['a transformed object', parameters.transform((given) => [given])],
    ['a piped object', parameters.pipe(z.custom<z.output<typeof parameters>>())],
  ])('checks the names of identifying parameters of %s', (_, schema) => {
    expect(jobOf<unknown>({ parameters: schema, identifying: ['source'] }).identifying).toEqual(['source']);
    expect(() => jobOf<unknown>({ parameters: schema, identifying: ['source', 'sauce'] })).toThrow(
      'its identifying parameter "sauce" is not among its parameters',
    );
    for (const name of ['toString', '__proto__']) {
      expect(() => jobOf<unknown>({ parameters: schema, identifying: [name] })).toThrow('is not among its parameters');
    }
  });

  it('refuses a job without steps', () => {
    expect(() => jobWith('anyJob')).toThrow('Job anyJob: it has no steps.');
  });

  it('refuses a step name used twice', () => {
    expect(() => jobWith('anyJob', 'load', 'close', 'load')).toThrow('Job anyJob: a step name is used twice.');
  });

  it('refuses an identifying parameter that the job does not have', () => {
    const options = { name: 'a', parameters, steps: [step('b')], identifying: ['sauce'] };
    expect(() => defineJob(options)).toThrow('its identifying parameter "sauce" is not among its parameters');
  });

  it('refuses a start limit below 1', () => {
    const limited = tasklet<z.output<typeof parameters>>({ name: 'b', run: async () => {}, startLimit: 0 });
    expect(() => defineJob({ name: 'a', parameters, steps: [limited] })).toThrow('the start limit of b is below 1');
  });

  it('refuses to run a step again whose sink remembers that it is done', () => {
    const again = chunkStep<z.output<typeof parameters>, number, number>({
      name: 'b',
      plan: () => [],
      commitInterval: () => 1,
      read: async () => ({ read: async () => undefined, close: async () => {} }),
      process: (item) => item,
      sink: { open: () => Promise.reject(new Error('never opened')), gate: {} as Gate, ledger: {} as Ledger },
      allowStartIfComplete: true,
    });
    expect(() => defineJob({ name: 'a', parameters, steps: [again] })).toThrow('cannot be allowStartIfComplete');
  });

  it("refuses a step named as its job: a failure's step name would not tell them apart", () => {
    expect(() => jobWith('anyJob', 'anyJob')).toThrow('used twice');
  });
});

describe("a job's parameters", () => {
  const job = jobWith('anyJob', 'load');

  it('are completed with the defaults, as strings', () => {
    expect(job.complete({ source: 'a' })).toEqual({ source: 'a', interval: '500' });
    expect(job.complete({ source: 'a', interval: '007', label: 'x' })).toEqual({
      source: 'a',
      interval: '007',
      label: 'x',
    });
  });

  it('are never printed and parsed again: what is kept is what was given', () => {
    const percent = z.string().transform((text) => Number(text) / 100);
    const date = z.string().transform((text) => new Date(text));
    const prefixed = z.string().transform((text) => `a/${text}`);
    const rough = jobOf({ parameters: z.strictObject({ percent, date, prefixed }) });
    const given = { percent: '50', date: '2024-05-06T07:08:09.123+02:00', prefixed: 'x' };
    expect(rough.complete(given)).toEqual(given);
    expect(rough.complete(rough.complete(given))).toEqual(given);
    expect(rough.parse(rough.complete(given))).toEqual({ percent: 0.5, date: new Date(given.date), prefixed: 'a/x' });
  });

  it('keep a default as the author has written it', () => {
    const percent = z.string().transform((text) => Number(text) / 100);
    const rough = jobOf({ parameters: z.strictObject({ percent: percent.prefault('50') }) });
    expect(rough.complete({})).toEqual({ percent: '50' });
    expect(rough.parse(rough.complete({}))).toEqual({ percent: 0.5 });
  });

  it('stay as they are when completed again, and mean the same', () => {
    const given = fc.record(
      { source: fc.string(), interval: fc.integer({ min: 1, max: 1_000 }).map(String), label: fc.string() },
      { requiredKeys: ['source'] },
    );
    fc.assert(
      fc.property(given, (some) => {
        const complete = job.complete(some);
        expect(Object.values(complete).every((value) => typeof value === 'string')).toBe(true);
        expect(job.complete(complete)).toEqual(complete);
        expect(job.parse(complete)).toEqual(job.parse(some));
      }),
    );
  });

  it('are refused by parse, complete and check alike', async () => {
    const bad = { interval: 'many', speed: '9' };
    const refused = {
      code: 'INVALID_PARAMETERS',
      fields: [{ field: 'source' }, { field: 'interval' }, { field: 'speed' }],
    };
    expect(() => job.parse(bad)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETERS' }));
    expect(() => job.complete(bad)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETERS' }));
    await expect(job.check(bad)).rejects.toMatchObject(refused);
  });

  it("are looked at by the job's own check, parsed, before a start", async () => {
    const seen: unknown[] = [];
    const missing: FieldError[] = [{ field: 'source', message: 'does not exist' }];
    const checked = defineJob({
      name: 'anyJob',
      parameters,
      steps: [step('load')],
      check: async (given) => {
        seen.push(given);
        return given.source === 'there' ? [] : missing;
      },
    });
    await checked.check({ source: 'there', interval: '7' });
    await expect(checked.check({ source: 'gone' })).rejects.toThrow(
      new LongshoreError('INVALID_PARAMETERS', 'Parameters of anyJob refused: source does not exist.', missing),
    );
    expect(seen).toEqual([
      { source: 'there', interval: 7 },
      { source: 'gone', interval: 500 },
    ]);
  });

  it('need no look where the job takes none', async () => {
    await expect(job.check({ source: 'a' })).resolves.toBeUndefined();
  });
});

describe('a job that was another version', () => {
  const stored = { source: 'a', old: 'x' };
  const renaming = jobOf({
    version: '2',
    continues: ['1'],
    upgrade: ({ old, ...others }, fromVersion) => ({ ...others, label: `${old} of ${fromVersion}` }),
  });

  it('turns stored parameters into ones that it takes, with its defaults', () => {
    expect(renaming.upgrade(stored, '1')).toEqual({ source: 'a', label: 'x of 1', interval: '500' });
  });

  it('takes them as they are where it says nothing, and refuses what it does not know', () => {
    const silent = jobOf({ version: '2', continues: ['1'] });
    expect(silent.upgrade({ source: 'a' }, '1')).toEqual({ source: 'a', interval: '500' });
    expect(() => silent.upgrade(stored, '1')).toThrow('old is not a parameter of this job');
  });

  it('refuses what an upgrade has made of them, if that is not valid', () => {
    const wrong = jobOf({ version: '2', continues: ['1'], upgrade: () => ({}) });
    expect(() => wrong.upgrade(stored, '1')).toThrow('source is required');
  });
});

describe('steps', () => {
  it('are told apart by their kind', () => {
    const load = chunkStep<object, number, number>({
      name: 'load',
      plan: () => [],
      commitInterval: () => 1,
      read: async () => ({ read: async () => undefined, close: async () => {} }),
      process: (item) => item,
      write: async () => {},
    });
    expect([load.kind, step('close').kind]).toEqual(['chunk', 'tasklet']);
  });
});

describe('jobRegistry', () => {
  const [b, a] = [jobWith('bJob', 'load'), jobWith('aJob', 'load')];

  it('lists jobs by name and finds them', () => {
    const jobs = jobRegistry([b, a]);
    expect(jobs.names).toEqual(['aJob', 'bJob']);
    expect(jobs.find('bJob')).toBe(b);
    expect(jobs.find('toString')).toBeUndefined();
  });

  it('refuses two jobs of one name', () => {
    expect(() => jobRegistry([a, b, jobWith('aJob', 'close')])).toThrow('Two jobs have the same name.');
  });
});
