import { describe, expect, it } from 'vitest';
import { decideAbandon, decideForceStop, decideStart, decideStop, START_RULES } from './decisions.js';
import { executionId } from './ids.js';
import { BATCH_STATUSES, isRunning, mayBecome, type BatchStatus } from './status.js';

const id = executionId(33);

/** What is decided for an execution of each status: the kind, or why it is refused. */
const DECIDED: Record<BatchStatus, { start: string; stop: string; abandon: string }> = {
  STARTING: { start: 'INSTANCE_ALREADY_RUNNING', stop: 'stop', abandon: 'EXECUTION_STILL_RUNNING' },
  STARTED: { start: 'INSTANCE_ALREADY_RUNNING', stop: 'stop', abandon: 'EXECUTION_STILL_RUNNING' },
  STOPPING: { start: 'INSTANCE_ALREADY_RUNNING', stop: 'already-stopping', abandon: 'EXECUTION_STILL_RUNNING' },
  STOPPED: { start: 'INSTANCE_ALREADY_EXISTS', stop: 'EXECUTION_NOT_RUNNING', abandon: 'abandon' },
  FAILED: { start: 'INSTANCE_ALREADY_EXISTS', stop: 'EXECUTION_NOT_RUNNING', abandon: 'abandon' },
  COMPLETED: {
    start: 'INSTANCE_ALREADY_COMPLETED',
    stop: 'EXECUTION_NOT_RUNNING',
    abandon: 'EXECUTION_ALREADY_COMPLETED',
  },
  ABANDONED: { start: 'EXECUTION_ABANDONED', stop: 'EXECUTION_NOT_RUNNING', abandon: 'already-abandoned' },
  UNKNOWN: { start: 'INSTANCE_ALREADY_EXISTS', stop: 'EXECUTION_NOT_RUNNING', abandon: 'EXECUTION_NOT_RESTARTABLE' },
};

const told = (decision: { kind: string; why?: string }): string => decision.why ?? decision.kind;

describe.each(BATCH_STATUSES)('an execution that is %s', (status) => {
  const decided = DECIDED[status];

  it(`start of the same parameters: ${decided.start}`, () => {
    expect(told(decideStart({ id, status, abandoned: false }))).toBe(decided.start);
    expect(START_RULES[status](id).why).toBe(decided.start);
  });

  it('is refused to a start of the same parameters as abandoned, once any execution of its instance was', () => {
    expect(told(decideStart({ id, status, abandoned: true }))).toBe('EXECUTION_ABANDONED');
  });

  it('may be force-stopped, whatever it is', () => {
    expect(decideForceStop({ id, status })).toEqual({ kind: status === 'STOPPED' ? 'already-stopped' : 'force-stop' });
  });

  it(`stop: ${decided.stop}`, () => {
    expect(told(decideStop({ id, status }))).toBe(decided.stop);
  });

  it(`abandon: ${decided.abandon}`, () => {
    expect(told(decideAbandon({ id, status }))).toBe(decided.abandon);
  });

  it('is named by every refusal, which ends with what to do or how things stand', () => {
    const decisions = [
      decideStart({ id, status, abandoned: false }),
      decideStop({ id, status }),
      decideAbandon({ id, status }),
    ];
    const messages = decisions.flatMap((decision) => (decision.kind === 'refuse' ? [decision.message] : []));
    expect(messages.filter((message) => !/execution 33 .+\.$/i.test(message))).toEqual([]);
  });

  it('is decided as the state machine allows', () => {
    expect(decideStop({ id, status }).kind === 'stop').toBe(mayBecome(status, 'STOPPING'));
    expect(decideAbandon({ id, status }).kind === 'abandon').toBe(mayBecome(status, 'ABANDONED'));
    expect(decideStop({ id, status }).kind !== 'refuse').toBe(isRunning(status));
  });
});

describe('decideStart', () => {
  it('lets new parameters start', () => {
    expect(decideStart(undefined)).toEqual({ kind: 'start' });
  });
});

describe('a refusal', () => {
  it('tells the status that leaves nothing to stop', () => {
    expect(decideStop({ id, status: 'FAILED' })).toMatchObject({
      message: 'Execution 33 is not running: it is FAILED. There is nothing to stop.',
    });
  });
});
