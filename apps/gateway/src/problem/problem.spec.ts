import { NotFoundException } from '@nestjs/common';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, executionId, LongshoreError } from '#domain';
import { NotOnDiskError } from '#repository';
import { PROBLEM, problemJson } from './problem-json.js';
import { Problem, problemOf, STATUS_OF } from './problem.js';

const place = { path: '/batch-job/persistence/1/stop', operation: undefined, requestId: 'r-1' };
const ajv = addFormats.default(new Ajv2020({ strict: false }));
/** As it is sent: undefined fields are left out. */
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const isProblem = ajv.compile(PROBLEM.schema);

describe('problemOf', () => {
  it.each(ERROR_CODES)('keeps %s of the domain, with its sentence and fields', (code) => {
    const fields = [{ field: 'source', message: 'is required' }];
    const problem = problemOf(new LongshoreError(code, 'Do this instead.', fields));
    expect(problem).toMatchObject({ code, message: 'Do this instead.', fields });
  });

  it('answers an outage with 503 and a time to come back', () => {
    const problem = problemOf(new Error('Connection is closed.'));
    expect(problem).toMatchObject({ code: 'SERVICE_UNAVAILABLE', headers: { 'Retry-After': '2' } });
  });

  it('tells of a command that is not known to be on disk that it was carried out', () => {
    const problem = problemOf(new NotOnDiskError(new Error('Connection is closed.')));
    expect(problem).toMatchObject({ code: 'NOT_KNOWN_ON_DISK', headers: { 'Retry-After': '2' } });
    expect(problem.message).toContain('This was carried out, but');
  });

  it('tells as which execution, where it began one', () => {
    const { message } = problemOf(new NotOnDiskError(new Error('Connection is closed.'), executionId(12)));
    expect(message).toContain('This was carried out, as execution 12, but');
  });

  it.each([
    [new NotFoundException('Cannot GET /x'), 'UNKNOWN_ROUTE'],
    [Object.assign(new Error('Forbidden'), { statusCode: 403 }), 'UNKNOWN_ROUTE'],
    [Object.assign(new Error('too large'), { statusCode: 413 }), 'BODY_TOO_LARGE'],
    [Object.assign(new Error('no json'), { statusCode: 415 }), 'UNSUPPORTED_MEDIA_TYPE'],
    [Object.assign(new Error('teapot'), { statusCode: 418 }), 'INTERNAL_ERROR'],
  ])('names %s %s', (error, code) => {
    expect(problemOf(error).code).toBe(code);
  });

  it.each([new Error('password=hunter2'), 'hunter2', undefined])('tells nothing of an unknown fault', (error) => {
    const problem = problemOf(error);
    expect(problem.code).toBe('INTERNAL_ERROR');
    expect(JSON.stringify(problemJson(problem, place))).not.toContain('hunter2');
  });
});

describe('problemJson', () => {
  it('is an RFC 9457 problem with the contract’s fields for a refused operation', () => {
    const problem = new Problem('EXECUTION_NOT_RUNNING', 'Execution 1 is not running: it is COMPLETED.');
    expect(problemJson(problem, { ...place, operation: 'stop' })).toEqual({
      type: 'urn:longshore:problem:execution-not-running',
      title: 'Execution not running',
      status: 409,
      detail: 'Execution 1 is not running: it is COMPLETED.',
      instance: '/batch-job/persistence/1/stop',
      code: 'EXECUTION_NOT_RUNNING',
      operation: 'stop',
      success: false,
      message: 'Execution 1 is not running: it is COMPLETED.',
    });
  });

  it.each(Object.keys(STATUS_OF) as (keyof typeof STATUS_OF)[])('fits its schema with code %s', (code) => {
    isProblem(sent(problemJson(new Problem(code, 'Do this.', [{ field: 'a', message: 'b' }]), place)));
    expect(isProblem.errors).toBeNull();
  });

  it('gives the request id of a fault only', () => {
    expect(problemJson(problemOf(new Error('x')), place).requestId).toBe('r-1');
    expect(problemJson(problemOf(new NotFoundException()), place).requestId).toBeUndefined();
  });
});
