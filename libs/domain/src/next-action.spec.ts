import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideNextAction, type Action, type ControlFacts, type StepFacts } from './next-action.js';
import { BATCH_STATUSES, isRunning, type BatchStatus } from './status.js';

const flags = [false, true];
const numbers = [0, 2];

/** Every step there can be, up to how many partitions "some" are. */
const everyStep: StepFacts[] = [undefined, ...BATCH_STATUSES].flatMap((status) =>
  flags.flatMap((skip) =>
    flags.flatMap((partitioned) =>
      flags.flatMap((planned) =>
        flags.flatMap((empty) =>
          numbers.flatMap((inFlight) =>
            numbers.flatMap((waiting) =>
              flags.flatMap((dispatched) =>
                flags.map((partitionFailed) => ({
                  status,
                  skip,
                  partitioned,
                  planned,
                  empty,
                  inFlight,
                  waiting,
                  dispatched,
                  partitionFailed,
                })),
              ),
            ),
          ),
        ),
      ),
    ),
  ),
);

const fresh: StepFacts = {
  status: undefined,
  skip: false,
  partitioned: false,
  planned: false,
  empty: false,
  inFlight: 0,
  waiting: 0,
  dispatched: false,
  partitionFailed: false,
};

/** The rule that a step of a STARTED execution meets first: what it says, and what is then done. */
const FORWARD: [(step: StepFacts) => boolean, Action][] = [
  [(s) => s.skip || s.status === 'COMPLETED', { kind: 'end-execution', status: 'COMPLETED' }],
  [(s) => s.status === undefined, { kind: 'begin-step', step: 0 }],
  [(s) => s.status !== 'STARTED', { kind: 'end-execution', status: 'FAILED' }],
  [(s) => !s.partitioned, { kind: 'run-tasklet', step: 0 }],
  [(s) => !s.planned, { kind: 'plan', step: 0 }],
  [(s) => s.inFlight > 0 && s.dispatched, { kind: 'wait' }],
  [(s) => s.inFlight > 0 || s.waiting > 0, { kind: 'dispatch', step: 0 }],
  [(s) => s.partitionFailed, { kind: 'end-step', step: 0, status: 'FAILED', exitCode: 'FAILED' }],
  [(s) => s.empty, { kind: 'end-step', step: 0, status: 'COMPLETED', exitCode: 'NOOP' }],
  [() => true, { kind: 'end-step', step: 0, status: 'COMPLETED', exitCode: 'COMPLETED' }],
];

const STOPPING: [(step: StepFacts) => boolean, Action][] = [
  [(s) => s.status === 'FAILED', { kind: 'end-execution', status: 'FAILED' }],
  [(s) => s.status !== 'STARTED', { kind: 'end-execution', status: 'STOPPED' }],
  [(s) => s.inFlight > 0 && s.dispatched, { kind: 'wait' }],
  [(s) => s.inFlight > 0, { kind: 'dispatch', step: 0 }],
  [(s) => s.partitionFailed, { kind: 'end-step', step: 0, status: 'FAILED', exitCode: 'FAILED' }],
  [() => true, { kind: 'end-step', step: 0, status: 'STOPPED', exitCode: 'STOPPED' }],
];

const expected = (status: BatchStatus, step: StepFacts): Action | undefined => {
  if (status === 'STARTING') return { kind: 'begin-execution' };
  if (!isRunning(status)) return { kind: 'none' };
  return (status === 'STARTED' ? FORWARD : STOPPING).find(([applies]) => applies(step))?.[1];
};

describe('the next action', () => {
  it.each(BATCH_STATUSES)('of an execution that is %s is right for every step there can be', (status) => {
    const wrong = everyStep
      .map((step) => ({ step, action: decideNextAction({ status, steps: [step] }) }))
      .filter(({ step, action }) => JSON.stringify(action) !== JSON.stringify(expected(status, step)));
    expect(everyStep).toHaveLength(9 * 2 ** 8);
    expect(wrong).toEqual([]);
  });

  it('meets every rule at least once', () => {
    for (const rules of [FORWARD, STOPPING]) {
      const met = new Set(everyStep.map((step) => rules.findIndex(([applies]) => applies(step))));
      expect(met.size).toBe(rules.length);
    }
  });

  it('of an execution without steps is its end', () => {
    expect(decideNextAction({ status: 'STARTED', steps: [] })).toEqual({ kind: 'end-execution', status: 'COMPLETED' });
    expect(decideNextAction({ status: 'STOPPING', steps: [] })).toEqual({ kind: 'end-execution', status: 'STOPPED' });
  });

  const anyStep = fc.constantFrom(...everyStep);
  const anyFacts = fc.record({
    status: fc.constantFrom(...BATCH_STATUSES),
    steps: fc.array(anyStep, { maxLength: 4 }),
  });

  it('is decided the same way twice, and changes no facts', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const before = structuredClone(facts);
        expect(decideNextAction(facts)).toEqual(decideNextAction(before));
        expect(facts).toEqual(before);
      }),
    );
  });

  it('never concerns a step behind one that is unfinished', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 4 }), (steps) => {
        const action = decideNextAction({ status: 'STARTED', steps });
        const before = 'step' in action ? steps.slice(0, action.step) : [];
        expect(before.filter((step) => !step.skip && step.status !== 'COMPLETED')).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('begins nothing while an execution is stopping', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 4 }), (steps) => {
        const { kind } = decideNextAction({ status: 'STOPPING', steps });
        expect(['dispatch', 'wait', 'end-step', 'end-execution']).toContain(kind);
      }),
    );
  });
});

/** What a whole execution needs: of each step, how many partitions its plan will hold (undefined for a tasklet). */
interface Shape {
  partitions: number | undefined;
  skip: boolean;
  fails: boolean;
}

const WINDOW = 2;

/** Applies actions to the facts, as the store and the workers do, until the execution has ended. */
class Model {
  readonly done: Action[] = [];
  status: BatchStatus = 'STARTING';
  readonly steps: StepFacts[];

  constructor(private readonly shapes: readonly Shape[]) {
    this.steps = shapes.map(({ partitions, skip }) => ({ ...fresh, skip, partitioned: partitions !== undefined }));
  }

  get facts(): ControlFacts {
    return { status: this.status, steps: this.steps };
  }

  stop(): void {
    if (this.status === 'STARTING' || this.status === 'STARTED') this.status = 'STOPPING';
  }

  /** @returns whether there is anything left to do */
  act(): boolean {
    const action = decideNextAction(this.facts);
    this.done.push(action);
    switch (action.kind) {
      case 'begin-execution':
        this.status = 'STARTED';
        return true;
      case 'begin-step':
        this.steps[action.step]!.status = 'STARTED';
        return true;
      case 'run-tasklet':
        this.steps[action.step]!.status = this.shapes[action.step]!.fails ? 'FAILED' : 'COMPLETED';
        return true;
      case 'plan': {
        const partitions = this.shapes[action.step]!.partitions ?? 0;
        Object.assign(this.steps[action.step]!, { planned: true, waiting: partitions, empty: partitions === 0 });
        return true;
      }
      case 'dispatch':
        this.#dispatch(this.steps[action.step]!);
        return true;
      case 'end-step':
        this.steps[action.step]!.status = action.status;
        return true;
      case 'end-execution':
        this.status = action.status;
        return true;
      case 'wait':
        this.#finishOne();
        return true;
      case 'none':
        return false;
    }
  }

  #dispatch(step: StepFacts): void {
    const taken = this.status === 'STARTED' ? Math.min(step.waiting, WINDOW - step.inFlight) : 0;
    step.inFlight += taken;
    step.waiting -= taken;
    step.dispatched = true;
  }

  /** A worker finishes a partition; its successor takes its place. */
  #finishOne(): void {
    const index = this.steps.findIndex((step) => step.status === 'STARTED');
    const step = this.steps[index]!;
    step.partitionFailed ||= this.shapes[index]!.fails;
    step.inFlight--;
    if (this.status !== 'STARTED' || step.waiting === 0) return;
    step.waiting--;
    step.inFlight++;
  }
}

describe('any execution, action by action', () => {
  const anyShapes = fc.array(
    fc.record({ partitions: fc.option(fc.nat(7), { nil: undefined }), skip: fc.boolean(), fails: fc.boolean() }),
    { maxLength: 4 },
  );

  it('ends, and as its steps and its operator say', () => {
    fc.assert(
      fc.property(anyShapes, fc.option(fc.nat(30), { nil: undefined }), (shapes, stopAfter) => {
        const model = new Model(shapes);
        const most = 10 + shapes.reduce((sum, { partitions }) => sum + 8 + 2 * (partitions ?? 0), 0);
        let actions = 0;
        if (stopAfter === 0) model.stop();
        while (model.act()) {
          if (++actions === stopAfter) model.stop();
          expect(actions).toBeLessThan(most);
        }
        const stopped = stopAfter !== undefined && stopAfter < actions;
        const failed = model.steps.some((step) => step.status === 'FAILED');
        const left = model.steps.filter((step) => !step.skip && step.status !== 'COMPLETED');
        expect(model.steps.filter((step) => step.status === 'STARTED')).toEqual([]);
        expect(model.status).toBe(failed ? 'FAILED' : stopped ? 'STOPPED' : 'COMPLETED');
        expect(left.length === 0 || failed || stopped).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('begins each step that is not passed over exactly once, in order', () => {
    fc.assert(
      fc.property(anyShapes, (shapes) => {
        const model = new Model(shapes.map((shape) => ({ ...shape, fails: false })));
        while (model.act());
        const begun = model.done.flatMap((action) => (action.kind === 'begin-step' ? [action.step] : []));
        expect(begun).toEqual(shapes.flatMap(({ skip }, i) => (skip ? [] : [i])));
      }),
    );
  });
});
