import type { BatchStatus, StepFacts, StepDefinition } from '#domain';
import {
  LeaseLostError,
  type Change,
  type ControlStore,
  type Lease,
  type Reopened,
  type StepClaim,
  type StepWorkStore,
} from '#engine';
import type { PartitionRange } from '#job-kit';
import { loadExecution, type Access } from './access.js';
import { encodePartition } from './codec.js';
import { list, type Reply } from './script-runner.js';
import { LOST, type Arguments, type ScriptName } from './scripts/index.js';

/** Partitions that one script takes out of what is done. */
const REOPENED_A_CALL = 1_000;

/** What the controller of an execution does, while it holds the lease. */
export function controlStore(at: Access): ControlStore {
  const { run } = at;

  /** @throws LeaseLostError */
  async function held<S extends ScriptName>(name: S, given: Arguments<S> & { id: Lease['id'] }): Promise<Reply> {
    const answer = await run(name, given);
    if (answer === LOST) throw new LeaseLostError(`The lease on execution ${given.id} is lost.`);
    return answer;
  }

  /** Reopens what is COMPLETED of a range, so much a call, and adds it to what was reopened before. */
  async function reopenRange(
    { id, token }: Lease,
    step: string,
    [first, last]: PartitionRange,
    before: Reopened,
  ): Promise<Reopened> {
    let { partitions, times } = before;
    for (let next = first; next >= 0 && next <= last;) {
      const count = partitions === 0 ? '1' : '';
      const reply = await held('reopen', { id, token, step, first: next, last, most: REOPENED_A_CALL, count });
      const [some, goOn, counted] = list(reply).map(Number);
      partitions += some!;
      times = counted!;
      next = goOn!;
    }
    return { partitions, times };
  }

  return {
    load: (execution) => loadExecution(at, execution),

    async acquire({ id, uuid }, token, leaseMs) {
      const [kind, attempts] = list(await run('acquire', { id, token, uuid, leaseMs }));
      if (kind === 'acquired') return { kind, attempts: Number(attempts) };
      return { kind: kind === 'busy' ? 'busy' : 'gone' };
    },

    async renew({ id, token }, leaseMs) {
      await held('renew', { id, token, leaseMs });
    },

    async release({ id, token }) {
      return (await held('release', { id, token })) as 'released' | 'again';
    },

    async facts({ id, token }, steps) {
      const asked = steps.flatMap(({ name, rerun }) => [name, rerun ? '1' : '0']);
      const [status, ...found] = list(await held('facts', { id, token, steps: asked }));
      return { status: status as BatchStatus, steps: steps.map((step, i) => factsOf(step, list(found[i]))) };
    },

    async beginExecution({ id, token }) {
      return (await held('beginExecution', { id, token })) as Change;
    },

    async beginStep({ id, token }, step) {
      return (await held('beginStep', { id, token, step })) as Change;
    },

    async handOut({ id, token }, { name, kind }, window) {
      const [work, partitions] = list(await held('handOut', { id, token, step: name, kind, window }));
      return { work: work === 1, partitions: ascending(partitions) };
    },

    async endStep({ id, token }, step, { status, exitCode, failure }) {
      const { stepName: failedStep, message } = failure ?? {};
      return (await held('endStep', { id, token, step, status, exitCode, failedStep, message })) as Change;
    },

    async endExecution({ id, token }, { status, exitCode, failure }, seals = []) {
      const { stepName: failedStep, message } = failure ?? {};
      const flat = seals.flatMap(({ ledger, database, mark }) => [ledger, database, mark]);
      return (await held('endExecution', {
        id,
        token,
        status,
        exitCode,
        failedStep,
        message,
        seals: flat,
      })) as Change;
    },

    async reopen(lease, step, ranges) {
      let reopened: Reopened = { partitions: 0, times: 0 };
      for (const range of ranges) reopened = await reopenRange(lease, step, range, reopened);
      return reopened;
    },
  };
}

function factsOf({ name, kind }: StepDefinition, reply: Reply[]): StepFacts {
  const [status, skip, planned, partitions, inFlight, waiting, working, failed] = reply;
  return {
    name,
    kind,
    status: status === '' ? undefined : (status as BatchStatus),
    skip: skip === 1,
    planned: planned === 1,
    partitions: Number(partitions),
    inFlight: Number(inFlight),
    waiting: waiting === 1,
    working: working === 1,
    queued: false,
    partitionFailed: Number(failed) > 0,
  };
}

const ascending = (partitions: Reply | undefined): number[] =>
  list(partitions)
    .map(Number)
    .toSorted((a, b) => a - b);

type GoOn = 'go-on' | 'stop' | 'superseded';

/** What the runner of a step's own work does: its tasklet, or its planning. */
export function stepWorkStore(at: Access): Omit<StepWorkStore, 'load'> {
  const { run } = at;

  return {
    async claimStep({ id, uuid, step }) {
      const [kind, fence, attempts] = list(await run('claimStep', { id, uuid, step }));
      if (kind === 'run') return { kind, fence: Number(fence), attempts: Number(attempts) };
      if (kind === 'stopping') return { kind, fence: Number(fence) };
      return { kind: kind === 'finished' ? 'finished' : 'gone' } satisfies StepClaim;
    },

    async stepAlive({ id, uuid, step }, fence) {
      return (await run('stepAlive', { id, uuid, step, fence })) as GoOn;
    },

    async leaveStep({ id, uuid, step }, fence) {
      await run('leaveStep', { id, uuid, step, fence });
    },

    async beginPlan({ id, uuid, step }, fence) {
      return (await run('beginPlan', { id, uuid, step, fence })) as GoOn;
    },

    async appendPlan({ id, uuid, step }, fence, offset, partitions) {
      const rows = partitions.reduce((sum, partition) => sum + partition.rows, 0);
      const entries = partitions.map(encodePartition);
      return (await run('appendPlan', { id, uuid, step, fence, offset, rows, entries })) as GoOn;
    },

    async setResult({ id, uuid, step }, fence, name, value) {
      return (await run('setResult', { id, uuid, step, fence, name, value: JSON.stringify(value) })) === 1;
    },

    async finishStep({ id, uuid, step }, fence, end, plan) {
      const { exitCode, failure } = end.status === 'PLANNED' ? {} : end;
      const reply = await run('finishStep', {
        id,
        uuid,
        step,
        fence,
        status: end.status,
        exitCode,
        failedStep: failure?.stepName,
        message: failure?.message,
        partitions: plan?.partitions,
        window: plan?.window,
      });
      const [done, handedOut] = list(reply);
      return done === 1 ? ascending(handedOut) : undefined;
    },
  };
}
