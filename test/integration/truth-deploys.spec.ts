import { defineJob, jobRegistry, tasklet } from '#job-kit';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Deploy } from '../support/model/jobs.js';
import { Life } from '../support/model/life.js';
import { letters, ITEMS_A_STEP, LETTERS, type LettersOptions } from '../support/truth/letters.js';
import { Scene, tallied, type Begun } from '../support/truth/scene.js';

/*
 * Each of these was once measured to end COMPLETED with wrong data, to run for ever, or to fail what was going well.
 */

const scene = Scene.ofThisFile();

const TWO: Pick<LettersOptions, 'version' | 'continues'> = { version: '2', continues: ['1'] };

/** Runs a release to its failure in a step. */
async function failedIn(broken: string, steps: readonly string[]): Promise<Begun> {
  scene.current.deploy(letters(steps, { broken }));
  const failed = await scene.current.run(LETTERS);
  expect(await scene.current.record(failed)).toMatchObject({ status: 'FAILED' });
  return failed;
}

describe('a deployment between a failure and its restart', () => {
  describe.each<[what: string, before: string[], broken: string, after: string[], difference: string]>([
    ['puts a tasklet in front of an import', ['ROWS'], 'ROWS', ['prepare', 'ROWS'], 'step prepare was added'],
    ['removes the first of three steps', ['A', 'B', 'C'], 'C', ['B', 'C'], 'step A was removed'],
    ['truncates before a half-done step', ['ROWS'], 'ROWS', ['truncate', 'ROWS'], 'step truncate was added'],
    ['puts a step between two', ['A', 'B'], 'B', ['A', 'D', 'B'], 'step D was added'],
    ['renames a step of the sink', ['ROWS'], 'ROWS', ['LINES'], 'step ROWS was removed; step LINES was added'],
  ])('%s', (_, before, broken, after, difference) => {
    it('is refused before anything starts, and what it was goes on with the same instance', async () => {
      const failed = await failedIn(broken, before);
      const written = await scene.current.written(failed);
      scene.current.deploy(letters(after));
      const refusal = { code: 'JOB_CHANGED', message: expect.stringContaining(difference) };
      await expect(scene.current.restart(failed)).rejects.toMatchObject(refusal);
      await scene.current.world.settle();
      expect(await scene.current.written(failed)).toEqual(written);
      expect((await scene.current.record(failed)).latest).toBe(failed.executionId);

      scene.current.deploy(letters(before));
      const restarted = await scene.current.restart(failed);
      await scene.current.world.settle();
      expect(await scene.current.record(restarted)).toMatchObject({ status: 'COMPLETED' });
      expect(tallied(await scene.current.written(failed, restarted))).toEqual(wholeOf(before));
    });

    it('goes on by the names of its steps where the job says that it continues', async () => {
      const failed = await failedIn(broken, before);
      scene.current.deploy(letters(after, TWO));
      const restarted = await scene.current.restart(failed);
      await scene.current.world.settle();
      expect(await scene.current.record(restarted)).toMatchObject({ status: 'COMPLETED' });
      expect(scene.current.ran(restarted)).toEqual(after.filter((name) => !isChunk(name)));
      const written = tallied(await scene.current.written(failed, restarted));
      expect(written.twice).toBeUndefined();
      expect(written).toMatchObject(wholeOf(after));
      expect(await scene.current.verify(restarted)).toMatchObject({ verified: true, findings: [] });
    });
  });
});

const isChunk = (name: string): boolean => name === name.toUpperCase();

const wholeOf = (steps: readonly string[]) =>
  Object.fromEntries(steps.filter(isChunk).map((name) => [name, ITEMS_A_STEP]));

describe('a fleet of one old and one new worker, which has a step more', () => {
  it.each([
    ['old', letters(['A', 'B']), ['A', 'B']],
    ['new', letters(['A', 'B', 'C']), ['A', 'B', 'C']],
  ])('does what the %s gateway has started with one of the two only', async (_, gateway, steps) => {
    scene.current.deploy(gateway, [letters(['A', 'B']), letters(['A', 'B', 'C'])]);
    const begun = [await scene.current.start(LETTERS), await scene.current.start(LETTERS)];
    // They take turns at every delivery, so each of them meets work of either version.
    for (let i = 0; i < 20; i += 1) {
      await scene.current.world.work();
      await scene.current.world.timePasses();
    }
    await scene.current.world.settle();
    for (const one of begun) {
      expect(await scene.current.record(one)).toMatchObject({
        status: 'COMPLETED',
        counts: { writeCount: steps.length * ITEMS_A_STEP },
      });
      const items = await scene.current.written(one);
      expect(tallied(items)).toEqual(wholeOf(steps));
      expect(new Set(items.map(({ release }) => release)).size).toBe(1);
    }
  });
});

const without: Deploy = () => jobRegistry([]);

describe('a worker that does not have the job', () => {
  it('leaves everything to the one that has it, however often it is delivered the work', async () => {
    scene.current.deploy(letters(['A']), [without, letters(['A'])]);
    const begun = await scene.current.start(LETTERS);
    for (let i = 0; i < 20; i += 1) {
      for (const kind of ['executions', 'steps', 'partitions'] as const) {
        await scene.current.world.deliver(kind, Life.endless(), 0);
      }
      await scene.current.world.timePasses();
      expect((await scene.current.record(begun)).status).not.toBe('FAILED');
    }
    expect((await scene.current.record(begun)).handedBack?.reason).toBe('this worker has no job letters');
    await scene.current.world.settle();
    expect(await scene.current.record(begun)).toMatchObject({ status: 'COMPLETED', handedBack: undefined });
    expect(tallied(await scene.current.written(begun))).toEqual(wholeOf(['A']));
  });

  it('alone fails it only after a long time, and says what to do; a restart then goes on', async () => {
    scene.current.deploy(letters(['A']), [without]);
    const begun = await scene.current.start(LETTERS);
    await scene.current.world.settle();
    const { status, exitDescription } = await scene.current.record(begun);
    expect(status).toBe('FAILED');
    expect(exitDescription).toMatch(/this worker has no job letters\. Deploy a worker that has it, then restart/);
    scene.current.deploy(letters(['A']));
    const restarted = await scene.current.restart(begun);
    await scene.current.world.settle();
    expect(await scene.current.record(restarted)).toMatchObject({ status: 'COMPLETED' });
  });
});

const addB: LettersOptions['upgrade'] = (given, from) => ({ ...given, b: `from ${from}` });

describe('a parameter that a deployment adds or removes', () => {
  const [was, added, removed] = [['a'], ['a', 'b'], []].map((parameters) => ({ parameters }));

  it.each([
    ['added', added, 'b'],
    ['removed', removed, 'a'],
  ])('%s: what runs is left to workers that take its parameters', async (_, now) => {
    scene.current.deploy(letters(['A'], was), [letters(['A'], now), letters(['A'], was)]);
    const begun = await scene.current.run(LETTERS, { a: 'x' });
    expect(await scene.current.record(begun)).toMatchObject({ status: 'COMPLETED' });
    const items = await scene.current.written(begun);
    expect(tallied(items)).toEqual(wholeOf(['A']));
    expect(new Set(items.map(({ release }) => release)).size).toBe(1);
  });

  it.each([
    ['added', added, 'b'],
    ['removed', removed, 'a'],
  ])('%s: a restart is refused before it starts, naming the field', async (_, now, field) => {
    scene.current.deploy(letters(['A'], { ...was, broken: 'A' }));
    const failed = await scene.current.run(LETTERS, { a: 'x' });
    scene.current.deploy(letters(['A'], now));
    await expect(scene.current.restart(failed)).rejects.toMatchObject({
      code: 'INVALID_PARAMETERS',
      fields: [expect.objectContaining({ field })],
    });
    expect(await scene.current.record(failed)).toMatchObject({ status: 'FAILED', latest: failed.executionId });
  });

  it('is upgraded where a new version says how', async () => {
    scene.current.deploy(letters(['A'], { ...was, broken: 'A' }));
    const failed = await scene.current.run(LETTERS, { a: 'x' });
    scene.current.deploy(letters(['A'], { ...TWO, ...added, upgrade: addB }));
    const restarted = await scene.current.restart(failed);
    await scene.current.world.settle();
    expect(await scene.current.record(restarted)).toMatchObject({
      status: 'COMPLETED',
      parameters: { a: 'x', b: 'from 1' },
    });
  });
});

describe("a job's parameters", () => {
  const seen: unknown[] = [];
  let broken = true;
  const DATE = '2024-01-02T03:04:05.678Z';
  const parsing: Deploy = () =>
    jobRegistry([
      defineJob({
        name: 'parsingJob',
        identifying: ['percent', 'at'],
        parameters: z.strictObject({
          percent: z.string().transform((text) => Number(text) / 100),
          at: z.string().transform((text) => new Date(text)),
          path: z
            .string()
            .prefault('in')
            .transform((text) => `/data/${text}`),
        }),
        steps: [
          tasklet({
            name: 'look',
            run: async ({ parameters }) => {
              seen.push(parameters);
              if (broken) throw new Error('not yet');
            },
          }),
        ],
      }),
    ]);

  it('are stored as they were given, parsed once where they are used, and identify by what was given', async () => {
    scene.current.deploy(parsing);
    const failed = await scene.current.run('parsingJob', { percent: '50', at: DATE });
    broken = false;
    const restarted = await scene.current.restart(failed);
    await scene.current.world.settle();
    for (const one of [failed, restarted]) {
      expect((await scene.current.record(one)).parameters).toEqual({ percent: '50', at: DATE, path: 'in' });
    }
    expect((await scene.current.record(restarted)).status).toBe('COMPLETED');
    const parsed = { percent: 0.5, at: new Date(DATE), path: '/data/in' };
    expect(seen).toEqual([parsed, parsed]);
    const again = scene.current.start('parsingJob', { percent: '50', at: DATE });
    await expect(again).rejects.toMatchObject({ code: 'INSTANCE_ALREADY_COMPLETED' });
  });
});
