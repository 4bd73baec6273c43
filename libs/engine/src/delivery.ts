/** A queue's delivery of one piece of work. */
export interface Delivery {
  /** The same in each redelivery of one job. */
  id: string;
  /** Tries so far, this one included, in the job's whole life: 1 and up. */
  tries: number;
  /** Aborts when the work must be left at once: the lock is lost, or the execution was force-stopped. */
  abort: AbortSignal;
  /** Aborts when the worker wants to leave: hand the work back at the next boundary. */
  drain: AbortSignal;
}

/** The worker leaves: the queue gives this work to another, without spending a try. */
export class HandBackError extends Error {
  override readonly name = 'HandBackError';
}

/** A job's own code failed for good: the step fails with this message. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
}

/** This attempt can do no more, but the work still waits: the queue is to deliver it again. */
export class RepeatError extends Error {
  override readonly name = 'RepeatError';
}
