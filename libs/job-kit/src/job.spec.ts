import { LongshoreError, type FieldError } from '#domain';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chunkStep, defineJob, tasklet } from './job.js';
import { wholeNumber } from './parameters.js';
import { jobRegistry } from './registry.js';

const parameters = z.strictObject({
  source: z.string(),
  interval: wholeNumber(1, 1_000).prefault('500'),
  label: z.string().optional(),
});

const step = (name: string) => tasklet<z.output<typeof parameters>>({ name, run: async () => {} });

const jobWith = (name: string, ...steps: string[]) => defineJob({ name, parameters, steps: steps.map(step) });

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
      const refused = `"${name}" is no name`;
      expect(() => jobWith(name, 'load')).toThrow(refused);
      expect(() => jobWith('anyJob', 'load', name)).toThrow(refused);
    },
  );

  it('accepts names of letters and digits, up to 100', () => {
    expect(jobWith('a'.repeat(100), 'Z9').name).toHaveLength(100);
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
      sink: { open: () => Promise.reject(new Error('never opened')) },
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
      interval: '7',
      label: 'x',
    });
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
