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

/** One attempt at a partition, as a transactional sink is told of it. */
export interface PartitionAttempt {
  instanceUuid: string;
  executionUuid: string;
  stepName: string;
  partition: number;
  /** Most skips the whole step may have in this execution. */
  skipLimit: number;
}

/**
 * A place to write to, whose transactions hold a chunk's items *and* the checkpoint, so that a chunk is written
 * exactly once. The sink is the authority over the fence.
 */
export interface TransactionalSink<O> {
  /**
   * Begins an attempt: raises the partition's fence, so that every earlier attempt is superseded.
   *
   * @throws GateClosedError; SupersededError if a newer attempt came first; TransientError where a repeat may help
   */
  open(attempt: PartitionAttempt): Promise<SinkSession<O>>;
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
  close(): Promise<void>;
}

/** A living attempt took over, or the execution was force-stopped: leave quietly. */
export class SupersededError extends Error {
  override readonly name: string = 'SupersededError';
}

/** The execution's gate is closed: it was force-stopped, or has ended. */
export class GateClosedError extends SupersededError {}

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
  override readonly name = 'TransientError';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}
