import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideRestart,
  RESTART_RULES,
  type RestartableJob,
  type RestartFacts,
  type StepStartFacts,
} from './decisions.js';
import { differencesOf, type JobDefinition, type StepDefinition } from './definition.js';
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

const LOAD: StepDefinition = { name: 'load', kind: 'transactional-chunk' };
const CLOSE: StepDefinition = { name: 'close', kind: 'tasklet' };
const definition: JobDefinition = { version: '1', steps: [LOAD, CLOSE] };

const jobWith = (changes: Partial<RestartableJob> = {}): RestartableJob => ({
  restartable: true,
  definition,
  continues: [],
  ...changes,
});

const spentStep: StepStartFacts = { name: 'load', startCount: 2, startLimit: 2, runsAgain: true };

/** Facts of a restart that nothing speaks against, but for the changes. */
const factsWith = (status: BatchStatus, changes: Partial<RestartFacts> = {}): RestartFacts => ({
  execution: { id: executionId(33), status },
  latest: { id: executionId(33), status },
  abandoned: false,
  definition,
  job: jobWith(),
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
    ['JOB_NOT_RESTARTABLE', { job: jobWith({ restartable: false }) }],
    ['EXECUTION_NOT_LATEST', newer('FAILED')],
    ['EXECUTION_ALREADY_COMPLETED', { latest: { id: executionId(33), status: 'COMPLETED' } }],
    ['EXECUTION_ABANDONED', { abandoned: true }],
    ['JOB_CHANGED', { definition: { ...definition, version: '0' } }],
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

describe('an abandoned instance', () => {
  it.each(BATCH_STATUSES)(
    'is never restarted, although the execution that was abandoned is gone and one is %s',
    (status) => {
      const decision = decideRestart(factsWith(status, { abandoned: true }));
      expect(told(decision)).toBe(DECIDED[status] === 'restart' ? 'EXECUTION_ABANDONED' : DECIDED[status]);
    },
  );

  it('says so in words that name the instance, not the execution', () => {
    expect(decideRestart(factsWith('FAILED', { abandoned: true }))).toHaveProperty(
      'message',
      'The instance of execution 33 was abandoned and can never be restarted. Start the job anew instead.',
    );
  });
});

const VERIFY: StepDefinition = { name: 'verify', kind: 'tasklet' };

/** A restart where a deploy has changed the job. */
const changed = (steps: StepDefinition[], changes: Partial<RestartableJob> = {}, version = '1') =>
  decideRestart(factsWith('FAILED', { job: jobWith({ definition: { version, steps }, ...changes }) }));

describe('a restart of a job that has changed', () => {
  /** What a deploy may do to `[load, close]`, and how a refusal tells it. */
  const DEPLOYS: [string, StepDefinition[], string][] = [
    ['a step put in front', [VERIFY, LOAD, CLOSE], 'step verify was added'],
    ['a step put in the middle', [LOAD, VERIFY, CLOSE], 'step verify was added'],
    ['a step put at the end', [LOAD, CLOSE, VERIFY], 'step verify was added'],
    ['the first step removed', [CLOSE], 'step load was removed'],
    ['the last step removed', [LOAD], 'step close was removed'],
    ['a step renamed', [{ ...LOAD, name: 'import' }, CLOSE], 'step load was removed; step import was added'],
    [
      'steps in another order',
      [CLOSE, LOAD],
      'its steps ran in the order load, close and now run in the order close, load',
    ],
    [
      'a step of another kind',
      [{ ...LOAD, kind: 'chunk' }, CLOSE],
      'step load was a chunk step with a transactional sink and is a chunk step',
    ],
  ];

  it.each(DEPLOYS)('is refused: %s', (_, steps, difference) => {
    expect(changed(steps)).toEqual({
      kind: 'refuse',
      why: 'JOB_CHANGED',
      message: `Job anyJob has changed since this execution: ${difference}. Deploy version 1 as it was to restart it, declare continues: ['1'] in the job, or start the job anew.`,
    });
  });

  it('is refused where only the version is another, naming both', () => {
    expect(changed([LOAD, CLOSE], {}, '2')).toMatchObject({
      why: 'JOB_CHANGED',
      message: expect.stringContaining('its version was 1 and is 2'),
    });
  });

  it.each(DEPLOYS.slice(0, -1))('goes on where the job declares that it continues this version: %s', (_, steps) => {
    expect(changed(steps, { continues: ['1'] }, '2')).toEqual({ kind: 'restart' });
    expect(changed(steps, { continues: ['1'] }).kind).toBe('restart');
    expect(told(changed(steps, { continues: ['0'] }, '2'))).toBe('JOB_CHANGED');
  });

  it('is refused where a step would continue as another kind of step, whatever the job declares', () => {
    expect(changed([{ ...LOAD, kind: 'tasklet' }, CLOSE], { continues: ['1'] }, '2')).toMatchObject({
      why: 'JOB_CHANGED',
      message: expect.stringContaining(
        'step load was a chunk step with a transactional sink and is a tasklet. A step cannot continue as another kind of step',
      ),
    });
  });
});

describe('differencesOf', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    kind: fc.constantFrom<StepDefinition['kind']>('tasklet', 'chunk', 'transactional-chunk'),
  });
  const anyDefinition = fc.record({
    version: fc.constantFrom('1', '2'),
    steps: fc.uniqueArray(step, { selector: ({ name }) => name, minLength: 1 }),
  });

  it('is empty for the same definition, and only for that', () => {
    fc.assert(
      fc.property(anyDefinition, anyDefinition, (before, now) => {
        expect(differencesOf(before, structuredClone(before))).toEqual([]);
        expect(differencesOf(before, now).length === 0).toBe(JSON.stringify(before) === JSON.stringify(now));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('any instance', () => {
  const anyFacts = fc
    .record({
      statuses: fc.array(fc.constantFrom(...BATCH_STATUSES), { minLength: 1, maxLength: 5 }),
      asked: fc.nat(),
      restartable: fc.boolean(),
      known: fc.boolean(),
      abandoned: fc.boolean(),
      deployed: fc.boolean(),
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
    .map(({ statuses, asked, restartable, known, abandoned, deployed, steps }) => {
      const executions = statuses.map((status, i) => ({ id: executionId(i + 1), status }));
      const facts: RestartFacts = {
        execution: executions[asked % executions.length]!,
        latest: executions.at(-1)!,
        abandoned,
        definition: deployed ? { ...definition, version: '0' } : definition,
        job: known ? jobWith({ restartable }) : undefined,
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
          !facts.abandoned &&
          facts.definition === job.definition &&
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
