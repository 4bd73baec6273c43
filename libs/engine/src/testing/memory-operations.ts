import { isRunning, type ExecutionId, type InstanceId } from '#domain';
import type { ExecutionRecord } from '../records.js';
import type { ExecutionRef, ForceStopped, Launch, LaunchOutcome, OperationStore } from '../store.port.js';
import type { Memory } from './memory.js';
import type { ExecutionState, InstanceState } from './memory-state.js';
import { recordOf } from './memory-records.js';

const identityKey = (jobName: string, identity: string): string => JSON.stringify([jobName, identity]);

/** What operators ask of executions. */
export function memoryOperations(memory: Memory): OperationStore {
  const find = (id: ExecutionId | undefined): ExecutionRecord | undefined => {
    const found = id === undefined ? undefined : memory.find({ id });
    return found && recordOf(memory, found);
  };
  const findLatest = (id: InstanceId | undefined): ExecutionRecord | undefined => {
    const instance = id === undefined ? undefined : memory.state.instances.get(id);
    return instance && find(memory.latestOf(instance));
  };
  return {
    findExecution: async (id) => find(id),
    findLatest: async (id) => findLatest(id),
    findByIdentity: async (jobName, identity) =>
      findLatest(memory.state.identities.get(identityKey(jobName, identity))),

    async stepHistory(instanceId, steps) {
      const known = memory.state.instances.get(instanceId)?.steps;
      return steps.map((step) => {
        const { completed = false, startCount = 0 } = known?.get(step) ?? {};
        return { completed, startCount };
      });
    },

    launch: async (launch) => repeatOf(memory, launch) ?? launchIn(memory, launch),

    async stop(id) {
      const execution = memory.find({ id });
      if (!execution || !memory.become(execution, 'STOPPING')) return false;
      takeBack(execution);
      return true;
    },

    async findByKey(key) {
      const known = memory.state.idempotencyKeys.get(key);
      return known && { ...known, deleted: !memory.find(known) };
    },

    forceStop: async (ref, by) => forceStopIn(memory, ref, by),

    async abandon(id) {
      const execution = memory.find({ id });
      if (!execution || !memory.become(execution, 'ABANDONED')) return false;
      memory.instanceOf(execution).abandoned = true;
      return true;
    },
  };
}

/** What the idempotency key has started before. */
function repeatOf(memory: Memory, { idempotency }: Launch): LaunchOutcome | undefined {
  const known = idempotency && memory.state.idempotencyKeys.get(idempotency.key);
  if (!known) return undefined;
  if (known.fingerprint !== idempotency.fingerprint) return { kind: 'key-reused' };
  return { kind: memory.find(known) ? 'repeated' : 'key-deleted', id: known.id, uuid: known.uuid };
}

function launchIn(memory: Memory, launch: Launch): LaunchOutcome {
  const { state } = memory;
  const { uuid, identity, jobName, restarts, idempotency } = launch;
  if (restarts ? hasChanged(memory, restarts) : isTaken(memory, launch)) return { kind: 'changed' };
  const instance = restarts ? state.instances.get(restarts.instanceId)! : newInstance(memory, launch);
  if (!restarts && identity !== undefined) state.identities.set(identityKey(jobName, identity), instance.id);
  const execution = newExecution(memory, launch, instance);
  const { id } = execution;
  if (idempotency) state.idempotencyKeys.set(idempotency.key, { fingerprint: idempotency.fingerprint, id, uuid });
  return { kind: 'launched', id, uuid };
}

function hasChanged(memory: Memory, { instanceId, executionId, status }: NonNullable<Launch['restarts']>): boolean {
  const instance = memory.state.instances.get(instanceId);
  if (!instance || instance.abandoned) return true;
  return memory.latestOf(instance) !== executionId || memory.find({ id: executionId })?.status !== status;
}

const isTaken = ({ state }: Memory, { jobName, identity }: Launch): boolean =>
  identity !== undefined && state.identities.has(identityKey(jobName, identity));

function newInstance({ state }: Memory, { uuid, jobName, identity }: Launch): InstanceState {
  const id = ++state.lastInstanceId as InstanceId;
  const instance = { id, uuid, jobName, identity, abandoned: false, executions: [], steps: new Map() };
  state.instances.set(id, instance);
  return instance;
}

function newExecution(memory: Memory, launch: Launch, instance: InstanceState): ExecutionState {
  const { state, now } = memory;
  const { uuid, jobName, definition, parameters } = structuredClone(launch);
  const execution: ExecutionState = {
    id: ++state.lastExecutionId as ExecutionId,
    uuid,
    instanceId: instance.id,
    jobName,
    definition,
    parameters,
    isRestart: launch.restarts !== undefined,
    status: 'STARTING',
    exitCode: 'UNKNOWN',
    exitDescription: undefined,
    createTime: now,
    startTime: undefined,
    lastUpdatedTime: now,
    endTime: undefined,
    failures: [],
    results: new Map(),
    steps: new Map(),
    lease: undefined,
    nudged: false,
    attempts: 0,
    progressAt: now,
    statusAt: now,
    unsettledSince: undefined,
    handedBack: undefined,
    seals: new Map(),
    databaseWentBack: undefined,
  };
  state.executions.set(execution.id, execution);
  instance.executions.push(execution.id);
  return execution;
}

/** Work that no worker has begun is taken back. */
function takeBack(execution: ExecutionState): void {
  for (const step of execution.steps.values()) {
    if (step.work === 'waiting') step.work = 'none';
    for (const partition of step.inFlight) if (!step.partitions.has(partition)) step.inFlight.delete(partition);
  }
}

/** @param onlyRunning leaves one alone that has ended */
export function forceStopIn(
  memory: Memory,
  ref: ExecutionRef,
  by: string,
  onlyRunning = false,
): ForceStopped | undefined {
  const execution = memory.find(ref);
  if (!execution) return undefined;
  const { status: from } = execution;
  if (onlyRunning && !isRunning(from)) return { from };
  if (from === 'STOPPED') execution.unsettledSince ??= memory.now;
  else {
    memory.endAtOnce(execution, 'STOPPED');
    execution.seals.clear();
    execution.exitDescription = `Force-stopped by ${by} from ${from}`;
  }
  return { from };
}
