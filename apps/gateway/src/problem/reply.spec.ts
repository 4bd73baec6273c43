import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import type { Logger } from '#platform';
import { replyProblem } from './reply.js';

const request = {
  id: 'r-1',
  method: 'POST',
  originalUrl: '/batch-job/persistence/1/stop?force=true',
} as unknown as FastifyRequest;

/** Answers with the problem that is thrown. @returns the answer and the fields that were logged */
function reply(thrown: unknown) {
  const logged: Record<string, unknown>[] = [];
  const write = (_: string, fields: Record<string, unknown>) => void logged.push(fields);
  const answer = { status: 0, body: {} as Record<string, unknown> };
  const fake = {
    code: (status: number) => {
      answer.status = status;
      return fake;
    },
    headers: () => fake,
    type: () => fake,
    send: (text: string) => {
      answer.body = JSON.parse(text) as Record<string, unknown>;
      return fake;
    },
  };
  replyProblem(thrown, request, fake as unknown as FastifyReply, { warn: write, error: write } as unknown as Logger);
  return { answer, logged };
}

const throwing = () =>
  Object.defineProperties(new Error('x'), {
    message: { get: () => JSON.parse('{') as unknown },
    statusCode: { get: () => JSON.parse('{') as unknown },
  });

describe('whatever is thrown', () => {
  it.each([
    ['a null prototype', Object.create(null)],
    ['an error whose properties throw', throwing()],
    ['nothing', undefined],
    ['a symbol', Symbol('x')],
    ['a code without a message', { code: 'X' }],
    ['a list of errors', new AggregateError([new Error('a')])],
  ])('is answered and logged: %s', (_, thrown) => {
    const { answer, logged } = reply(thrown);
    expect(answer).toMatchObject({
      status: 500,
      body: { code: 'INTERNAL_ERROR', instance: '/batch-job/persistence/1/stop', requestId: 'r-1' },
    });
    expect(logged).toEqual([expect.objectContaining({ requestId: 'r-1', reason: expect.stringMatching(/\S/) })]);
  });
});
