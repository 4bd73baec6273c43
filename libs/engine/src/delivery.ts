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
  /** Aborts when the execution was asked to stop. A message may be lost, so the store is asked as well. */
  stop: AbortSignal;
}

/** Why a delivery is to be left now, if it is. A leaving worker hands back even superseded work, which is harmless. */
export function leaveReason({ abort, drain }: Pick<Delivery, 'abort' | 'drain'>): 'drain' | 'abort' | undefined {
  if (drain.aborted) return 'drain';
  return abort.aborted ? 'abort' : undefined;
}
