import type { Counts, Json } from '#domain';

/** A share of a chunk step, as its plan stores it. */
export interface Partition {
  /** Names the partition within its step, e.g. `FILE0:Rows 0 - 99`. Unique in the plan, at most 200 characters. */
  label: string;
  /** How many items are expected; what progress is measured in. */
  rows: number;
  /** Whatever the reader needs to find its share again. Keep it small: it is stored once a partition. */
  data: Json;
}

/** Items read together, with the position behind them. */
export interface ReadChunk<I> {
  items: I[];
  /** Where to go on reading once these items are committed. */
  position: Json;
}

/** Reads one partition from a position on. */
export interface ChunkReader<I> {
  /**
   * The next items, at most `max` of them (a reader may return fewer, to bound memory), or undefined at the end.
   * Is called once more while the chunk before is being committed, never twice at a time.
   */
  read(max: number): Promise<ReadChunk<I> | undefined>;
  /** Frees what the reader holds; also called after an error. */
  close(): Promise<void>;
}

/** An item the processor refuses: it is kept aside and counts as a skip. */
export class Rejection {
  constructor(
    /** Why, e.g. `is not valid JSON`. */
    readonly reason: string,
    /** Where the item came from, e.g. `{ file: 'a.ndjson', row: 17 }`. */
    readonly where: RejectionPlace,
    /** The item's beginning, for a person to recognise it. */
    readonly excerpt: string,
  ) {}

  /** One sentence for a failure message. */
  get message(): string {
    return `${this.where.file}, row ${this.where.row}: ${this.reason}`;
  }
}

/** Where a rejected item came from. `row` counts from 0 within its file, as in step names. */
export interface RejectionPlace {
  file: string;
  row: number;
}

/** What a processor returns for an item that is left out on purpose. */
export const FILTERED: unique symbol = Symbol('filtered');

export type Processed<O> = O | typeof FILTERED | Rejection;

/** What goes into one transaction. */
export interface ProcessedChunk<O> {
  items: O[];
  rejections: Rejection[];
  readCount: number;
  filterCount: number;
  /** Chunks rolled back since the last commit: they are added to the counts with this one. */
  rollbackCount: number;
  position: Json;
}

/** One attempt at a partition, as a transactional sink gets it. */
export interface PartitionAttempt {
  instanceUuid: string;
  executionUuid: string;
  stepName: string;
  partition: number;
  /** Most skips the whole step may have in this execution. */
  skipLimit: number;
}

/** What a sink's database knows an execution by. */
export interface SinkExecution {
  uuid: string;
  /** UUID of its instance's first execution. */
  instanceUuid: string;
}

/** From `first` to `last`, both included: indexes of partitions in a plan. */
export type PartitionRange = readonly [first: number, last: number];

/**
 * A place to write to, whose transactions hold a chunk's items *and* the checkpoint, so that a chunk is written
 * exactly once. The sink is the authority over the fence, the gate and the ledger; sinks of one database share the last two.
 */
export interface TransactionalSink<O> {
  /**
   * Begins an attempt: raises the partition's fence, so that every earlier attempt is superseded.
   *
   * @throws GateClosedError; SupersededError if a newer attempt came first; TransientError where a repeat may help
   */
  open(attempt: PartitionAttempt): Promise<SinkSession<O>>;
  readonly gate: Gate;
  readonly ledger: Ledger;
}

export interface SinkSession<O> {
  /** This attempt's number: 1 and up, larger than that of every attempt before. */
  readonly fence: number;
  /** Where the last committed chunk ended; undefined if there is none. */
  readonly position: Json | undefined;
  /** What this execution has committed in this partition before this attempt. */
  readonly counts: Counts;
  /**
   * Writes the items, the rejections, the counts and the position in one transaction.
   *
   * @returns the partition's counts for this execution, with this chunk
   * @throws SupersededError, SkipLimitExceededError or TransientError; the database's own error where a repeat would not help.
   *   Whatever it throws, nothing of the chunk is committed, or (a connection lost in mid-commit) the next attempt finds out.
   */
  commit(chunk: ProcessedChunk<O>): Promise<Counts>;
  /**
   * Notes that the partition was read to its end. Is idempotent.
   *
   * @throws SupersededError, TransientError
   */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** The database's word on whether an execution may write. A gate only ever goes from open to closed. */
export interface Gate {
  /** Closes the gates of the instance's other executions, then opens this one's, unless it was closed already. */
  open(execution: SinkExecution): Promise<void>;
  /** Once this resolves, no attempt of the execution commits another row. */
  close(execution: SinkExecution): Promise<void>;
}

/** What a database's checkpoints say of executions. */
export interface Ledger {
  /** Names the database within its module, e.g. `postgres`: letters, digits and `-`. */
  readonly name: string;
  /** What the execution has committed in a step, over the partitions that it was the last to claim. */
  total(execution: SinkExecution, stepName: string): Promise<Counts>;
  /** The same, partition by partition. */
  committed(execution: SinkExecution, stepName: string): Promise<Map<number, Counts>>;
  /**
   * The partitions of the instance's step that must still run: those that the database does not know as finished, and
   * those that have to run once more so that each row is as the source has it. Ascending ranges; none if all is well.
   *
   * @param partitions how many the plan holds
   */
  missing(execution: SinkExecution, stepName: string, partitions: number): Promise<PartitionRange[]>;
  /** Notes that the execution has COMPLETED, and counts the mark up. A repeat returns the same. */
  seal(execution: SinkExecution): Promise<DatabaseMark>;
  /** Where the database stands. */
  mark(): Promise<DatabaseMark>;
  /** Compares what the checkpoints say of the instance's step with each other and with the table. */
  verify(execution: SinkExecution, stepName: string, partitions: number): Promise<LedgerReport>;
  /** Forgets an ended execution; with `instanceGone` the checkpoints of its instance too. Imported rows stay. */
  forget(execution: SinkExecution & { instanceGone: boolean }): Promise<void>;
}

/** How far a database has come. One whose mark is below one that was seen before was put back to an older state. */
export interface DatabaseMark {
  /** Names the database: another one under the same address has another name. */
  database: string;
  /** How many executions have been sealed in it. */
  mark: number;
}

export interface LedgerReport {
  /** Partitions known as finished. */
  finished: number;
  /** Whether the execution is known to have COMPLETED. */
  sealed: boolean;
  /** What is wrong, one sentence each; empty if the checkpoints agree with the table. */
  findings: string[];
}

/** A living attempt took over, or the execution was force-stopped: leave quietly. */
export class SupersededError extends Error {
  override readonly name: string = 'SupersededError';
}

/** The execution's gate is closed: it was force-stopped, or has ended. */
export class GateClosedError extends SupersededError {}

/** The database has no gate of this execution: it was put back to an older state, or the execution was deleted. */
export class GateMissingError extends SupersededError {}

/** More items were refused than `skipLimit` allows. */
export class SkipLimitExceededError extends Error {
  override readonly name = 'SkipLimitExceededError';

  constructor(
    limit: number,
    readonly rejection: Rejection,
  ) {
    super(`${rejection.message} (skipLimit ${limit} exceeded)`);
  }
}

/** Something that may go away by itself (a lost connection, a deadlock): the attempt is repeated with backoff. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** The database, or another service, cannot be reached. Everybody's work fails then, so it spends nobody's tries. */
export class UnavailableError extends TransientError {}
