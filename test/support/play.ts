import { addCounts, assertNever, decideNextActions, type Action as NextAction, type Counts } from '#domain';
import type { Lease, PartitionEnd, PartitionRef, StepEnd, StepRef } from '#engine';
import * as fc from 'fast-check';
import { CLOSE, LOAD, partitionRef, stepRef, type TestRepository } from './repository.js';

const PARTITIONS = 4;
/** Most partitions of one step in flight. */
export const WINDOW = 2;
const STEPS = [LOAD, CLOSE].map((step) => ({ ...step, rerun: false }));
const PLAN = Array.from({ length: PARTITIONS }, (_, i) => ({ label: `Rows ${i}`, rows: 10, data: null }));

const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });

/** Whatever controllers, workers and operators may do, in any order, however late. `on` and `hand` pick one of those there are. */
export const anyAction = fc.oneof(
  weighted(1, fc.record({ kind: fc.constant('launch' as const), job: fc.nat(1) })),
  weighted(2, fc.record({ kind: fc.constantFrom('stop', 'force-stop', 'abandon'), on: fc.nat() })),
  weighted(2, fc.record({ kind: fc.constant('restart' as const), on: fc.nat() })),
  weighted(16, fc.record({ kind: fc.constant('control' as const), on: fc.nat(), attempt: fc.nat(2) })),
  weighted(
    14,
    fc.record({ kind: fc.constant('work' as const), on: fc.nat(), step: fc.constantFrom(LOAD.name, CLOSE.name) }),
  ),
  weighted(18, fc.record({ kind: fc.constant('end-work' as const), worker: fc.nat(), fails: fc.nat(9) })),
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

/** A worker's hold on a step's own work. */
interface Worker {
  ref: StepRef;
  fence: number;
  end: StepEnd | undefined;
}

/** Plays actions on a repository. */
export class Play {
  readonly executions: Lease[] = [];
  readonly #hands: Hand[] = [];
  readonly #workers: Worker[] = [];

  constructor(private readonly repository: TestRepository) {}

  async act(action: Action): Promise<void> {
    if ('job' in action) return this.#launched(this.repository.launch({ jobName: `job${action.job}` }));
    if ('hand' in action) return this.#report(this.#hands[action.hand % this.#hands.length], action);
    if ('worker' in action) return this.#endWork(this.#workers[action.worker % this.#workers.length], action.fails);
    const lease = this.executions[action.on % this.executions.length];
    if (!lease) return;
    if ('attempt' in action) return this.#control({ ...lease, token: `start#${action.attempt}` });
    if ('nth' in action) return this.#claim(partitionRef(lease, action.nth));
    if ('step' in action) return this.#work(stepRef(lease, action.step));
    return this.#operate(lease, action.kind);
  }

  async #launched(launch: ReturnType<TestRepository['launch']>): Promise<void> {
    this.executions.push({ ...(await launch), token: '' });
  }

  async #operate(lease: Lease, kind: 'restart' | (string & {})): Promise<void> {
    const { store } = this.repository;
    if (kind === 'stop') await store.stop(lease.id);
    if (kind === 'force-stop') await store.forceStop(lease, 'ann');
    if (kind === 'abandon') await store.abandon(lease.id);
    if (kind !== 'restart') return;
    const { instanceId, status, abandoned } = (await store.findExecution(lease.id))!;
    const latest = await store.findLatest(instanceId);
    if (abandoned || latest?.id !== lease.id || (status !== 'STOPPED' && status !== 'FAILED')) return;
    await this.#launched(this.repository.restart(lease));
  }

  /** A controller takes over and acts until it has to wait. */
  async #control(lease: Lease): Promise<void> {
    const { store } = this.repository;
    if ((await store.acquire(lease, lease.token, 60_000)).kind !== 'acquired') return;
    const queued = new Set<string>();
    for (;;) {
      const { status, steps } = await store.facts(lease, STEPS);
      const [next] = decideNextActions({
        status,
        steps: steps.map((step) => ({ ...step, queued: queued.has(step.name) })),
      });
      if (next === undefined) return;
      if (next.kind === 'hand-out') queued.add(next.step);
      await this.#do(lease, next);
    }
  }

  async #do(lease: Lease, next: NextAction): Promise<unknown> {
    const { store } = this.repository;
    switch (next.kind) {
      case 'begin-execution':
        return store.beginExecution(lease);
      case 'begin-step':
        return store.beginStep(lease, next.step);
      case 'hand-out':
        return store.handOut(lease, next.step === LOAD.name ? LOAD : CLOSE, WINDOW);
      case 'end-step':
        return store.endStep(lease, next.step, next);
      case 'end-execution':
        return store.endExecution(lease, { status: next.status, exitCode: next.status });
      default:
        return assertNever(next);
    }
  }

  async #work(ref: StepRef): Promise<void> {
    const claim = await this.repository.store.claimStep(ref);
    if ('fence' in claim) this.#workers.push({ ref, fence: claim.fence, end: undefined });
  }

  async #endWork(worker: Worker | undefined, fails: number): Promise<void> {
    if (!worker) return;
    const { ref, fence } = worker;
    if (worker.end === undefined) {
      if (fails > 0 && (await this.#goesOn(ref, fence))) return;
      worker.end = fails > 0 ? { status: 'STOPPED', exitCode: 'STOPPED' } : failureOf(ref);
    }
    await this.repository.store.finishStep(ref, fence, worker.end);
  }

  /** @returns false if it was told to stop */
  async #goesOn(ref: StepRef, fence: number): Promise<boolean> {
    const { store } = this.repository;
    if ((await store.stepAlive(ref, fence)) === 'stop') return false;
    if (ref.step === LOAD.name) {
      await this.repository.plan(ref, fence, PLAN, WINDOW);
    } else {
      await store.setResult(ref, fence, 'total', 1);
      await store.finishStep(ref, fence, { status: 'COMPLETED', exitCode: 'COMPLETED' });
    }
    return true;
  }

  async #claim(ref: PartitionRef): Promise<void> {
    const claim = await this.repository.store.claim(ref, undefined);
    if ('fence' in claim) this.#hands.push({ ref, fence: claim.fence, counts: claim.counts, end: undefined });
  }

  async #report(hand: Hand | undefined, action: Extract<Action, { hand: number }>): Promise<void> {
    const { store } = this.repository;
    if (!hand) return;
    if (action.kind === 'finish') {
      hand.end ??= await this.#endOf(hand, action.fails === 0);
      await store.finish(hand.ref, hand.fence, hand.end);
    } else if (!hand.end) {
      const { rows } = action;
      hand.counts = addCounts(hand.counts, { readCount: rows, writeCount: rows, commitCount: 1 });
      await store.progress(hand.ref, hand.fence, hand.counts);
    }
  }

  async #endOf({ ref, counts }: Hand, fails: boolean): Promise<PartitionEnd> {
    if (fails) return { status: 'FAILED', counts, failure: 'broken' };
    const stopping = (await this.repository.store.findExecution(ref.id))?.status === 'STOPPING';
    return { status: stopping ? 'STOPPED' : 'COMPLETED', counts };
  }
}

const failureOf = ({ step }: StepRef): StepEnd => ({
  status: 'FAILED',
  exitCode: 'FAILED',
  failure: { stepName: step, message: 'broken' },
});
