import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepKind } from './definition.js';
import { decideNextActions, type Action, type ControlFacts, type StepFacts } from './next-actions.js';
import { BATCH_STATUSES, isRunning, type BatchStatus } from './status.js';

/** Every combination of one value of each field. */
function combinations<T extends object>(choices: { [K in keyof T]: readonly T[K][] }): T[] {
  return (Object.entries(choices) as [keyof T, readonly T[keyof T][]][]).reduce<Partial<T>[]>(
    (made, [field, values]) => made.flatMap((one) => values.map((value) => ({ ...one, [field]: value }))),
    [{}],
  ) as T[];
}

const flags = [false, true];
const KINDS: StepKind[] = ['tasklet', 'chunk', 'transactional-chunk'];

/** Every step there can be, up to how many partitions "some" are. */
const everyStep = combinations<StepFacts>({
  name: ['load'],
  kind: KINDS,
  status: [undefined, ...BATCH_STATUSES],
  skip: flags,
  planned: flags,
  partitions: [0, 2],
  inFlight: [0, 2],
  waiting: flags,
  working: flags,
  queued: flags,
  partitionFailed: flags,
});

const fresh: Omit<StepFacts, 'name' | 'kind'> = {
  status: undefined,
  skip: false,
  planned: false,
  partitions: 0,
  inFlight: 0,
  waiting: false,
  working: false,
  queued: false,
  partitionFailed: false,
};

type Rule = [applies: (step: StepFacts) => boolean, Action | undefined];

const isHandedOut = (step: StepFacts): boolean => step.working || step.inFlight > 0;
const step = 'load';

/** The rule that a step of a STARTED execution meets first, and what is then done; undefined is to wait. */
const FORWARD: Rule[] = [
  [(s) => s.skip || s.status === 'COMPLETED', { kind: 'end-execution', status: 'COMPLETED' }],
  [(s) => s.status === undefined, { kind: 'begin-step', step }],
  [(s) => s.status !== 'STARTED', { kind: 'end-execution', status: 'FAILED' }],
  [(s) => isHandedOut(s) && s.queued, undefined],
  [isHandedOut, { kind: 'hand-out', step }],
  [(s) => s.kind === 'tasklet', { kind: 'hand-out', step }],
  [(s) => !s.planned, { kind: 'hand-out', step }],
  [(s) => s.waiting, { kind: 'hand-out', step }],
  [(s) => s.partitionFailed, { kind: 'end-step', step, status: 'FAILED', exitCode: 'FAILED' }],
  [(s) => s.partitions === 0, { kind: 'end-step', step, status: 'COMPLETED', exitCode: 'NOOP' }],
  [() => true, { kind: 'end-step', step, status: 'COMPLETED', exitCode: 'COMPLETED' }],
];

const STOPPING: Rule[] = [
  [(s) => s.status === 'FAILED', { kind: 'end-execution', status: 'FAILED' }],
  [(s) => s.status !== 'STARTED', { kind: 'end-execution', status: 'STOPPED' }],
  [(s) => isHandedOut(s) && s.queued, undefined],
  [isHandedOut, { kind: 'hand-out', step }],
  [(s) => s.partitionFailed, { kind: 'end-step', step, status: 'FAILED', exitCode: 'FAILED' }],
  [() => true, { kind: 'end-step', step, status: 'STOPPED', exitCode: 'STOPPED' }],
];

function expected(status: BatchStatus, facts: StepFacts): Action[] {
  if (status === 'STARTING') return [{ kind: 'begin-execution' }];
  if (!isRunning(status)) return [];
  const action = (status === 'STARTED' ? FORWARD : STOPPING).find(([applies]) => applies(facts))?.[1];
  return action ? [action] : [];
}

const endOfNothing = (status: BatchStatus) => decideNextActions({ status, steps: [] });

describe('the next actions', () => {
  it.each(BATCH_STATUSES)('of an execution that is %s are right for every step there can be', (status) => {
    const wrong = everyStep
      .map((facts) => ({ facts, actions: decideNextActions({ status, steps: [facts] }) }))
      .filter(({ facts, actions }) => JSON.stringify(actions) !== JSON.stringify(expected(status, facts)));
    expect(everyStep).toHaveLength(3 * 9 * 2 ** 8);
    expect(wrong).toEqual([]);
  });

  it('meet every rule at least once', () => {
    for (const rules of [FORWARD, STOPPING]) {
      const met = new Set(everyStep.map((facts) => rules.findIndex(([applies]) => applies(facts))));
      expect(met.size).toBe(rules.length);
    }
  });

  it('of an execution without steps are its end', () => {
    expect(endOfNothing('STARTED')).toEqual([{ kind: 'end-execution', status: 'COMPLETED' }]);
    expect(endOfNothing('STOPPING')).toEqual([{ kind: 'end-execution', status: 'STOPPED' }]);
  });

  it('wind down every step that is STARTED, side by side', () => {
    const started = { ...fresh, kind: 'chunk', status: 'STARTED' } as const;
    const steps: StepFacts[] = [
      { ...started, name: 'idle' },
      { ...started, name: 'busy', inFlight: 1 },
      { ...started, name: 'queued', inFlight: 1, queued: true },
      { ...started, name: 'working', kind: 'tasklet', working: true },
    ];
    expect(decideNextActions({ status: 'STOPPING', steps })).toEqual([
      { kind: 'end-step', step: 'idle', status: 'STOPPED', exitCode: 'STOPPED' },
      { kind: 'hand-out', step: 'busy' },
      { kind: 'hand-out', step: 'working' },
    ]);
  });

  const anySteps = fc
    .array(fc.constantFrom(...everyStep), { maxLength: 4 })
    .map((steps) => steps.map((facts, i) => ({ ...facts, name: `step${i}` })));
  const anyFacts = fc.record({ status: fc.constantFrom(...BATCH_STATUSES), steps: anySteps });

  it('are decided the same way twice, and change no facts', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const before = structuredClone(facts);
        expect(decideNextActions(facts)).toEqual(decideNextActions(before));
        expect(facts).toEqual(before);
      }),
    );
  });

  it('never concern a step behind one that is unfinished', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const [action] = decideNextActions({ status: 'STARTED', steps });
        const index = action && 'step' in action ? steps.findIndex(({ name }) => name === action.step) : 0;
        expect(steps.slice(0, index).filter((facts) => !facts.skip && facts.status !== 'COMPLETED')).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('begin nothing while an execution is stopping', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        for (const { kind } of decideNextActions({ status: 'STOPPING', steps })) {
          expect(['hand-out', 'end-step', 'end-execution']).toContain(kind);
        }
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
  readonly #left = new Map<string, number>();

  constructor(private readonly shapes: readonly Shape[]) {
    this.steps = shapes.map(({ partitions, skip }, i) => ({
      ...fresh,
      name: `step${i}`,
      kind: partitions === undefined ? 'tasklet' : 'chunk',
      skip,
    }));
  }

  get facts(): ControlFacts {
    return { status: this.status, steps: this.steps };
  }

  stop(): void {
    if (this.status === 'STARTING' || this.status === 'STARTED') this.status = 'STOPPING';
  }

  /** @returns whether there is anything left to do */
  act(): boolean {
    const actions = decideNextActions(this.facts);
    this.done.push(...actions);
    actions.forEach((action) => this.#do(action));
    return actions.length > 0 || this.#finishSomething();
  }

  #do(action: Action): void {
    switch (action.kind) {
      case 'begin-execution':
        this.status = 'STARTED';
        return;
      case 'begin-step':
        this.#named(action.step).status = 'STARTED';
        return;
      case 'hand-out':
        return this.#handOut(this.#named(action.step));
      case 'end-step':
        this.#named(action.step).status = action.status;
        return;
      case 'end-execution':
        this.status = action.status;
    }
  }

  #named(name: string): StepFacts {
    return this.steps.find((facts) => facts.name === name)!;
  }

  #shapeOf(facts: StepFacts): Shape {
    return this.shapes[this.steps.indexOf(facts)]!;
  }

  #handOut(facts: StepFacts): void {
    facts.queued = true;
    if (this.status !== 'STARTED' || facts.working) return;
    if (facts.kind === 'tasklet' || !facts.planned) facts.working = true;
    else while (facts.waiting && facts.inFlight < WINDOW) this.#take(facts);
  }

  #take(facts: StepFacts): void {
    const left = this.#left.get(facts.name)! - 1;
    this.#left.set(facts.name, left);
    facts.inFlight++;
    facts.waiting = left > 0;
  }

  /** A worker finishes a tasklet, a plan or a partition. @returns whether there was any */
  #finishSomething(): boolean {
    const facts = this.steps.find((candidate) => candidate.status === 'STARTED' && isHandedOut(candidate));
    if (!facts) return false;
    if (facts.working) this.#finishWork(facts);
    else this.#finishPartition(facts);
    return true;
  }

  #finishWork(facts: StepFacts): void {
    const { partitions, fails } = this.#shapeOf(facts);
    facts.working = false;
    if (partitions === undefined) facts.status = fails ? 'FAILED' : 'COMPLETED';
    else {
      Object.assign(facts, { planned: true, partitions, waiting: partitions > 0, queued: false });
      this.#left.set(facts.name, partitions);
    }
  }

  /** Its successor takes its place. */
  #finishPartition(facts: StepFacts): void {
    facts.partitionFailed ||= this.#shapeOf(facts).fails;
    facts.inFlight--;
    if (this.status === 'STARTED' && facts.waiting) this.#take(facts);
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
        const stopped = stopAfter !== undefined && model.status !== 'COMPLETED';
        const failed = model.steps.some(({ status }) => status === 'FAILED');
        const left = model.steps.filter((facts) => !facts.skip && facts.status !== 'COMPLETED');
        expect(model.steps.filter(({ status }) => status === 'STARTED')).toEqual([]);
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
        expect(begun).toEqual(shapes.flatMap(({ skip }, i) => (skip ? [] : [`step${i}`])));
      }),
    );
  });
});
