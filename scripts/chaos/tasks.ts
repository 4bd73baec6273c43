import type { Listed } from './answer.js';
import type { TaskShape } from './plan.js';
import type { Expected } from './source.js';

/** A job instance that the run has started, and what is known about it. */
export interface Task {
  number: number;
  shape: TaskShape;
  /** The expected outcome of an import. */
  expected: Expected | undefined;
  /** UUID of its first execution, once the start is acknowledged. */
  uuid: string | undefined;
  /** Its executions as last seen, newest first. */
  executions: readonly Listed[];
  /** When its newest execution was first seen COMPLETED, in ms since the epoch. */
  completedAt: number | undefined;
  /** `verified`: its rows are still there. `done`: they are removed. `lost`: by a crash of Redis. */
  state: 'starting' | 'open' | 'verified' | 'done' | 'lost';
}

/** Every task of a run. */
export class Tasks {
  readonly all: Task[] = [];

  add(shape: TaskShape, expectedOf: (number: number) => Expected | undefined): Task {
    const number = this.all.length;
    const task: Task = {
      number,
      shape,
      expected: expectedOf(number),
      uuid: undefined,
      executions: [],
      completedAt: undefined,
      state: 'starting',
    };
    this.all.push(task);
    return task;
  }

  get open(): Task[] {
    return this.in('open');
  }

  in(wanted: Task['state']): Task[] {
    return this.all.filter(({ state }) => state === wanted);
  }

  /** How many can still complete. An abandoned one cannot. */
  get unfinished(): number {
    return this.all.filter(
      ({ state, executions }) => state === 'starting' || (state === 'open' && canComplete(executions)),
    ).length;
  }

  /** One of the open tasks that an operation may be tried on. @param choice which one: at least 0, less than 1 */
  pick(choice: number): Task | undefined {
    const candidates = this.open.filter(({ executions }) => executions.length > 0 && canComplete(executions));
    return candidates[Math.floor(choice * candidates.length)];
  }

  /** Stores the executions of one instance as they were listed, newest first. */
  update(executions: readonly Listed[], now: number): void {
    const task = this.all.find(({ uuid }) => executions.some(({ executionUUID }) => executionUUID === uuid));
    if (!task || task.state !== 'open') return;
    task.executions = executions;
    task.completedAt = executions[0]?.status === 'COMPLETED' ? (task.completedAt ?? now) : undefined;
  }
}

const canComplete = ([newest]: readonly Listed[]): boolean =>
  newest?.status !== 'COMPLETED' && newest?.status !== 'ABANDONED';
