import { NO_COUNTS, type Counts, type Json } from '#domain';
import { randomUUID } from 'node:crypto';
import {
  Rejection,
  type Ledger,
  type PartitionAttempt,
  type ProcessedChunk,
  type SinkExecution,
  type SinkSession,
  type TransactionalSink,
} from '../chunk.js';

/** A sink that is tested, and what the tests need to do to its database. */
export interface SinkUnderTest<O> {
  sink: TransactionalSink<O>;
  /** The item of this number, 0 and up, of an instance. The same number always is the same item. */
  item(instanceUuid: string, number: number): O;
  /**
   * The numbers of the items of an instance that the database holds, ascending. An item that was written twice is there
   * twice, unless the sink keeps one row a key.
   */
  stored(instanceUuid: string): Promise<number[]>;
  /** Makes the database unreachable. @returns makes it reachable again */
  disconnect(): Promise<() => Promise<void>>;
  /** Copies the database. @returns puts it back to the copy */
  backup(): Promise<() => Promise<void>>;
  close?(): Promise<void>;
}

/** A test of the contract, with a scene of its own. */
export type ContractTest = (name: string, body: (scene: Scene<unknown>) => Promise<void>) => void;

export const STEP = 'load';

export const countsWith = (changes: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...changes });

export const rejection = (row: number): Rejection =>
  new Rejection('is not valid', { file: 'a.ndjson', row }, `row ${row}`);

/** Uses a sink as the engine does. Instances are new ones, so that tests of one database do not meet. */
export class Scene<O> {
  readonly #sessions = new Set<SinkSession<O>>();

  constructor(readonly database: SinkUnderTest<O>) {}

  get sink(): TransactionalSink<O> {
    return this.database.sink;
  }

  get ledger(): Ledger {
    return this.database.sink.ledger;
  }

  /** The first execution of a new instance, whose gate was never opened. */
  unopened(): SinkExecution {
    const uuid = randomUUID();
    return { uuid, instanceUuid: uuid };
  }

  /** The first execution of a new instance, with its gate open. */
  async started(): Promise<SinkExecution> {
    const execution = this.unopened();
    await this.sink.gate.open(execution);
    return execution;
  }

  /** The next execution of the instance, with its gate open. */
  async restarted({ instanceUuid }: SinkExecution): Promise<SinkExecution> {
    const execution = { uuid: randomUUID(), instanceUuid };
    await this.sink.gate.open(execution);
    return execution;
  }

  /** Begins an attempt, at partition 0 of the step `load`, with no skips, unless stated otherwise. It is closed after the test. */
  async open(execution: SinkExecution, changes: Partial<PartitionAttempt> = {}): Promise<SinkSession<O>> {
    const { uuid: executionUuid, instanceUuid } = execution;
    const attempt = { instanceUuid, executionUuid, stepName: STEP, partition: 0, skipLimit: 0, ...changes };
    const session = await this.sink.open(attempt);
    this.#sessions.add(session);
    return session;
  }

  /** A chunk of the items of these numbers; its position is behind the last of them. */
  chunk(
    { instanceUuid }: SinkExecution,
    numbers: readonly number[],
    changes: Partial<ProcessedChunk<O>> = {},
  ): ProcessedChunk<O> {
    const { rejections = [], filterCount = 0 } = changes;
    return {
      items: numbers.map((number) => this.database.item(instanceUuid, number)),
      rejections,
      readCount: numbers.length + rejections.length + filterCount,
      filterCount,
      rollbackCount: 0,
      position: { next: (numbers.at(-1) ?? -1) + 1 },
      ...changes,
    };
  }

  /** Runs a partition from its beginning to its end, in one chunk. */
  async complete(execution: SinkExecution, partition: number, stepName = STEP): Promise<void> {
    const session = await this.open(execution, { partition, stepName });
    await session.commit(this.chunk(execution, [partition]));
    await session.finish();
    await this.close(session);
  }

  async close(session: SinkSession<O>): Promise<void> {
    this.#sessions.delete(session);
    await session.close();
  }

  stored({ instanceUuid }: SinkExecution): Promise<number[]> {
    return this.database.stored(instanceUuid);
  }

  /** Closes what the test has left open. */
  async end(): Promise<void> {
    for (const session of this.#sessions) await session.close();
  }
}

/** Where to read on, as {@link Scene.chunk} states it. */
export const nextIn = (position: Json | undefined): number => (position as { next: number } | undefined)?.next ?? 0;
