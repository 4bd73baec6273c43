import { isRunning } from '#domain';
import type { StepRef, StepWorkEnd, StepWorkStore } from '../store.port.js';
import { closeStep } from './memory-control.js';
import type { Memory } from './memory.js';
import type { ExecutionState, InstanceStep, StepState } from './memory-state.js';

/** What an attempt works on, while it is the newest. */
interface Worked {
  execution: ExecutionState;
  step: StepState;
  history: InstanceStep;
}

const goOn = ({ status }: ExecutionState): 'go-on' | 'stop' => (status === 'STARTED' ? 'go-on' : 'stop');

/** What the runner of a step's own work does. */
export function memoryStepWork(memory: Memory): Omit<StepWorkStore, 'load'> {
  /** Undefined once the attempt is superseded. */
  const worked = (ref: StepRef, fence: number): Worked | undefined => {
    const execution = memory.findRunning(ref);
    const step = execution?.steps.get(ref.step);
    if (!execution || !step || step.work === 'none' || step.fence !== fence) return undefined;
    memory.touch(execution);
    return { execution, step, history: memory.history(execution, ref.step) };
  };
  /** The same, while the plan is not sealed. */
  const planning = (ref: StepRef, fence: number): Worked | undefined => {
    const found = worked(ref, fence);
    return found?.history.planned ? undefined : found;
  };

  return {
    async claimStep(ref) {
      const execution = memory.findRunning(ref);
      const step = execution?.steps.get(ref.step);
      if (!execution || !step) return { kind: 'gone' };
      if (step.status !== 'STARTED') return { kind: 'finished' };
      if (step.work === 'none') return { kind: memory.history(execution, ref.step).planned ? 'finished' : 'gone' };
      step.work = 'begun';
      step.attempts++;
      step.fence++;
      execution.handedBack = undefined;
      memory.touch(execution);
      const { fence, attempts } = step;
      return execution.status === 'STOPPING' ? { kind: 'stopping', fence } : { kind: 'run', fence, attempts };
    },

    async stepAlive(ref, fence) {
      const found = worked(ref, fence);
      return found ? goOn(found.execution) : 'superseded';
    },

    async leaveStep(ref, fence) {
      const found = worked(ref, fence);
      if (found) found.step.attempts = 0;
    },

    async beginPlan(ref, fence) {
      const found = planning(ref, fence);
      if (!found) return 'superseded';
      found.history.plan = [];
      return goOn(found.execution);
    },

    async appendPlan(ref, fence, offset, partitions) {
      const found = planning(ref, fence);
      if (!found) return 'superseded';
      const { plan } = found.history;
      // A repeat of the call finds its partitions there.
      if (plan.length === offset) plan.push(...structuredClone([...partitions]));
      else if (plan.length !== offset + partitions.length) return 'superseded';
      return goOn(found.execution);
    },

    async setResult(ref, fence, name, value) {
      const found = worked(ref, fence);
      found?.execution.results.set(name, structuredClone(value));
      return found !== undefined;
    },

    async finishStep(ref, fence, end, plan) {
      const found = worked(ref, fence);
      if (!found) return repeated(memory, ref, fence, end);
      const { execution, step, history } = found;
      if (end.status !== 'PLANNED') {
        if (end.status === 'STOPPED' && execution.status !== 'STOPPING') return undefined;
        closeStep(memory, execution, ref.step, end);
        return [];
      }
      if (history.plan.length !== plan?.partitions) return undefined;
      history.planned = true;
      Object.assign(step, { work: 'none', attempts: 0 });
      if (execution.status === 'STARTED') memory.fillWindow(execution, ref.step, plan.window);
      return memory.inFlightOf(step);
    },
  };
}

/** A repeat of the call gives the same answer, as long as no newer attempt has the work. */
function repeated(memory: Memory, ref: StepRef, fence: number, end: StepWorkEnd): number[] | undefined {
  const execution = memory.find(ref);
  const step = execution?.steps.get(ref.step);
  if (!execution || !step || !isRunning(execution.status) || step.work !== 'none' || step.fence !== fence) {
    return undefined;
  }
  const isPlanned = end.status === 'PLANNED' && memory.history(execution, ref.step).planned;
  return isPlanned || step.status === end.status ? memory.inFlightOf(step) : undefined;
}
