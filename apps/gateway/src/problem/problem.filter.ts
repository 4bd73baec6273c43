import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#platform';
import { LOG } from '../core.module.js';
import { problemOf, type Problem } from './problem.js';
import { replyProblem } from './reply.js';

/** Is called with every refused request before it is answered. */
export abstract class RefusalListener {
  abstract refused(request: FastifyRequest, problem: Problem): Promise<void>;
}

/** Answers every error as an RFC 9457 problem, once the {@link RefusalListener} has dealt with it. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(LOG) private readonly log: Logger,
    @Inject(RefusalListener) private readonly listener: RefusalListener,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const answer = () => replyProblem(thrown, request, http.getResponse<FastifyReply>(), this.log);
    void this.listener.refused(request, problemOf(thrown)).then(answer, answer);
  }
}
