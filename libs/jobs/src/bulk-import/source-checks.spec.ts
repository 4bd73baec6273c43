import { UnavailableError } from '#job-kit';
import { expect, it } from 'vitest';
import { SourceChecks } from './source-checks.js';

/** A look at a source that ends when it is told to. */
function look() {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const state = { begun: false, end, run: async () => ((state.begun = true), ended) };
  return state;
}

it('looks at two sources at a time, and at the next when one is done', async () => {
  const checks = new SourceChecks(() => 0);
  const looks = [look(), look(), look()];
  const done = looks.map(({ run }) => checks.run(run));
  await Promise.resolve();
  expect(looks.map(({ begun }) => begun)).toEqual([true, true, false]);
  looks[0]!.end();
  await done[0];
  await Promise.resolve();
  expect(looks[2]!.begun).toBe(true);
  for (const { end } of looks) end();
  await Promise.all(done);
});

it('counts what hangs with those that run, so that threads are left for others', async () => {
  const checks = new SourceChecks(() => 1, 1);
  const [running, waiting] = [look(), look()];
  const first = checks.run(running.run);
  await expect(checks.run(waiting.run)).rejects.toThrow(UnavailableError);
  expect(waiting.begun).toBe(false);
  running.end();
  await first;
});

it('asks nothing more where two questions hang', async () => {
  const { run } = look();
  await expect(new SourceChecks(() => 2).run(run)).rejects.toThrow(
    'The file system has not answered for earlier starts within 20000 ms: it may hang.',
  );
});
