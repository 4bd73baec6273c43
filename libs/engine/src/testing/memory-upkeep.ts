import { COUNT_NAMES, isRunning, NO_COUNTS, type ExecutionId } from '#domain';
import type {
  DatabaseStore,
  ExecutionRef,
  Forgotten,
  MaintenanceStore,
  RecoveryStore,
  RetentionStore,
  SettlementStore,
  VerifyStore,
} from '../store.port.js';
import type { Memory } from './memory.js';
import { begunPartition, begunStep, type ExecutionState } from './memory-state.js';

/** Executions that one call looks at when a database has gone back. */
const MARKED_A_CALL = 1_000;

const refOf = ({ id, uuid }: ExecutionState): ExecutionRef => ({ id, uuid });

/** Deletes what is too old, or too much. */
export function memoryRetention(memory: Memory): RetentionStore {
  return {
    async expired(status, ageMs, keep, limit) {
      const ended = [...memory.state.executions.values()]
        .filter((one) => one.status === status)
        .toSorted((a, b) => a.statusAt - b.statusAt || a.id - b.id);
      const old = ended.filter(({ statusAt }) => memory.now - statusAt > ageMs).length;
      const many = ended.length - Math.min(keep, ended.length);
      return ended.slice(0, Math.min(Math.max(old, many), limit)).map(({ id }) => id);
    },

    forget: async (id, most, evenUnsettled = false) => forget(memory, id, most, evenUnsettled),

    async forgottenFor(ms, limit) {
      return [...memory.state.forgotten]
        .filter(([, { since }]) => memory.now - since >= ms)
        .slice(0, limit)
        .map(([uuid, { instanceUuid, instanceGone }]) => ({ uuid, instanceUuid, instanceGone }));
    },

    async purged({ uuid }) {
      memory.state.forgotten.delete(uuid);
    },
  };
}

function forget(memory: Memory, id: ExecutionId, most: number, evenUnsettled: boolean): Forgotten {
  const execution = memory.find({ id });
  if (!execution) return 'gone';
  if (isRunning(execution.status)) return 'running';
  if (!evenUnsettled && execution.unsettledSince !== undefined) return 'unsettled';
  execution.unsettledSince = undefined;
  if (!forgetSteps(execution, most)) return 'more';
  const instance = memory.instanceOf(execution);
  instance.executions = instance.executions.filter((other) => other !== id);
  const instanceGone = instance.executions.length === 0;
  memory.state.executions.delete(id);
  memory.state.forgotten.set(execution.uuid, { instanceUuid: instance.uuid, instanceGone, since: memory.now });
  if (!instanceGone) return 'done';
  memory.state.instances.delete(instance.id);
  for (const [key, owner] of memory.state.identities) if (owner === instance.id) memory.state.identities.delete(key);
  return 'done';
}

/** Deletes at most so many step executions, the newest first. @returns whether that was all */
function forgetSteps({ steps }: ExecutionState, most: number): boolean {
  let left = most;
  for (const [name, { partitions }] of [...steps].toReversed()) {
    for (const partition of [...partitions.keys()].toReversed()) {
      if (left-- <= 0) return false;
      partitions.delete(partition);
    }
    if (left-- <= 0) return false;
    steps.delete(name);
  }
  return true;
}

/** Brings the counts of ended executions to what their databases hold. */
export function memorySettlement(memory: Memory): Omit<SettlementStore, 'load'> {
  const unsettled = (): ExecutionState[] =>
    [...memory.state.executions.values()]
      .filter(({ unsettledSince }) => unsettledSince !== undefined)
      .toSorted((a, b) => a.unsettledSince! - b.unsettledSince!);
  return {
    async unsettledFor(ms, limit) {
      return unsettled()
        .filter(({ unsettledSince }) => memory.now - unsettledSince! >= ms)
        .slice(0, limit)
        .map(refOf);
    },
    async settleLater(ref) {
      const execution = memory.find(ref);
      if (execution?.unsettledSince !== undefined) execution.unsettledSince = memory.now;
    },
    async unsettledBefore(instanceId, id) {
      return unsettled()
        .filter((one) => one.instanceId === instanceId && one.id < id)
        .map(refOf);
    },
    async stepCounts(ref) {
      return memory.countsOfStep(memory.find(ref)?.steps.get(ref.step));
    },
    async settle(ref, counts) {
      const execution = memory.find(ref);
      if (!execution || isRunning(execution.status) || execution.unsettledSince === undefined) return;
      const stopped = { status: 'STOPPED', endTime: memory.now } as const;
      const step = execution.steps.get(ref.step) ?? { ...begunStep(memory.now), ...stopped };
      execution.steps.set(ref.step, step);
      const label = memory.history(execution, ref.step).plan[ref.partition]?.label ?? `Partition ${ref.partition}`;
      const known = step.partitions.get(ref.partition);
      if (!known) step.partitions.set(ref.partition, { ...begunPartition(memory.now, label, NO_COUNTS), ...stopped });
      memory.setCounts(execution, ref.step, ref.partition, counts);
    },
    async settled(ref, steps) {
      const execution = memory.find(ref);
      if (!execution) return;
      const isBelow = steps.some(({ step, counts }) => {
        const known = memory.countsOfStep(execution.steps.get(step));
        return COUNT_NAMES.some((name) => known[name] < counts[name]);
      });
      if (!isBelow) execution.unsettledSince = undefined;
    },
  };
}

/** Finds, and ends, what goes on no more. */
export function memoryRecovery(memory: Memory): RecoveryStore {
  return {
    async silentFor(ms, limit) {
      return [...memory.state.executions.values()]
        .filter(({ status, progressAt }) => isRunning(status) && memory.now - progressAt >= ms)
        .toSorted((a, b) => a.progressAt - b.progressAt)
        .slice(0, limit)
        .map((one) => ({
          ...refOf(one),
          silentMs: memory.now - one.progressAt,
          handedBack: one.handedBack && { forMs: memory.now - one.handedBack.since, reason: one.handedBack.reason },
        }));
    },
    async fail(ref, { stepName, message }) {
      const execution = memory.findRunning(ref);
      if (!execution) return 'unchanged';
      memory.addFailure(execution, stepName, message);
      memory.describeFailure(execution);
      memory.endAtOnce(execution, 'FAILED');
      return 'changed';
    },
  };
}

/** Where each database was last seen to stand. */
export function memoryDatabases(memory: Memory): DatabaseStore {
  return {
    async knownMark(ledger) {
      const known = memory.state.databases.get(ledger);
      return known && { ...known };
    },
    async databaseWentBack(ledger, now) {
      const lost = [...memory.state.executions.values()].filter(({ seals }) => {
        const seal = seals.get(ledger);
        return seal && (seal.database !== now.database || seal.mark > now.mark);
      });
      for (const execution of lost.slice(0, MARKED_A_CALL)) {
        execution.databaseWentBack ??= memory.now;
        execution.seals.delete(ledger);
      }
      memory.state.databases.set(ledger, { ...now });
      return Math.min(lost.length, MARKED_A_CALL);
    },
  };
}

export function memoryVerify(memory: Memory): Pick<VerifyStore, 'planProgress'> {
  return {
    async planProgress(instanceId, step) {
      const known = memory.state.instances.get(instanceId)?.steps.get(step);
      if (!known?.planned) return { planned: false, partitions: 0, completed: 0 };
      return { planned: true, partitions: known.plan.length, completed: known.done.size };
    },
  };
}

export function memoryMaintenance(memory: Memory): MaintenanceStore {
  return {
    async takeTurn(task, everyMs) {
      const last = memory.state.turns.get(task);
      if (last !== undefined && memory.now - last < everyMs) return false;
      memory.state.turns.set(task, memory.now);
      return true;
    },
    async lastTurn(task) {
      const last = memory.state.turns.get(task);
      return last === undefined ? undefined : memory.now - last;
    },
  };
}
