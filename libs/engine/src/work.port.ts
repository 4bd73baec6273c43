import type { Counts } from '#domain';
import type { ExecutionRef, PartitionRef } from './store.port.js';

/** Puts work into the queues. Adding what is there already changes nothing. */
export interface Dispatcher {
  /** Has a controller look at the execution. `reason` makes repeated deliveries of one cause one job. */
  control(execution: ExecutionRef, reason: string): Promise<void>;
  partitions(refs: readonly PartitionRef[]): Promise<void>;
}

/** PostgreSQL's word on whether an execution may write. Gates only ever go from open to closed. */
export interface Gates {
  /** Closes the gates of the instance's other executions, then opens this one's, unless it was closed already. */
  open(execution: { uuid: string; instanceUuid: string }): Promise<void>;
  close(execution: { uuid: string; instanceUuid: string }): Promise<void>;
}

/** What PostgreSQL knows an execution by. */
export interface LedgerKey {
  uuid: string;
  instanceUuid: string;
}

/** What PostgreSQL's checkpoints say of an execution. */
export interface Ledger {
  /** What it has committed in a step, over the partitions that it was the last to claim. */
  total(execution: LedgerKey, stepName: string): Promise<Counts>;
  /** The same, partition by partition. */
  committed(execution: LedgerKey, stepName: string): Promise<Map<number, Counts>>;
  /** Forgets an ended execution; with `instanceGone` the checkpoints of its instance too. Imported rows stay. */
  forget(execution: LedgerKey & { instanceGone: boolean }): Promise<void>;
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
