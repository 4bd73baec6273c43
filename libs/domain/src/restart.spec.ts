import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRestart, RESTART_RULES, type RestartFacts, type StepStartFacts } from './decisions.js';
import { executionId } from './ids.js';
import { BATCH_STATUSES, isRunning, type BatchStatus } from './status.js';

const told = (decision: { kind: string; why?: string }): string => decision.why ?? decision.kind;

const DECIDED: Record<BatchStatus, string> = {
  STARTING: 'EXECUTION_STILL_RUNNING',
  STARTED: 'EXECUTION_STILL_RUNNING',
  STOPPING: 'EXECUTION_STILL_RUNNING',
  STOPPED: 'restart',
  FAILED: 'restart',
  COMPLETED: 'EXECUTION_ALREADY_COMPLETED',
  ABANDONED: 'EXECUTION_ABANDONED',
  UNKNOWN: 'EXECUTION_NOT_RESTARTABLE',
};

const spentStep: StepStartFacts = { name: 'load', startCount: 2, startLimit: 2, runsAgain: true };

/** Facts of a restart that nothing speaks against, but for the changes. */
const factsWith = (status: BatchStatus, changes: Partial<RestartFacts> = {}): RestartFacts => ({
  execution: { id: executionId(33), status },
  latest: { id: executionId(33), status },
  job: { name: 'anyJob', restartable: true },
  jobName: 'anyJob',
  steps: [{ name: 'load', startCount: 1, startLimit: Infinity, runsAgain: true }],
  ...changes,
});

const newer = (status: BatchStatus) => ({ latest: { id: executionId(34), status } });

describe.each(BATCH_STATUSES)('a restart of an execution that is %s', (status) => {
  it(`is decided: ${DECIDED[status]}`, () => {
    expect(told(decideRestart(factsWith(status)))).toBe(DECIDED[status]);
    expect(RESTART_RULES[status](executionId(33))?.why ?? 'restart').toBe(DECIDED[status]);
  });

  it.each(BATCH_STATUSES)('is refused where a newer execution is %s', (latest) => {
    const decision = decideRestart(factsWith(status, newer(latest)));
    expect(told(decision)).toBe(isRunning(latest) ? 'EXECUTION_STILL_RUNNING' : 'EXECUTION_NOT_LATEST');
    expect(decision).toHaveProperty('message', expect.stringMatching(/[Ee]xecution 34 /));
  });
});

describe('the rules of a restart', () => {
  /** Each fact is refused by its own rule, and the rules before it come first. */
  const byRank: [string, Partial<RestartFacts>][] = [
    ['UNKNOWN_JOB', { job: undefined }],
    ['JOB_NOT_RESTARTABLE', { job: { name: 'anyJob', restartable: false } }],
    ['EXECUTION_NOT_LATEST', newer('FAILED')],
    ['EXECUTION_ALREADY_COMPLETED', { latest: { id: executionId(33), status: 'COMPLETED' } }],
    ['STEP_START_LIMIT_REACHED', { steps: [spentStep] }],
  ];

  it.each(byRank.map(([why], rank) => ({ why, rank })))('$why comes before those that follow', ({ why, rank }) => {
    // Where two rules look at the same fact, the earlier one's stands.
    const changes = byRank
      .slice(rank)
      .toReversed()
      .map(([, change]) => change);
    expect(told(decideRestart(factsWith('STOPPED', Object.assign({}, ...changes))))).toBe(why);
  });

  it('counts only steps that would run again towards their start limit', () => {
    const steps = [{ ...spentStep, runsAgain: false }];
    expect(decideRestart(factsWith('FAILED', { steps }))).toEqual({ kind: 'restart' });
    expect(decideRestart(factsWith('FAILED', { steps: [{ ...spentStep, startLimit: 3 }] })).kind).toBe('restart');
  });

  it('names the step that is spent, with its limit', () => {
    const decision = decideRestart(factsWith('FAILED', { steps: [{ ...spentStep, runsAgain: false }, spentStep] }));
    expect(decision).toHaveProperty(
      'message',
      'Step load has been started 2 times, its limit. Start the job anew instead.',
    );
  });

  it('points to the newest execution where that one could be restarted', () => {
    expect(decideRestart(factsWith('FAILED', newer('STOPPED')))).toHaveProperty(
      'message',
      'Execution 33 is not the latest of its instance. Restart execution 34 instead.',
    );
  });

  it('go by the newest execution as it was read last: it may have been abandoned since', () => {
    const latest = { id: executionId(33), status: 'ABANDONED' } as const;
    expect(told(decideRestart(factsWith('STOPPED', { latest })))).toBe('EXECUTION_ABANDONED');
  });
});

describe('any instance', () => {
  const anyFacts = fc
    .record({
      statuses: fc.array(fc.constantFrom(...BATCH_STATUSES), { minLength: 1, maxLength: 5 }),
      asked: fc.nat(),
      restartable: fc.boolean(),
      known: fc.boolean(),
      steps: fc.array(
        fc.record({
          name: fc.constantFrom('load', 'close'),
          startCount: fc.nat(4),
          startLimit: fc.constantFrom(1, 3, Infinity),
          runsAgain: fc.boolean(),
        }),
        { maxLength: 3 },
      ),
    })
    .map(({ statuses, asked, restartable, known, steps }) => {
      const executions = statuses.map((status, i) => ({ id: executionId(i + 1), status }));
      const facts: RestartFacts = {
        execution: executions[asked % executions.length]!,
        latest: executions.at(-1)!,
        job: known ? { name: 'anyJob', restartable } : undefined,
        jobName: 'anyJob',
        steps,
      };
      return { executions, facts };
    });

  it('is restarted from its newest execution only, and only if that is STOPPED or FAILED', () => {
    fc.assert(
      fc.property(anyFacts, ({ facts }) => {
        if (decideRestart(facts).kind !== 'restart') return;
        expect(facts.execution.id).toBe(facts.latest.id);
        expect(['STOPPED', 'FAILED']).toContain(facts.latest.status);
        expect(facts.job?.restartable).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is never restarted while its newest execution, the only one that may run, is running', () => {
    fc.assert(
      fc.property(anyFacts, ({ facts }) => {
        fc.pre(isRunning(facts.latest.status));
        expect(decideRestart(facts).kind).toBe('refuse');
      }),
      { numRuns: 1_000 },
    );
  });

  it('is restarted whenever no rule speaks against it', () => {
    fc.assert(
      fc.property(anyFacts, ({ facts }) => {
        const { execution, latest, job, steps } = facts;
        const free =
          job?.restartable &&
          execution.id === latest.id &&
          (latest.status === 'STOPPED' || latest.status === 'FAILED') &&
          steps.every((step) => !step.runsAgain || step.startCount < step.startLimit);
        expect(decideRestart(facts).kind === 'restart').toBe(Boolean(free));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is decided the same way twice', () => {
    fc.assert(
      fc.property(anyFacts, ({ facts }) => {
        expect(decideRestart(structuredClone(facts))).toEqual(decideRestart(facts));
      }),
    );
  });
});
