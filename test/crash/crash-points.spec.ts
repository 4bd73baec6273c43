import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CrashPoint } from '#job-kit';
import { Endpoint, type ExecutionView, type Given } from '../support/endpoint.js';
import { Fleet } from '../support/fleet.js';
import { account, IMPORT, SmallImport } from '../support/small-import.js';

const LOCK_MS = 1_000;
/** Work goes on within so long of the end of a dead worker's lock. */
const PROMISE_MS = 15_000;
const QUICK = {
  LOCK_DURATION_MS: String(LOCK_MS),
  STALLED_INTERVAL_MS: '300',
  SWEEP_INTERVAL_MS: '300',
  PARTITION_WINDOW: '3',
};
const AS_DEFAULT = { LOCK_DURATION_MS: '', STALLED_INTERVAL_MS: '', SWEEP_INTERVAL_MS: '' };

const NOOP = 'noopJob';
const NOOP_PARAMETERS = { partitions: 40, chunks: 5 };
/** More partitions than are stored of a plan at a time. */
const LONG_NOOP = 'noopJob with a long plan';
const LONG_PARAMETERS = { partitions: 510, chunks: 1 };

/** Work that is disturbed, and what it leaves. */
interface Work {
  job: string;
  start(): Promise<number>;
  outcome(view: ExecutionView): Promise<object>;
  /** What it leaves if nobody disturbs it: every step COMPLETED, none left running. */
  expected: object;
}

let fleet: Fleet;
let endpoint: Endpoint;
const works: Record<string, Work> = {};
const measured: { point: string; job: string; 'kill to end, ms': number }[] = [];

beforeAll(async () => {
  fleet = await Fleet.start({ env: QUICK });
  endpoint = Endpoint.of(fleet);
  const small = await SmallImport.prepare(fleet);
  works[IMPORT] = {
    job: IMPORT,
    start: () => small.start(),
    outcome: (view) => small.outcome(view),
    expected: await small.undisturbed(),
  };
  works[NOOP] = await noop(NOOP_PARAMETERS);
  works[LONG_NOOP] = await noop(LONG_PARAMETERS);
});

afterAll(async () => {
  console.table(measured);
  await fleet?.stop();
});

const noop = async (parameters: Given): Promise<Work> => ({
  job: NOOP,
  start: () => endpoint.start(NOOP, parameters),
  outcome: async (view) => account(view),
  expected: account(await endpoint.run(NOOP, parameters)),
});

/** Leaves no worker but new ones. */
async function startWorkers(...environments: NodeJS.ProcessEnv[]) {
  await Promise.all(fleet.workers.filter(({ alive }) => alive).map((worker) => fleet.kill(worker, 'SIGTERM')));
  return Promise.all(environments.map((env) => fleet.startWorker(env)));
}

/** Waits for the end of an execution that nobody helps any more, and holds it to its bound. @returns what it leaves */
async function outcomeOf({ job, outcome }: Work, id: number, point: string, died: number, boundMs: number) {
  const view = await endpoint.ended(job, id);
  const took = Date.parse(view.endTime!) - died;
  measured.push({ point, job, 'kill to end, ms': took });
  expect(took).toBeLessThanOrEqual(boundMs);
  return outcome(view);
}

describe('a worker that dies alone leaves its work to the next', () => {
  it.each<[CrashPoint, number, string]>([
    ['plan-half-stored', 1, IMPORT],
    ['planned-not-dispatched', 1, IMPORT],
    ['rows-written-not-committed', 8, IMPORT],
    ['committed-not-mirrored', 8, IMPORT],
    ['finished-not-announced', 3, IMPORT],
    ['step-done-not-continued', 1, IMPORT],
    ['closing', 1, IMPORT],
    ['plan-half-stored', 1, LONG_NOOP],
    ['planned-not-dispatched', 1, NOOP],
    ['finished-not-announced', 20, NOOP],
    ['step-done-not-continued', 1, NOOP],
  ])('at %s, time %i, of %s', async (point, nth, name) => {
    const work = works[name]!;
    const [armed] = await startWorkers({ CRASH_AT: `${point}:${nth}` });
    const id = await work.start();
    expect(await armed!.exited).toBe('killed by SIGKILL');
    const died = Date.now();
    await startWorkers({});
    expect(await outcomeOf(work, id, point, died, LOCK_MS + PROMISE_MS)).toEqual(work.expected);
  });
});

describe('a gateway that dies between the execution and its job in the queue', () => {
  it.each([IMPORT, NOOP])('leaves %s to the sweeper', async (job) => {
    const work = works[job]!;
    await startWorkers({});
    await fleet.kill(fleet.gateway, 'SIGTERM');
    const gateway = await fleet.startGateway({ CRASH_AT: 'launched-not-queued' });
    await expect(work.start()).rejects.toThrow(/^No answer from .*\/start/);
    expect(await gateway.exited).toBe('killed by SIGKILL');
    const died = Date.now();
    await fleet.startGateway();
    const [[execution] = []] = await endpoint.list(job, '?count=1');
    const outcome = await outcomeOf(work, execution!.id, 'launched-not-queued', died, LOCK_MS + PROMISE_MS);
    expect(outcome).toEqual(work.expected);
  });
});

describe('of two workers, one that dies leaves its work to the other', () => {
  it('within 15 s, with the settings as they come', async () => {
    const work = works[IMPORT]!;
    const one = { WORKER_CONCURRENCY: '1', ...AS_DEFAULT };
    const [armed] = await startWorkers({ ...one, CRASH_AT: 'rows-written-not-committed' }, one);
    const id = await work.start();
    expect(await armed!.exited).toBe('killed by SIGKILL');
    // The lock is part of the 15 s: it was taken before the death.
    const outcome = await outcomeOf(work, id, 'rows-written-not-committed (defaults)', Date.now(), PROMISE_MS);
    expect(outcome).toEqual(work.expected);
  });
});
