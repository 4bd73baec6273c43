import { beforeEach, describe, expect, it } from 'vitest';
import { isRunning, type BatchStatus } from '#domain';
import type { Listed } from './answer.js';
import { History } from './history.js';

let violations: string[];
let history: History;

beforeEach(() => {
  violations = [];
  history = new History((line) => violations.push(line));
});

const UUID = 'a';

const listed = (status: BatchStatus, changes: Partial<Listed> = {}): Listed => {
  const running = isRunning(status);
  return {
    id: 1,
    executionUUID: UUID,
    status,
    running,
    exitStatus: { exitCode: status, running },
    ...(running ? {} : { endTime: 'now' }),
    recordWriteCount: 0,
    ...changes,
  };
};

/** A request that took no time, so many seconds after the beginning. */
const at = (seconds: number) => ({ sentAt: seconds * 1_000, answeredAt: seconds * 1_000 });
const see = (status: BatchStatus, seconds: number) => history.observe([listed(status)], at(seconds));

describe('the history of an execution', () => {
  it('may leave statuses out', () => {
    see('STARTING', 1);
    see('COMPLETED', 2);
    expect(violations).toEqual([]);
  });

  it('never goes back, nor on from its end', () => {
    see('STARTED', 1);
    see('STARTING', 2);
    see('COMPLETED', 3);
    see('STOPPED', 4);
    expect(violations).toEqual([
      'Execution 1 (a) went from STARTED to STARTING',
      'Execution 1 (a) went from COMPLETED to STOPPED',
    ]);
  });

  it('is not judged by the order of answers that were under way at the same time', () => {
    history.observe([listed('COMPLETED')], { sentAt: 1_200, answeredAt: 1_300 });
    history.observe([listed('STARTED')], { sentAt: 1_000, answeredAt: 1_400 });
    see('COMPLETED', 2);
    expect(violations).toEqual([]);
    history.observe([listed('STARTED')], { sentAt: 2_100, answeredAt: 2_200 });
    expect(violations).toEqual(['Execution 1 (a) went from COMPLETED to STARTED']);
  });

  it('may come to STOPPED from anywhere once a force stop was asked for', () => {
    see('COMPLETED', 1);
    history.willForce(1);
    see('STOPPED', 2);
    expect(violations).toEqual([]);
  });

  it('is force-stopped by its number, also by who means another that a death of Redis has unmade', () => {
    history.willForce(1);
    see('COMPLETED', 1);
    see('STOPPED', 2);
    expect(violations).toEqual([]);
  });

  it('goes back with a Redis that has died, but not beyond what was synced', () => {
    see('STARTING', 1);
    see('STARTED', 5);
    see('STOPPING', 9.5);
    history.lose(10_000);
    see('STARTED', 11);
    expect(violations).toEqual([]);
    see('STARTING', 12);
    expect(violations).toEqual(['Execution 1 (a) went from STARTED to STARTING']);
  });

  it('holds what running and endTime say against the status', () => {
    history.observe([listed('STARTED', { running: false })], at(1));
    history.observe([listed('STARTED', { endTime: 'now' })], at(2));
    expect(violations).toHaveLength(3);
  });
});

describe('an instance', () => {
  it('has one running execution at most', () => {
    history.observe([listed('STARTED', { id: 2, executionUUID: 'b' }), listed('STARTING')], at(1));
    expect(violations).toEqual(['Executions 2 and 1 of one instance run at the same time']);
  });
});

describe('what was acknowledged', () => {
  beforeEach(() => see('STARTED', 1));

  it.each([
    ['stop', 'COMPLETED'],
    ['stop', 'STARTED'],
    ['force-stop', 'STARTED'],
    ['abandon', 'FAILED'],
  ] as const)('as a %s does not leave it %s', (what, status) => {
    history.promise(what, UUID, at(2));
    see(status, 3);
    expect(violations).toContain(`Execution 1 (a) reads ${status} although its ${what} was acknowledged`);
  });

  it('binds only requests that were sent afterwards', () => {
    history.promise('stop', UUID, at(2));
    history.observe([listed('STARTED')], { sentAt: 1_900, answeredAt: 2_100 });
    expect(violations).toEqual([]);
  });

  it('is void if Redis died within the time that it may lose', () => {
    history.promise('stop', UUID, at(9));
    history.lose(10_000);
    history.promise('force-stop', UUID, { sentAt: 9_900, answeredAt: 12_000 });
    see('STARTED', 13);
    expect(violations).toEqual([]);
  });

  it('from disk binds whatever becomes of Redis', () => {
    history = new History((line) => violations.push(line), true);
    see('STARTED', 1);
    history.promise('stop', UUID, at(9));
    history.promiseStart(2, 'b', at(9));
    history.lose(10_000);
    see('COMPLETED', 13);
    history.mustContain(new Set([UUID]));
    expect(violations).toEqual([
      'Execution 1 (a) reads COMPLETED although its stop was acknowledged',
      'Execution 2 (b) was acknowledged and is not there',
    ]);
  });

  it('as a start must be there in the end, unless a death of Redis may have unmade it', () => {
    history.promiseStart(2, 'b', at(2));
    history.promiseStart(3, 'c', at(9));
    history.lose(10_000);
    history.mustContain(new Set([UUID]));
    expect(violations).toEqual(['Execution 2 (b) was acknowledged and is not there']);
  });
});
