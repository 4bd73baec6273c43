import type { ExecutionRef, PartitionRef } from './store.port.js';

/** Puts work into the queues. Adding what is there already changes nothing. */
export interface Dispatcher {
  /** Has a controller look at the execution. `reason` makes repeated deliveries of one cause one job. */
  control(execution: ExecutionRef, reason: string): Promise<void>;
  partitions(refs: readonly PartitionRef[]): Promise<void>;
}

/** PostgreSQL's word on whether an execution may write. Gates only ever go from open to closed. */
export interface Gates {
  open(uuid: string): Promise<void>;
  close(uuid: string): Promise<void>;
}

/** Tells busy workers at once that an execution was stopped; the hash is the truth, this only saves time. */
export interface CancelChannel {
  announce(execution: ExecutionRef): Promise<void>;
}

/** Time and ids, injected. */
export interface Ambient {
  /** Milliseconds since the epoch. */
  now(): number;
  uuid(): string;
}
