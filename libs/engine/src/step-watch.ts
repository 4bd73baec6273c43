import type { Delivery } from './delivery.js';
import type { StepRef, StepWorkStore } from './store.port.js';

export interface StepWatch {
  /** For the job's code: aborts when the work is to be left, for whatever reason. */
  signal: AbortSignal;
  /**
   * Aborts when the code is not waited for any longer than it takes to return. A worker that leaves waits for it: the next
   * attempt would run beside this one.
   */
  leave: AbortSignal;
  /** Whether that is because its execution was asked to stop. */
  stopped(): boolean;
  end(): void;
}

interface Watched {
  ref: StepRef;
  claim: { fence: number };
  delivery: Delivery;
}

/**
 * Tells a step's own work to leave. A stop is announced by a message, which may be lost, so the store is asked as well; to
 * be asked is also what shows it that the work is alive.
 */
export function watchStep(
  { store, watchMs }: { store: Pick<StepWorkStore, 'stepAlive'>; watchMs: number },
  { ref, claim, delivery }: Watched,
): StepWatch {
  const told = new AbortController();
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    told.abort();
  };
  const ask = async (): Promise<void> => {
    const answer = await store.stepAlive(ref, claim.fence);
    if (answer === 'stop') stop();
    if (answer === 'superseded') told.abort();
  };
  const timer = setInterval(() => void ask().catch(() => undefined), watchMs);
  timer.unref();
  if (delivery.stop.aborted) stop();
  else delivery.stop.addEventListener('abort', stop, { once: true });
  const leave = AbortSignal.any([told.signal, delivery.abort]);
  return {
    signal: AbortSignal.any([leave, delivery.drain]),
    leave,
    stopped: () => stopped,
    end: () => {
      clearInterval(timer);
      delivery.stop.removeEventListener('abort', stop);
    },
  };
}
