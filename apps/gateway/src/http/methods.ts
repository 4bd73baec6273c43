import type { FastifyInstance } from 'fastify';
import type { Logger } from '#platform';
import { DASHBOARD } from '../dashboard/dashboard.js';
import { Problem } from '../problem/problem.js';
import { replyProblem } from '../problem/reply.js';

interface KnownPath {
  methods: readonly string[];
  pattern: RegExp;
}

/**
 * Answers 405, with the methods that there are, where a path exists and the method does not. Register it before any
 * route, and behind the security headers.
 */
export function answerUnknownMethods(fastify: FastifyInstance, log: Logger): void {
  const known: KnownPath[] = [];
  fastify.addHook('onRoute', ({ method, url }) => {
    const methods = [method].flat().filter((name) => isServed(name, url));
    if (methods.length > 0) known.push({ methods, pattern: patternOf(url) });
  });
  fastify.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const allow = methodsOf(known, request.url.split('?', 1)[0] ?? '');
    if (allow === '') return;
    const problem = new Problem('METHOD_NOT_ALLOWED', `${request.method} is not possible here, but ${allow}.`, [], {
      Allow: allow,
    });
    return replyProblem(problem, request, reply, log);
  });
}

/** Bull Board has routes that change something, and is read-only here. */
const isServed = (method: string, url: string): boolean =>
  method === 'GET' || method === 'HEAD' || !url.startsWith(DASHBOARD);

/** E.g. of `/batch-job/:module_id` or `/swagger-ui/*`. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
      // Nothing but a number names an execution: a misspelt operation is an unknown path.
      .replaceAll(':job_execution_id', '\\d+')
      .replaceAll(/:\w+/g, '[^/]+')
      .replaceAll('*', '.*')}$`,
  );

const methodsOf = (known: readonly KnownPath[], path: string): string => {
  const methods = known.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
  return ['GET', 'HEAD', 'POST', 'DELETE'].filter((method) => methods.includes(method)).join(', ');
};
