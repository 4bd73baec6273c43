import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from '#engine';
import type { Logger } from '#platform';
import { LOG } from '../core.module.js';
import type { ModuleServices } from '../modules.js';
import { problemOf } from '../problem.js';

/** What is asked for, before it is known what comes of it. */
export interface Intent {
  operation: AuditEntry['operation'];
  jobName?: string;
  executionId?: number;
}

/** What the audit needs to see of an operation's answer. */
interface Answer {
  message: string;
  jobExecutionId?: number;
}

/** Leaves on record who asked for what, from where, and with which answer: refusals too. */
@Injectable()
export class Audit {
  constructor(@Inject(LOG) private readonly log: Logger) {}

  /** Carries an operation out and records it. @throws what the operation throws */
  async record<A extends Answer>(
    services: ModuleServices,
    request: FastifyRequest,
    intent: Intent,
    operate: (username: string) => Promise<A>,
  ): Promise<A> {
    const asked = { time: Date.now(), username: usernameOf(request), remoteAddress: request.ip, ...intent };
    try {
      const answer = await operate(asked.username);
      await this.#append(services, { ...asked, ...started(answer), outcome: 'OK', message: answer.message });
      return answer;
    } catch (error) {
      const { code, message } = problemOf(error);
      const recorded = this.#append(services, { ...asked, outcome: code, message });
      // Where Redis is away the record finds it away too: whoever asked does not wait for that a second time.
      if (code !== 'SERVICE_UNAVAILABLE') await recorded;
      throw error;
    }
  }

  /** An operation that was carried out is not undone for want of its record: then the log alone has it. */
  async #append(services: ModuleServices, entry: Omit<AuditEntry, 'jobName' | 'executionId'> & Intent): Promise<void> {
    this.log.info('Operation', { module: services.id, ...entry });
    try {
      await services.audit.append({ jobName: undefined, executionId: undefined, ...entry });
    } catch (error) {
      this.log.error('Operation not recorded in the audit', { ...entry, reason: String(error) });
    }
  }
}

const started = ({ jobExecutionId }: Answer) => (jobExecutionId === undefined ? {} : { executionId: jobExecutionId });

/** Every audited route has a permission for a rule, so the guard has set the user. */
function usernameOf({ user }: FastifyRequest): string {
  if (!user) throw new Error('A guarded route was reached without a user.');
  return user.username;
}
