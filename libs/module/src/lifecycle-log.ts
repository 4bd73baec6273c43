import type { TransitionEvent, TransitionListener } from '#engine';
import type { Logger } from '#platform';

/** One line for each transition of an execution or step, by the process that wrote it. A failure is a warning. */
export const lifecycleLog =
  (log: Pick<Logger, 'info' | 'warn'>): TransitionListener =>
  (event) =>
    log[event.to === 'FAILED' ? 'warn' : 'info'](event.type === 'step' ? 'Step' : 'Execution', fieldsOf(event));

/** What is undefined does not stand in the line. */
const fieldsOf = ({ executionId, uuid, job, jobVersion, step, from, to, requestId, end }: TransitionEvent) => ({
  executionId,
  executionUUID: uuid,
  job,
  jobVersion,
  step,
  from,
  status: to,
  exitCode: end?.exitCode,
  durationMs: end?.durationMs,
  ...end?.counts,
  failure: end?.failure,
  requestId,
});
