/** A kind of fault: how often it is drawn relative to the others, its possible targets, and how long it lasts. */
export interface FaultKind {
  weight: number;
  targets: readonly string[];
  /** Shortest and longest, in ms: until a killed process is started again, a frozen one continues, a cut network is restored, a disturbed worker is replaced. */
  forMs: readonly [number, number];
}

export const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;
export const GATEWAY = 'gateway';

/** How long a silent worker keeps its jobs in a chaos run, in ms: short, so that much happens. */
export const LOCK_MS = 2_000;
const LONGER_THAN_THE_LOCK = [LOCK_MS + 500, 3 * LOCK_MS] as const;
const SOON = [0, 2_000] as const;
const AT_ONCE = [0, 0] as const;

/** How long a worker's file system hangs. Time limits of file operations must lie within it to be seen. */
const HUNG_MS = [20_000, 60_000] as const;
/** Around the interval at which a running worker compares its clock: some are noticed while they run, some at the next boot. */
const WRONG_CLOCK_MS = [10_000, 40_000] as const;

/** How far the clock of a worker is off, in ms. */
const HOUR_MS = 3_600_000;
export const CLOCK_SHIFTS = {
  'clock an hour ahead': HOUR_MS,
  'clock an hour behind': -HOUR_MS,
  'clock 91 days ahead': 91 * 24 * HOUR_MS,
} as const;

/** Every fault that is drawn at random. */
export const DRAWN_FAULTS = {
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
  'clock an hour ahead': { weight: 1, targets: WORKERS, forMs: WRONG_CLOCK_MS },
  'clock an hour behind': { weight: 1, targets: WORKERS, forMs: WRONG_CLOCK_MS },
  'clock 91 days ahead': { weight: 1, targets: WORKERS, forMs: WRONG_CLOCK_MS },
  'hung reads': { weight: 1, targets: WORKERS, forMs: HUNG_MS },
} as const satisfies Record<string, FaultKind>;

/** Faults that come once in each ten minutes of a run, since they take minutes: `weight` does not apply. */
export const RARE_FAULTS = {
  'PostgreSQL unavailable for minutes': { weight: 0, targets: ['postgres'], forMs: [120_000, 180_000] },
} as const satisfies Record<string, FaultKind>;

/** Every fault of a chaos run. */
export const FAULT_KINDS = { ...DRAWN_FAULTS, ...RARE_FAULTS };

export type FaultName = keyof typeof FAULT_KINDS;
