import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#platform';
import { Audit } from './audit/audit.js';
import { LOG } from './core.module.js';
import { problemOf } from './problem.js';
import { replyProblem } from './problem.reply.js';

/** Answers every error as an RFC 9457 problem; that of an operation is put on record first. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(LOG) private readonly log: Logger,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const answer = () => replyProblem(thrown, request, http.getResponse<FastifyReply>(), this.log);
    void this.audit.refused(request, problemOf(thrown)).then(answer, answer);
  }
}
