import { describe, expect, it } from 'vitest';
import { checkPart, checkRequest } from './request.js';
import {
  instanceQueryOf,
  JobExecutionPath,
  JobPath,
  ListQuery,
  ModulePath,
  StartRequest,
  StopQuery,
} from './shapes.js';

const badFields = (Shape: new () => object, given: unknown) => checkPart(Shape, given).errors.map(({ field }) => field);

describe('checkPart', () => {
  it.each([
    ['executionUUID', ['', '1', '7cafdc19-0eeb-48d9-a0b8-edfcc0ea2cc4x', ['7cafdc19-0eeb-48d9-a0b8-edfcc0ea2cc4']]],
    ['start', ['-1', '+1', ' 1', '1.0', '1e1', '0x1', '01', '', '9007199254740992', ['1', '2']]],
    ['count', ['0', '1001', '-5', 'ten', ['1', '2']]],
    ['status', ['', 'started', 'STARTED,', 'DONE', ['STARTED', 'x']]],
  ] as const)('refuses every bad %s, and nothing else', (field, values) => {
    expect(values.map((value) => badFields(ListQuery, { [field]: value }))).toEqual(values.map(() => [field]));
  });

  it.each([
    {},
    { executionUUID: '7cafdc19-0EEB-48d9-a0b8-edfcc0ea2cc4' },
    { start: '0', count: '1' },
    { start: '9007199254740991', count: '1000' },
    { status: ['STARTED', 'FAILED,STOPPED'] },
  ])('takes %j', (query) => {
    expect(badFields(ListQuery, query)).toEqual([]);
  });

  it.each(['foo', 'constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'refuses the unknown field %s',
    (field) => {
      const { value, errors } = checkPart(ListQuery, JSON.parse(`{"${field}": {"start": "x"}}`));
      expect(errors).toEqual([{ field, message: 'is not known here' }]);
      expect(value).toEqual(new ListQuery());
      expect(Object.getPrototypeOf(value)).toBe(ListQuery.prototype);
    },
  );

  it.each(['TRUE', '1', 'yes', '', ['true', 'true']])('refuses %j as true or false', (force) => {
    expect(badFields(StopQuery, { force })).toEqual(['force']);
  });

  it.each(['0', '-1', '1e3', '9007199254740992', 'abc'])('refuses %s as an execution id', (job_execution_id) => {
    const path = { module_id: 'persistence', job_name: 'bulkImportJob', job_execution_id };
    expect(badFields(JobExecutionPath, path)).toEqual(['job_execution_id']);
  });

  it.each(['a b', '../x', 'a\0', 'é', 'x'.repeat(101)])('refuses %j as a job name', (job_name) => {
    expect(badFields(JobPath, { module_id: 'persistence', job_name })).toEqual(['job_name']);
  });

  it.each([[[]], ['text'], [null], [7]])('refuses the body %j', (body) => {
    expect(badFields(StartRequest, body)).toEqual(['body']);
  });

  it.each([[[]], ['text'], [null], [7]])('refuses the parameters %j', (jobParameters) => {
    expect(badFields(StartRequest, { jobParameters })).toEqual(['jobParameters']);
  });

  it('bears the deepest nesting a body may have', () => {
    const jobParameters: unknown = JSON.parse('['.repeat(120_000) + ']'.repeat(120_000));
    expect(badFields(StartRequest, { jobParameters })).toEqual(['jobParameters']);
  });
});

const furtherErrors = () => [{ field: 'Idempotency-Key', message: 'is bad' }];

describe('checkRequest', () => {
  const request = {
    params: { module_id: '!', job_name: 'bulkImportJob' },
    query: { count: '0' },
    body: { x: 1 },
    headers: {},
  };

  it('names every bad field of every part', () => {
    expect(() => checkRequest({ path: JobPath, query: ListQuery, furtherErrors }, request)).toThrow(
      expect.objectContaining({
        code: 'INVALID_REQUEST',
        fields: ['module_id', 'count', 'x', 'Idempotency-Key'].map((field) => expect.objectContaining({ field })),
      }),
    );
  });

  it('names of very many the first hundred, and counts the others', () => {
    const body = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`${i}`.padStart(200, 'x'), 1]));
    const named = Array.from({ length: 100 }, () => ({ field: 'x'.repeat(100), message: 'is not known here' }));
    const params = { module_id: 'persistence', job_name: 'bulkImportJob' };
    expect(() => checkRequest({ path: JobPath }, { params, query: {}, body, headers: {} })).toThrow(
      expect.objectContaining({
        fields: named,
        message: expect.stringMatching(/ is not known here; and 4900 more\.$/),
      }),
    );
  });

  it('takes a body that is missing, and none that is null', () => {
    const parts = { params: { module_id: 'a' }, query: {}, headers: {} };
    expect(() => checkRequest({ path: ModulePath }, { ...parts, body: undefined })).not.toThrow();
    expect(() => checkRequest({ path: ModulePath }, { ...parts, body: null })).toThrow('body must be a JSON object');
  });

  it('fills in the defaults', () => {
    const { query } = checkRequest(
      { path: JobPath, query: ListQuery },
      { params: { module_id: 'persistence', job_name: 'bulkImportJob' }, query: {}, body: undefined, headers: {} },
    );
    expect(instanceQueryOf(query)).toEqual({ start: 0, count: 20, statuses: [] });
  });
});

describe('instanceQueryOf', () => {
  it('takes statuses repeated, with commas and twice', () => {
    const query = Object.assign(new ListQuery(), { start: '5', count: '7', status: ['FAILED,STOPPED', 'FAILED'] });
    expect(instanceQueryOf(query)).toEqual({ start: 5, count: 7, statuses: ['FAILED', 'STOPPED'] });
  });
});
