import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withHostileJobs, type Deed } from '../testbed/hostile-jobs.js';
import { Endpoint } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';

const JOB = 'hostileTaskletJob';
const PLAN_JOB = 'hostilePlanJob';
/** Within this time a worker that is full of hostile code must handle what somebody asks for, in ms. */
const SOON_MS = 8_000;
/** Of the settings: more hostile code than a worker has slots for. */
const STUCK = 8;

let fleet: Fleet;
let endpoint: Endpoint;

beforeAll(async () => {
  fleet = await Fleet.start({
    env: { ...withHostileJobs(), LOCK_DURATION_MS: '1000', STALLED_INTERVAL_MS: '300', SWEEP_INTERVAL_MS: '300' },
  });
  endpoint = Endpoint.of(fleet);
});

afterAll(() => fleet?.stop());

const does = (deed: Deed): Promise<number> => endpoint.start(JOB, { does: deed });
const started = (job: string, id: number) =>
  endpoint.until('its beginning', job, id, ({ status }) => status !== 'STARTING', SOON_MS);

describe(`${STUCK} executions whose code never returns`, () => {
  it.each([
    { what: 'tasklets', job: JOB, begin: () => does('never returns') },
    { what: 'tasklets that ignore their signal', job: JOB, begin: () => does('ignores its signal') },
    { what: 'plans', job: PLAN_JOB, begin: () => endpoint.start(PLAN_JOB) },
  ])('keep nobody else from being started, stopped and ended: $what', async ({ job, begin }) => {
    const running = await endpoint.start('noopJob', { partitions: 2_000, busyMs: 20 });
    await endpoint.until('work', 'noopJob', running, ({ counts }) => counts.writeCount > 0);
    const stuck = await Promise.all(Array.from({ length: STUCK }, begin));
    for (const id of stuck) await started(job, id);
    const late = await endpoint.start('noopJob', { partitions: 1 });
    expect((await started('noopJob', late)).status).toBe('STARTED');
    await endpoint.stop(running);
    expect((await endpoint.ended('noopJob', running, SOON_MS)).status).toBe('STOPPED');
    const [first, ...others] = stuck;
    await endpoint.stop(first!);
    expect((await endpoint.ended(job, first!, SOON_MS)).status).toBe('STOPPED');
    for (const id of others) await endpoint.forceStop(id);
    expect((await endpoint.ended('noopJob', late, SOON_MS)).status).toBe('COMPLETED');
    for (const id of others) expect((await endpoint.view(job, id)).status).toBe('STOPPED');
  });
});

describe('a worker whose abandoned code does not end', () => {
  it('says so, and leaves with an error, to be replaced; the work of others goes on', async () => {
    const doomed = await fleet.startWorker({ ABANDONED_LIMIT_MS: '2000', STEP_CONCURRENCY: '8' });
    await fleet.kill(fleet.workers[0]!, 'SIGTERM');
    const id = await does('never returns');
    await started(JOB, id);
    await endpoint.until('its step', JOB, id, ({ stepExecutions }) => stepExecutions.length > 0);
    const other = await endpoint.start('noopJob', { partitions: 500, busyMs: 20 });
    await endpoint.until('work', 'noopJob', other, ({ counts }) => counts.writeCount > 0);
    await endpoint.forceStop(id);
    expect(await doomed.exited).toBe('exit code 1');
    expect(doomed.lines.filter((line) => line.includes('does not end although it was told to leave'))).toHaveLength(1);
    await fleet.startWorker();
    expect((await endpoint.ended('noopJob', other, 60_000)).status).toBe('COMPLETED');
  });
});

describe('what a job leaves behind', () => {
  it.each<[deed: Deed, told: string]>([
    ['leaves a rejection behind', 'rejected, and nobody waits for it'],
    ['leaves a timer behind that throws', 'thrown by a timer that nobody waits for'],
  ])('ends no worker, and none of the work beside it, and is told with its stack: %s', async (deed, told) => {
    const other = await endpoint.start('noopJob', { partitions: 100, busyMs: 10 });
    await endpoint.ended(JOB, await does(deed));
    expect((await endpoint.ended('noopJob', other)).status).toBe('COMPLETED');
    const [line, ...more] = fleet.workers.at(-1)!.lines.filter((text) => text.includes(told));
    expect(more).toEqual([]);
    expect(line).toContain('hostile-jobs');
    expect(fleet.workers.at(-1)!.alive).toBe(true);
  });
});

describe('a failure is told in words', () => {
  it.each<[deed: Deed, told: string | RegExp]>([
    ['throws nothing', 'undefined was thrown; throw an Error that tells why'],
    ['throws a text', 'disk full'],
    ['throws an object without prototype', 'object {"a":1}'],
    ['throws an empty message', 'Error without a message'],
    ['throws a code', 'code EDISK'],
    ['throws several', 'both failed; one; two'],
    ['throws a cause', 'import failed; caused by: disk full'],
    ['throws what cannot be read', 'Object without a message'],
    ['throws a message of 4 MB', /^x{3999}…$/],
    ['sets undefined as a result', /^The result "x" of hostileStep cannot be stored/],
    ['sets a result of 4 MB', /at most 16000 are kept/],
    ['returns an exit code of 4 MB', /^hostileStep returned .+exit code of 1 to 100 printable characters\.$/],
  ])('of code that %s, at once', async (deed, told) => {
    const view = await endpoint.run(JOB, { does: deed });
    expect(view.status).toBe('FAILED');
    expect(view.failures.map(({ message }) => message)).toEqual([expect.stringMatching(told)]);
    const size = JSON.stringify(view).length;
    expect(size).toBeLessThan(20_000);
  });
});
