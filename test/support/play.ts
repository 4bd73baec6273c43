import { addCounts, type Counts } from '#domain';
import type { Lease, PartitionEnd, PartitionRef } from '#engine';
import * as fc from 'fast-check';
import { NOW, partitionRef, type TestRepository } from './repository.js';

const PARTITIONS = 5;
/** Most partitions of one execution in flight. */
export const WINDOW = 2;
const STEPS = [{ partitioned: true, rerun: false }];
const PLAN = Array.from({ length: PARTITIONS }, (_, i) => ({ label: `Rows ${i}`, rows: 10, data: null }));

const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });

/** Whatever controllers, workers and operators may do, in any order, however late. `on` and `hand` pick one of those there are. */
export const anyAction = fc.oneof(
  weighted(1, fc.record({ kind: fc.constant('launch' as const), job: fc.nat(1) })),
  weighted(2, fc.record({ kind: fc.constantFrom('stop', 'force-stop', 'abandon'), on: fc.nat() })),
  weighted(2, fc.record({ kind: fc.constant('restart' as const), on: fc.nat() })),
  weighted(16, fc.record({ kind: fc.constant('control' as const), on: fc.nat(), attempt: fc.nat(2) })),
  weighted(24, fc.record({ kind: fc.constant('claim' as const), on: fc.nat(), nth: fc.nat(PARTITIONS - 1) })),
  weighted(8, fc.record({ kind: fc.constant('progress' as const), hand: fc.nat(), rows: fc.nat(9) })),
  weighted(24, fc.record({ kind: fc.constant('finish' as const), hand: fc.nat(), fails: fc.nat(9) })),
);

export type Action = typeof anyAction extends fc.Arbitrary<infer A> ? A : never;

/** A worker's hold on a partition, superseded or not. */
interface Hand {
  ref: PartitionRef;
  fence: number;
  counts: Counts;
  /** What it has reported; it can but report it again. */
  end: PartitionEnd | undefined;
}

/** Plays actions on a repository. */
export class Play {
  readonly executions: Lease[] = [];
  readonly #hands: Hand[] = [];

  constructor(private readonly repository: TestRepository) {}

  async act(action: Action): Promise<void> {
    if ('job' in action) return this.#launched(this.repository.launch({ jobName: `job${action.job}` }));
    if ('hand' in action) return this.#report(this.#hands[action.hand % this.#hands.length], action);
    const lease = this.executions[action.on % this.executions.length];
    if (!lease) return;
    if ('attempt' in action) return this.#control({ ...lease, token: `start#${action.attempt}` });
    if ('nth' in action) return this.#claim(partitionRef(lease, action.nth));
    return this.#operate(lease, action.kind);
  }

  async #launched(launch: ReturnType<TestRepository['launch']>): Promise<void> {
    this.executions.push({ ...(await launch), token: '' });
  }

  async #operate(lease: Lease, kind: 'restart' | (string & {})): Promise<void> {
    const { store } = this.repository;
    if (kind === 'stop') await store.stop(lease.id, NOW);
    if (kind === 'force-stop') await store.forceStop(lease, NOW, 'ann');
    if (kind === 'abandon') await store.abandon(lease.id, NOW);
    if (kind !== 'restart') return;
    const { instanceId, status } = (await store.findExecution(lease.id))!;
    const latest = await store.findLatest(instanceId);
    if (latest?.id !== lease.id || (status !== 'STOPPED' && status !== 'FAILED')) return;
    await this.#launched(this.repository.restart(lease));
  }

  /** A controller takes over and does the next thing. */
  async #control(lease: Lease): Promise<void> {
    const { store } = this.repository;
    if ((await store.acquire(lease, lease.token, 60_000)).kind !== 'acquired') return;
    const { status, steps } = await store.facts(lease, STEPS);
    const step = steps[0]!;
    const started = status === 'STARTED';
    const otherwise = started ? 'COMPLETED' : 'STOPPED';
    if (status === 'STARTING') return store.beginExecution(lease, NOW);
    if (step.status === 'STARTED') {
      if (step.inFlight > 0 || (started && step.waiting > 0)) return void (await store.dispatch(lease, 0, WINDOW));
      const end = step.partitionFailed ? 'FAILED' : otherwise;
      return store.endStep(lease, 0, { status: end, exitCode: end }, NOW);
    }
    if (started && !step.skip && step.status === undefined) return this.#begin(lease, step.planned);
    const end = step.status === 'FAILED' ? 'FAILED' : otherwise;
    return store.endExecution(lease, { status: end, exitCode: end }, NOW);
  }

  async #begin(lease: Lease, planned: boolean): Promise<void> {
    await this.repository.store.beginStep(lease, 0, 'load', NOW);
    if (!planned) await this.repository.plan(lease, PLAN);
    await this.repository.store.dispatch(lease, 0, WINDOW);
  }

  async #claim(ref: PartitionRef): Promise<void> {
    const claim = await this.repository.store.claim(ref, undefined, NOW);
    if ('fence' in claim) this.#hands.push({ ref, fence: claim.fence, counts: claim.counts, end: undefined });
  }

  async #report(hand: Hand | undefined, action: Extract<Action, { hand: number }>): Promise<void> {
    const { store } = this.repository;
    if (!hand) return;
    if (action.kind === 'finish') {
      hand.end ??= await this.#endOf(hand, action.fails === 0);
      await store.finish(hand.ref, hand.fence, hand.end, NOW);
    } else if (!hand.end) {
      const { rows } = action;
      hand.counts = addCounts(hand.counts, { readCount: rows, writeCount: rows, commitCount: 1 });
      await store.progress(hand.ref, hand.fence, hand.counts, NOW);
    }
  }

  async #endOf({ ref, counts }: Hand, fails: boolean): Promise<PartitionEnd> {
    if (fails) return { status: 'FAILED', counts, failure: 'broken' };
    const stopping = (await this.repository.store.findExecution(ref.id))?.status === 'STOPPING';
    return { status: stopping ? 'STOPPED' : 'COMPLETED', counts };
  }
}
