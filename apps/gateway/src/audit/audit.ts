import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { executionId, type ExecutionId } from '#domain';
import type { AuditEntry } from '#engine';
import type { Logger } from '#platform';
import type { Caller } from '../auth/auth.guard.js';
import { LOG } from '../core.module.js';
import { Modules, type ModuleServices } from '../modules.js';
import type { Problem } from '../problem.js';
import { intentOf, type Intent } from './intent.js';

/** Longest message that is kept, in characters: a refusal may name very many bad fields. */
const LONGEST_MESSAGE = 1_000;

/** What the audit needs to see of an operation's answer. */
interface Answer {
  message: string;
  jobExecutionId?: number;
}

/** What became of an operation. */
type Outcome = Pick<AuditEntry, 'outcome' | 'message'> & { executionId?: ExecutionId };

/**
 * Leaves on record who asked for what, when, from where, and with which answer: refusals too, unless nobody knows who
 * asked, or the module is not there to keep them. Who lacks the permission is told of in the log alone: the record keeps
 * its newest entries, and nobody without rights in a module may push out the others.
 */
@Injectable()
export class Audit {
  constructor(
    @Inject(LOG) private readonly log: Logger,
    @Inject(Modules) private readonly modules: Modules,
  ) {}

  /** Carries an operation out and records it. What it throws is recorded where it is answered. */
  async record<A extends Answer>(request: FastifyRequest, operate: (username: string) => Promise<A>): Promise<A> {
    const answer = await operate(callerOf(request).username);
    await this.#record(request, { outcome: 'OK', message: answer.message, ...started(answer) });
    return answer;
  }

  /** Records why an operation was refused. Requests that ask for none leave nothing. */
  async refused(request: FastifyRequest, { code, message }: Problem): Promise<void> {
    const recorded = this.#record(request, { outcome: code, message }, code !== 'MISSING_PERMISSION');
    // Where Redis is away the record finds it away too: whoever asked does not wait for that a second time.
    if (code !== 'SERVICE_UNAVAILABLE') await recorded;
  }

  async #record(request: FastifyRequest, { message, ...outcome }: Outcome, keep = true): Promise<void> {
    const intent = intentOf(request);
    if (!intent || !request.caller) return;
    const services = this.modules.find((request.params as { module_id: string }).module_id);
    if (!services) return;
    const entry = {
      ...request.caller,
      remoteAddress: request.ip,
      ...intent,
      ...outcome,
      message: message.slice(0, LONGEST_MESSAGE),
    };
    this.log.info('Operation', { module: services.id, ...entry });
    if (keep) await this.#append(services, entry);
  }

  /** An operation that was carried out is not undone for want of its record: then the log alone has it. */
  async #append(services: ModuleServices, entry: Omit<AuditEntry, 'executionId'> & Intent): Promise<void> {
    try {
      await services.audit.append({ ...entry, jobName: entry.jobName ?? (await jobNameOf(services, entry)) });
    } catch (error) {
      this.log.error('Operation not recorded in the audit', { ...entry, reason: String(error) });
    }
  }
}

const started = ({ jobExecutionId }: Answer) =>
  jobExecutionId === undefined ? {} : { executionId: executionId(jobExecutionId) };

/** Every audited route has a permission for a rule, so the guard has set the caller. */
function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Error('A guarded route was reached without a caller.');
  return caller;
}

/** The job of the execution that was asked about, where there is one. */
async function jobNameOf({ reader }: ModuleServices, { executionId: id }: Intent): Promise<string | undefined> {
  return id === undefined ? undefined : (await reader.findExecution(id))?.jobName;
}
