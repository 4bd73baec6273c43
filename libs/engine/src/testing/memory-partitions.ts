import { isRunning, NO_COUNTS, partitionStepName, type Counts } from '#domain';
import type { Announcement, Claim, HandBackStore, PartitionEnd, PartitionRef, PartitionStore } from '../store.port.js';
import { forceStopIn } from './memory-operations.js';
import type { Memory } from './memory.js';
import { begunPartition, type ExecutionState, type PartitionState, type StepState } from './memory-state.js';

/** The sink's fences count by the thousand: attempts that found the sink unavailable come in between. */
const SINK_FENCE = 1_000;

interface Found {
  execution: ExecutionState;
  step: StepState | undefined;
  known: PartitionState | undefined;
}

/** What the runner of a partition does. */
export function memoryPartitions(memory: Memory): Omit<PartitionStore, 'load'> & HandBackStore {
  const find = (ref: PartitionRef): Found | undefined => {
    const execution = memory.find(ref);
    const step = execution?.steps.get(ref.step);
    return execution && { execution, step, known: step?.partitions.get(ref.partition) };
  };
  const findRunning = (ref: PartitionRef): Found | undefined => {
    const found = find(ref);
    return found && isRunning(found.execution.status) ? found : undefined;
  };

  return {
    stopIfRunning: async (ref, by) => forceStopIn(memory, ref, by, true),
    async needsJob(ref) {
      const execution = memory.findRunning(ref);
      return execution !== undefined && execution.status !== 'STOPPING';
    },

    async claim(ref, fence) {
      const found = findRunning(ref);
      if (!found?.step) return { kind: 'gone' };
      return claim(memory, ref, found as Required<Found> & { step: StepState }, fence);
    },

    async isAwaited(ref) {
      const found = findRunning(ref);
      return found?.step !== undefined && isInFlight(found.step, ref.partition);
    },

    holds: async (ref, fence) => findRunning(ref)?.known?.fence === fence,

    async progress(ref, fence, counts, checkpoint) {
      const found = find(ref);
      if (found?.known?.fence !== fence) return 'superseded';
      const { execution, step, known } = found;
      if (checkpoint) {
        const more = counts.skipCount - known.counts.skipCount;
        const skips = memory.countsOfStep(step).skipCount + more;
        if (more > 0 && skips > checkpoint.skipLimit) return 'skip-limit';
        // One that was force-stopped must not move a restart's position back.
        if (memory.latestOf(memory.instanceOf(execution)) === execution.id) {
          memory.history(execution, ref.step).positions.set(ref.partition, structuredClone(checkpoint.position));
        }
      }
      // What was committed before a force stop counts, although the execution has ended.
      memory.setCounts(execution, ref.step, ref.partition, counts);
      known.attempts = 0;
      if (!isRunning(execution.status)) return 'superseded';
      return execution.status === 'STARTED' ? 'go-on' : 'stop';
    },

    async finish(ref, fence, end) {
      const found = findRunning(ref);
      if (found?.known?.fence !== fence || !found.step) return undefined;
      if (end.status === 'STOPPED' && found.execution.status !== 'STOPPING') return undefined;
      if (found.known.status === 'STARTED' && isInFlight(found.step, ref.partition)) {
        finish(memory, ref, found as { execution: ExecutionState; step: StepState; known: PartitionState }, end);
      }
      return announcement(found.step, ref.partition);
    },

    async noteHandedBack(ref, reason) {
      const execution = memory.findRunning(ref);
      if (execution) execution.handedBack = { since: execution.handedBack?.since ?? memory.now, reason };
    },
  };
}

const isInFlight = ({ status, inFlight }: StepState, partition: number): boolean =>
  status === 'STARTED' && inFlight.has(partition);

function claim(
  memory: Memory,
  { step: stepName, partition }: PartitionRef,
  { execution, step, known }: Found & { step: StepState },
  sinkFence: number | undefined,
): Claim {
  if (!isInFlight(step, partition)) {
    return known ? { kind: 'finished', announcement: announcement(step, partition) } : { kind: 'gone' };
  }
  const history = memory.history(execution, stepName);
  const fence = sinkFence === undefined ? (known?.fence ?? 0) + 1 : sinkFence * SINK_FENCE;
  if (fence < (known?.fence ?? 0)) return { kind: 'superseded' };
  const planned = history.plan[partition];
  if (!planned) return { kind: 'gone' };
  const attempt = known ?? begunPartition(memory.now, planned.label, NO_COUNTS);
  step.partitions.set(partition, attempt);
  if (attempt.status !== 'STARTED') {
    Object.assign(attempt, { status: 'STARTED', endTime: undefined, failure: undefined, lastUpdatedTime: memory.now });
  }
  attempt.fence = fence;
  attempt.attempts++;
  execution.handedBack = undefined;
  memory.touch(execution);
  const counts: Counts = { ...attempt.counts };
  if (execution.status === 'STOPPING') return { kind: 'stopping', fence, counts };
  const position = history.positions.get(partition);
  return structuredClone({ kind: 'run', fence, attempts: attempt.attempts, partition: planned, position, counts });
}

function finish(
  memory: Memory,
  { step: stepName, partition }: PartitionRef,
  { execution, step, known }: { execution: ExecutionState; step: StepState; known: PartitionState },
  { status, counts, failure }: PartitionEnd,
): void {
  memory.setCounts(execution, stepName, partition, counts);
  memory.end(known, status);
  step.inFlight.delete(partition);
  const history = memory.history(execution, stepName);
  if (status === 'COMPLETED') {
    history.done.add(partition);
    history.positions.delete(partition);
  }
  if (status === 'FAILED') {
    known.failure = failure;
    memory.addFailure(execution, partitionStepName(stepName, known.label), failure ?? '');
  }
  known.successor = execution.status === 'STARTED' ? memory.takeNext(execution, stepName) : undefined;
}

/** The successor was recorded with the finish, so a redelivery makes good a finisher that died before it queued it. */
function announcement(step: StepState, partition: number): Announcement {
  const successor = step.partitions.get(partition)?.successor;
  return {
    successor: successor !== undefined && isInFlight(step, successor) ? successor : undefined,
    stepDone: step.inFlight.size === 0,
  };
}
