import { describe, expect, it } from 'vitest';
import type { Viewed } from './answer.js';
import { faultsOfImport, faultsOfNoop, type ImportFacts } from './verdict.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');

const execution = (id: number, rows: number, changes: Partial<Viewed> = {}): Viewed => ({
  id,
  executionUUID: `uuid-${id}`,
  status: 'COMPLETED',
  running: false,
  exitStatus: { exitCode: 'COMPLETED', running: false },
  startTime: new Date(START + id * 1_000).toISOString(),
  recordWriteCount: rows,
  progress: { partitions: { total: 2, done: 2 }, rows: { total: 3, done: 3 } },
  results: { totalsByResourceType: { Basic: 2 } },
  jobVersion: '1',
  stepExecutions: [],
  ...changes,
});

const body = (id: string) => ({ resourceType: 'Basic', id });
const wrote = (id: number, rows: number, atMs: number) => ({
  executionUuid: `uuid-${id}`,
  rows,
  first: START + atMs,
  last: START + atMs,
});

/** Two rows and a rejected one, by two executions: each has written one. */
function facts(changes: Partial<ImportFacts> = {}): ImportFacts {
  const executions = [execution(2, 1), execution(1, 1, { status: 'STOPPED' })];
  return {
    expected: {
      resources: new Map(['x', 'y'].map((id) => [id, JSON.stringify(body(id))])),
      validRows: 2,
      rejected: ['f:1'],
    },
    executions,
    views: executions,
    stored: {
      rows: ['x', 'y'].map((id) => ({ id, version: 1, body: body(id) })),
      doubled: [],
      written: [wrote(1, 1, 1_500), wrote(2, 1, 2_500)],
      rejected: ['f:1'],
    },
    ...changes,
  };
}

const stored = (changes: Partial<ImportFacts['stored']>) => facts({ stored: { ...facts().stored, ...changes } });
const newest = (changes: Partial<Viewed>) => {
  const executions = [execution(2, 1, changes), ...facts().executions.slice(1)] as Viewed[];
  return facts({ executions, views: executions });
};

describe('an import', () => {
  it('that is right has no faults', () => {
    expect(faultsOfImport(facts())).toEqual([]);
  });

  it.each([
    ['a missing row', stored({ rows: facts().stored.rows.slice(1) }), '1 rows are missing'],
    [
      'a row that was changed',
      stored({ rows: facts().stored.rows.map((row) => ({ ...row, version: 2 })) }),
      '2 rows are not',
    ],
    [
      'another body',
      stored({ rows: facts().stored.rows.map((row) => ({ ...row, body: body('z') })) }),
      '2 rows are not',
    ],
    [
      'a row too many',
      stored({ rows: [...facts().stored.rows, { id: 'z', version: 1, body: body('z') }] }),
      '1 rows are not',
    ],
    ['a row that was written twice', stored({ doubled: ['x'] }), 'row x was written more than once'],
    ['a rejection kept twice', stored({ rejected: ['f:1', 'f:1'] }), 'its rejected rows are'],
    ['a count that lies', newest({ recordWriteCount: 2 }), 'execution 2 (COMPLETED) counts 2 rows, and wrote 1'],
    [
      'a partition that is not done',
      newest({ progress: { partitions: { total: 2, done: 1 }, rows: { total: 3, done: 3 } } }),
      '1 of 2 partitions',
    ],
    [
      'progress that lies',
      newest({ progress: { partitions: { total: 2, done: 2 }, rows: { total: 3, done: 2 } } }),
      'its progress reads 2 of 3',
    ],
    ['totals that lie', newest({ results: { totalsByResourceType: { Basic: 1 } } }), 'its totals are'],
    [
      'a superseded execution that wrote on',
      stored({ written: [wrote(1, 1, 2_600), wrote(2, 1, 2_500)] }),
      'execution 1 wrote 600 ms after execution 2',
    ],
  ] as const)('with %s is found out', (_, wrong, fault) => {
    expect(faultsOfImport(wrong as ImportFacts).join('; ')).toContain(fault);
  });
});

const closed = (id: number, jobVersion: string, rows = 4) =>
  execution(id, rows, {
    jobVersion,
    stepExecutions: [{ stepName: 'noopCloseStep', status: 'COMPLETED' }] as Viewed['stepExecutions'],
  });
const open = (id: number, jobVersion: string, rows = 4) => execution(id, rows, { jobVersion });

describe('a noop job', () => {
  const shape = { job: 'noopJob', partitions: 2, chunks: 2, busyMs: 0 } as const;

  it('may do a chunk twice, and never not at all', () => {
    expect(faultsOfNoop(shape, [execution(1, 5)])).toEqual([]);
    expect(faultsOfNoop(shape, [execution(1, 3)])).toEqual(['its executions count 3 chunks of 4']);
    expect(faultsOfNoop(shape, [])).toEqual(['it has no execution']);
  });

  it.each<[what: string, views: Viewed[]]>([
    ['version 1', [open(1, '1')]],
    ['version 2', [closed(1, '2')]],
    ['version 2, which an earlier execution had all but ended', [open(2, '2', 0), closed(1, '2')]],
    ['version 1 after an execution of version 2', [open(2, '1', 0), closed(1, '2')]],
  ])('of %s runs the steps of its own version', (_, views) => {
    expect(faultsOfNoop(shape, views)).toEqual([]);
  });

  it.each<[what: string, views: Viewed[], fault: string]>([
    ['version 2 without its last step', [open(1, '2')], 'it is of version 2, and has run 1 (version 2): []'],
    [
      'version 1 with the last step of version 2',
      [closed(1, '1')],
      'it is of version 1, and has run 1 (version 1): [noopCloseStep COMPLETED]',
    ],
  ])('of %s is found out', (_, views, fault) => {
    expect(faultsOfNoop(shape, views)).toEqual([fault]);
  });
});
