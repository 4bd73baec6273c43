import {
  decideAbandon,
  decideForceStop,
  decideRestart,
  decideStart,
  decideStop,
  isRunning,
  LongshoreError,
  type ExecutionId,
  type Refusal,
} from '#domain';
import { reach, type Job, type JobParameters, type JobRegistry, type Log } from '#job-kit';
import { messageOf } from './describe-error.js';
import { digest } from './digest.js';
import { executionDeleted, keyOf, keyReused, startedBefore } from './idempotency.js';
import type { JobOperations, Started, StartRequest, VerifyReport } from './operator.port.js';
import type { ExecutionRecord } from './records.js';
import { forgetExecution } from './retention.js';
import { Settlement } from './settlement.js';
import { sinksOf, type Sinks } from './sinks.js';
import type { ExecutionRef, Launch, OperationStore, RetentionStore, SettlementStore } from './store.port.js';
import { verifyExecution, type VerifyStore } from './verification.js';
import type { Ambient, CancelChannel, Dispatcher } from './work.port.js';

export interface OperatorParts {
  jobs: JobRegistry;
  store: OperationStore & RetentionStore & SettlementStore & VerifyStore;
  dispatcher: Dispatcher;
  sinks: Sinks;
  cancel: CancelChannel;
  ambient: Ambient;
  log: Log;
}

/** How often a decision is taken anew because somebody else was faster. */
const MAX_DECISIONS = 10;

/** Starts, stops, restarts and abandons executions: decide by the domain, then compare and set, then dispatch. */
export class JobOperator implements JobOperations {
  readonly #settlement: Settlement;

  constructor(private readonly parts: OperatorParts) {
    this.#settlement = new Settlement(parts);
  }

  async start({ jobName, parameters, idempotencyKey, requestedBy, requestId }: StartRequest): Promise<Started> {
    const { jobs, store } = this.parts;
    const job = jobs.find(jobName);
    if (!job)
      throw new LongshoreError('UNKNOWN_JOB', `There is no job ${jobName} here. There are: ${jobs.names.join(', ')}.`);
    const idempotency =
      idempotencyKey === undefined ? undefined : keyOf(requestedBy, idempotencyKey, { jobName, parameters });
    // Asked first: a repeat gets its execution even if the parameters are no longer accepted.
    const before = idempotency && startedBefore(await store.findByKey(idempotency.key), idempotency);
    if (before) return before;
    const complete = job.complete(parameters);
    await job.check(complete);
    const identity = identityOf(job, complete);
    const launch = {
      jobName,
      definition: job.definition,
      parameters: complete,
      identity,
      restarts: undefined,
      idempotency,
      requestId,
    };

    return this.#untilDecided(async () => {
      // A repeated key finds its execution in the script itself, so it is asked before the identity is judged.
      if (identity !== undefined && idempotency === undefined) {
        unlessRefused(decideStart(await store.findByIdentity(jobName, identity)));
      }
      const started = await this.#launch(launch);
      if (!started && identity !== undefined) unlessRefused(decideStart(await store.findByIdentity(jobName, identity)));
      return started;
    });
  }

  async restart(id: ExecutionId, _requestedBy: string, requestId?: string): Promise<Started> {
    const { jobs, store } = this.parts;
    return this.#untilDecided(async () => {
      const execution = await this.#find(id);
      const { instanceId, jobName } = execution;
      const latest = (await store.findLatest(instanceId)) ?? execution;
      const job = jobs.find(jobName);
      const steps = await this.#stepStarts(job, execution);
      const { definition, abandoned } = latest;
      unlessRefused(decideRestart({ execution, latest, abandoned, definition, job, jobName, steps }));
      return this.#launch({
        jobName,
        definition: job!.definition,
        parameters: parametersForRestart(job!, latest),
        identity: undefined,
        restarts: { instanceId, executionId: latest.id, status: latest.status },
        idempotency: undefined,
        requestId,
      });
    });
  }

  async stop(id: ExecutionId, _requestedBy: string, requestId?: string): Promise<void> {
    const { store, cancel } = this.parts;
    await this.#untilDecided(async () => {
      const execution = await this.#find(id);
      const decision = unlessRefused(decideStop(execution));
      if (decision.kind === 'stop' && !(await store.stop(id, requestId))) return undefined;
      await this.#unlessUnavailable('announced', execution, () => cancel.announce(execution, 'stop'));
      await this.#dispatch(execution, 'stop');
      return true;
    });
  }

  async forceStop(id: ExecutionId, requestedBy: string, requestId?: string): Promise<void> {
    const { store, sinks, cancel } = this.parts;
    const execution = await this.#find(id);
    decideForceStop(execution); // Both of its answers go on: a repeat closes the gates again.
    await store.forceStop(execution, requestedBy, requestId);
    // A crash in between is repaired by the sweeper, or by asking again: that does the rest again.
    for (const { gate } of sinksOf(sinks, execution)) await gate.close(execution);
    await cancel.announce(execution, 'force-stop');
    await this.#settlement.settle(execution);
  }

  async verify(id: ExecutionId): Promise<VerifyReport> {
    return verifyExecution(this.parts, await this.#find(id));
  }

  async abandon(id: ExecutionId, _requestedBy: string, requestId?: string): Promise<void> {
    await this.#untilDecided(async () => {
      const decision = unlessRefused(decideAbandon(await this.#find(id)));
      return decision.kind === 'already-abandoned' || (await this.parts.store.abandon(id, requestId)) || undefined;
    });
  }

  async delete(id: ExecutionId): Promise<void> {
    const execution = await this.#find(id);
    if (
      isRunning(execution.status) ||
      !(await forgetExecution({ store: this.parts.store, settlement: this.#settlement }, id))
    ) {
      throw new LongshoreError(
        'EXECUTION_STILL_RUNNING',
        `Execution ${id} is still running. Stop it first, then delete it.`,
      );
    }
  }

  async #find(id: ExecutionId): Promise<ExecutionRecord> {
    const execution = await this.parts.store.findExecution(id);
    if (!execution) throw new LongshoreError('UNKNOWN_EXECUTION', `There is no job execution ${id} in this module.`);
    return execution;
  }

  async #stepStarts(job: Job | undefined, { instanceId }: ExecutionRecord) {
    if (!job) return [];
    const history = await this.parts.store.stepHistory(
      instanceId,
      job.steps.map(({ name }) => name),
    );
    return job.steps.map((step, i) => ({
      name: step.name,
      startCount: history[i]?.startCount ?? 0,
      startLimit: step.startLimit ?? Infinity,
      runsAgain: !history[i]?.completed || step.allowStartIfComplete === true,
    }));
  }

  /** Creates the execution, then has a controller look at it. After a crash in between the sweeper does the rest. */
  async #launch(launch: Omit<Launch, 'uuid'>): Promise<Started | undefined> {
    const { store, ambient } = this.parts;
    const outcome = await store.launch({ ...launch, uuid: ambient.uuid() as Launch['uuid'] });
    switch (outcome.kind) {
      case 'changed':
        return undefined;
      case 'key-reused':
        throw keyReused();
      case 'key-deleted':
        throw executionDeleted(outcome);
      case 'repeated':
      case 'launched':
        reach('launched-not-queued');
        await this.#dispatch(outcome, 'start');
        return { executionId: outcome.id, executionUuid: outcome.uuid, repeated: outcome.kind === 'repeated' };
    }
  }

  async #dispatch(execution: ExecutionRef, reason: string): Promise<void> {
    await this.#unlessUnavailable('queued', execution, () => this.parts.dispatcher.control(execution, reason));
  }

  /** The change is made, so the call succeeds: the sweeper does what cannot be done now. */
  async #unlessUnavailable(what: string, { id }: ExecutionRef, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.parts.log.warn(`Not ${what}: the sweeper will`, { executionId: id, reason: messageOf(error) });
    }
  }

  /** Repeats a decision until nobody comes in between. */
  async #untilDecided<T>(decide: () => Promise<T | undefined>): Promise<T> {
    for (let i = 0; i < MAX_DECISIONS; i++) {
      const decided = await decide();
      if (decided !== undefined) return decided;
    }
    throw new LongshoreError(
      'CONCURRENT_CHANGE',
      'The execution keeps changing. Look at it again, then repeat the request.',
    );
  }
}

/** Throws a refusal; hands any other decision on. */
function unlessRefused<D extends { kind: string }>(decision: D | Refusal): Exclude<D, Refusal> {
  if ('why' in decision) throw new LongshoreError(decision.why, decision.message);
  return decision as Exclude<D, Refusal>;
}

/** As they were given, unless the job has a new version; refused here, before anything starts, where it does not accept them. */
function parametersForRestart(job: Job, { definition, parameters }: ExecutionRecord): JobParameters {
  const { version } = definition;
  return version === job.definition.version ? job.complete(parameters) : job.upgrade(parameters, version);
}

/** Hash of the identifying parameters; undefined where the job declares none, so that each start is a new instance. */
function identityOf(job: Job, parameters: JobParameters): string | undefined {
  if (job.identifying.length === 0) return undefined;
  return digest(job.identifying.toSorted().map((name) => [name, parameters[name] ?? null]));
}
