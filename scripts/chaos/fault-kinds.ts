/** A kind of fault: how often it is drawn relative to the others, its possible targets, and how long it lasts. */
export interface FaultKind {
  weight: number;
  targets: readonly string[];
  /** Shortest and longest, in ms: until a killed process is started again, a frozen one continues, a cut network is restored. */
  forMs: readonly [number, number];
}

export const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;
export const GATEWAY = 'gateway';

/** How long a silent worker keeps its jobs in a chaos run, in ms: short, so that much happens. */
export const LOCK_MS = 2_000;
const LONGER_THAN_THE_LOCK = [LOCK_MS + 500, 3 * LOCK_MS] as const;
const SOON = [0, 2_000] as const;
const AT_ONCE = [0, 0] as const;

/** Every fault of a chaos run. */
export const FAULT_KINDS = {
  'SIGKILL worker': { weight: 6, targets: WORKERS, forMs: SOON },
  'SIGKILL gateway': { weight: 3, targets: [GATEWAY], forMs: SOON },
  'SIGSTOP worker': { weight: 5, targets: WORKERS, forMs: LONGER_THAN_THE_LOCK },
  'SIGSTOP gateway': { weight: 1, targets: [GATEWAY], forMs: LONGER_THAN_THE_LOCK },
  'SIGTERM worker': { weight: 3, targets: WORKERS, forMs: SOON },
  'SIGTERM gateway': { weight: 1, targets: [GATEWAY], forMs: SOON },
  'kill Redis': { weight: 2, targets: ['redis'], forMs: SOON },
  'power loss of Redis': { weight: 2, targets: ['redis'], forMs: SOON },
  'cut Redis connections': { weight: 2, targets: ['redis'], forMs: AT_ONCE },
  'SCRIPT FLUSH': { weight: 1, targets: ['redis'], forMs: AT_ONCE },
  'lose queues': { weight: 2, targets: ['redis'], forMs: AT_ONCE },
  'kill PostgreSQL': { weight: 2, targets: ['postgres'], forMs: SOON },
  'PostgreSQL unavailable': { weight: 1, targets: ['postgres'], forMs: [20_000, 40_000] },
  'cut PostgreSQL connections': { weight: 2, targets: ['postgres'], forMs: AT_ONCE },
  'cut network': { weight: 2, targets: ['network'], forMs: [500, 5_000] },
  'half-open network': { weight: 2, targets: ['network'], forMs: LONGER_THAN_THE_LOCK },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof FAULT_KINDS;
