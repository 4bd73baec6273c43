import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { executionId, type ExecutionId } from '#domain';
import { messageOf, type AuditEntry } from '#engine';
import type { Logger } from '#platform';
import { FailedLogin } from '../auth/failed-login.js';
import { holds, PERMISSIONS } from '../auth/permissions.js';
import { LOG } from '../core.module.js';
import { Modules, type ModuleServices } from '../modules/modules.js';
import type { Problem } from '../problem/problem.js';
import type { RefusalListener } from '../problem/problem.filter.js';
import { requestedOperation, type RequestedOperation } from './requested-operation.js';

/** Longest message that is kept, in characters: a refusal may name very many bad fields. */
const LONGEST_MESSAGE = 1_000;

/** As much of an operation's answer as is recorded. */
export interface OperationAnswer {
  message: string;
  jobExecutionId?: number;
}

type Outcome = Pick<AuditEntry, 'outcome' | 'message'> & { executionId?: ExecutionId };

/**
 * Records who asked for which operation, when, from where, and with which answer: refusals too, unless it is not known
 * who asked, or the module does not exist. A refusal for lack of the permission is only logged: the audit keeps its newest
 * entries, and nobody without rights in a module may displace the others.
 */
@Injectable()
export class Audit implements RefusalListener {
  constructor(
    @Inject(LOG) private readonly log: Logger,
    @Inject(Modules) private readonly modules: Modules,
  ) {}

  /** Records an operation that was carried out. */
  async succeeded(request: FastifyRequest, { message, jobExecutionId: id }: OperationAnswer): Promise<void> {
    const started = id === undefined ? {} : { executionId: executionId(id) };
    await this.#record(request, { outcome: 'OK', message, ...started });
  }

  /** Records why an operation was refused, and failed logins. Does nothing for other requests. */
  async refused(request: FastifyRequest, problem: Problem): Promise<void> {
    // Not waited for: that would tell an existing user from an unknown one, by the time.
    if (problem instanceof FailedLogin) return void this.#recordLogin(request, problem);
    const { code, message } = problem;
    const recorded = this.#record(request, { outcome: code, message }, code !== 'MISSING_PERMISSION');
    // Where Redis is unavailable, recording fails too: the caller does not wait for that a second time.
    if (code !== 'SERVICE_UNAVAILABLE') await recorded;
  }

  async #record(request: FastifyRequest, { message, ...outcome }: Outcome, keep = true): Promise<void> {
    const operation = requestedOperation(request);
    if (!operation || !request.caller) return;
    const services = this.modules.find((request.params as { module_id: string }).module_id);
    if (!services) return;
    const entry = {
      ...request.caller,
      remoteAddress: request.ip,
      ...operation,
      ...outcome,
      message: message.slice(0, LONGEST_MESSAGE),
    };
    this.log.info('Operation', { module: services.id, ...entry });
    if (keep) await this.#append(services, entry);
  }

  /**
   * Records the first failed login with the name of a user who has rights in the module, and then the second, fourth,
   * eighth … in a row: so guesses cannot displace the other entries. All are logged.
   */
  async #recordLogin(request: FastifyRequest, { user, failures, code }: FailedLogin): Promise<void> {
    const services = this.modules.find((request.params as { module_id?: string }).module_id ?? '');
    const isRecorded = Number.isInteger(Math.log2(failures));
    if (!user || !services || !isRecorded || !PERMISSIONS.some((name) => holds(user, name, services.id))) return;
    await this.#append(services, {
      time: Date.now(),
      username: user.username,
      remoteAddress: request.ip,
      operation: 'login',
      jobName: undefined,
      executionId: undefined,
      outcome: code,
      message: failures === 1 ? 'Wrong password.' : `Wrong password, ${failures} times in a row.`,
    });
  }

  /** An operation that was carried out is not undone because it could not be recorded: then only the log has it. */
  async #append(
    services: ModuleServices,
    entry: Omit<AuditEntry, 'executionId'> & Pick<RequestedOperation, 'executionId'>,
  ): Promise<void> {
    try {
      await services.audit.append({ ...entry, jobName: entry.jobName ?? (await jobNameOf(services, entry)) });
    } catch (error) {
      this.log.error('Operation not recorded in the audit', { ...entry, reason: messageOf(error) });
    }
  }
}

/** The job of the execution that was asked about, if it exists. */
async function jobNameOf(
  { reader }: ModuleServices,
  { executionId: id }: Pick<RequestedOperation, 'executionId'>,
): Promise<string | undefined> {
  return id === undefined ? undefined : (await reader.findExecution(id))?.jobName;
}
