/** Keeps a lease alive until it is stopped, and tells when it could not. */
export interface HeldLease {
  lost: AbortSignal;
  stop(): void;
}

/** Renews a lease three times in its lifetime. */
export function holdLease(renew: () => Promise<void>, leaseMs: number): HeldLease {
  const lost = new AbortController();
  const timer = setInterval(() => {
    renew().catch((error: unknown) => lost.abort(error));
  }, leaseMs / 3);
  timer.unref();
  return { lost: lost.signal, stop: () => clearInterval(timer) };
}
