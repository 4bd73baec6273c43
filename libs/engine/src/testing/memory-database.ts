import { addCounts, NO_COUNTS, type Counts, type Json } from '#domain';
import {
  GateClosedError,
  GateMissingError,
  SkipLimitExceededError,
  SupersededError,
  TransientError,
  UnavailableError,
  type DatabaseMark,
  type Gate,
  type Ledger,
  type PartitionAttempt,
  type PartitionRange,
  type ProcessedChunk,
  type Rejection,
  type SinkExecution,
  type SinkSession,
  type TransactionalSink,
} from '#job-kit';

/** One item as it was written. */
export interface WrittenItem<O = unknown> {
  item: O;
  executionUuid: string;
  instanceUuid: string;
  stepName: string;
  partition: number;
}

interface Checkpoint {
  instanceUuid: string;
  stepName: string;
  partition: number;
  /** The last execution to claim it. */
  executionUuid: string;
  fence: number;
  position: Json | undefined;
  /** Of that execution. */
  counts: Counts;
  /** Items written in all executions of the instance. */
  written: number;
  finished: boolean;
}

interface KnownExecution {
  instanceUuid: string;
  open: boolean;
  /** The database's mark when it was sealed. */
  sealed?: number;
}

/** Everything that the database holds, as plain data, so that a copy of it is a backup. */
interface DatabaseState {
  name: string;
  gates: Map<string, KnownExecution>;
  checkpoints: Map<string, Checkpoint>;
  items: WrittenItem[];
  rejections: { executionUuid: string; stepName: string; rejection: Rejection }[];
  mark: number;
}

/** A backup of a {@link MemoryDatabase}. */
export type Backup = Readonly<DatabaseState>;

const keyOf = (instanceUuid: string, stepName: string, partition: number): string =>
  JSON.stringify([instanceUuid, stepName, partition]);

/** A database in memory that keeps the promises of a transactional sink: gate, fence, checkpoint, ledger. */
export class MemoryDatabase {
  readonly gate: Gate;
  readonly ledger: Ledger;
  /** Whether it can be reached. */
  available = true;
  #state: DatabaseState;

  /** @param ledgerName names it within its module */
  constructor(ledgerName = 'memory') {
    this.#state = {
      name: `${ledgerName}-1`,
      gates: new Map(),
      checkpoints: new Map(),
      items: [],
      rejections: [],
      mark: 0,
    };
    this.gate = this.#gate();
    this.ledger = this.#ledger(ledgerName);
  }

  /** Every item written, as often as it was, in order. */
  get items(): readonly WrittenItem[] {
    return this.#state.items;
  }

  backup(): Backup {
    // A Rejection is a class, and is never changed.
    return { ...structuredClone({ ...this.#state, rejections: [] }), rejections: [...this.#state.rejections] };
  }

  /** Goes back to a backup. */
  putBack(backup: Backup): void {
    this.#state = { ...structuredClone({ ...backup, rejections: [] }), rejections: [...backup.rejections] };
  }

  /** Another, empty database stands under the same address from now on. */
  replace(): void {
    this.#state = { ...new MemoryDatabase().#state, name: `${this.#state.name}x` };
  }

  /** A sink that writes to it. */
  sink<O>(): TransactionalSink<O> {
    return { open: async (attempt) => this.#open<O>(attempt), gate: this.gate, ledger: this.ledger };
  }

  // Sessions

  #reach(): DatabaseState {
    if (!this.available) throw new UnavailableError(new Error('The database cannot be reached.'));
    return this.#state;
  }

  #open<O>(attempt: PartitionAttempt): SinkSession<O> {
    this.#assertOpen(attempt.executionUuid);
    const checkpoint = this.#claim(attempt);
    let { counts } = checkpoint;
    const { fence, position } = checkpoint;
    return {
      fence,
      position: structuredClone(position),
      counts: { ...counts },
      commit: async (chunk) => (counts = this.#commit(attempt, fence, counts, chunk)),
      finish: async () => void (this.#held(attempt, fence).finished = true),
      close: async () => {},
    };
  }

  #assertOpen(executionUuid: string): void {
    const gate = this.#reach().gates.get(executionUuid);
    if (!gate) throw new GateMissingError(`The database does not know execution ${executionUuid}.`);
    if (!gate.open) throw new GateClosedError(`Execution ${executionUuid} may not write: its gate is closed.`);
  }

  #claim({ instanceUuid, executionUuid, stepName, partition }: PartitionAttempt): Checkpoint {
    const { checkpoints } = this.#state;
    const key = keyOf(instanceUuid, stepName, partition);
    const known: Checkpoint = checkpoints.get(key) ?? {
      instanceUuid,
      stepName,
      partition,
      executionUuid,
      fence: 0,
      position: undefined,
      counts: NO_COUNTS,
      written: 0,
      finished: false,
    };
    const counts = known.executionUuid === executionUuid ? known.counts : NO_COUNTS;
    const claimed = { ...known, executionUuid, counts, fence: known.fence + 1 };
    checkpoints.set(key, claimed);
    return claimed;
  }

  /** The checkpoint, while this attempt is the newest and its gate is open. */
  #held({ instanceUuid, executionUuid, stepName, partition }: PartitionAttempt, fence: number): Checkpoint {
    this.#assertOpen(executionUuid);
    const checkpoint = this.#state.checkpoints.get(keyOf(instanceUuid, stepName, partition));
    if (checkpoint?.fence === fence && checkpoint.executionUuid === executionUuid) return checkpoint;
    const which = `Attempt ${fence} at ${stepName}, partition ${partition},`;
    if (checkpoint && checkpoint.fence > fence) throw new SupersededError(`${which} is superseded.`);
    // No newer attempt is going to do the work.
    throw new TransientError(new Error(`${which} is unknown to the database: it was put back to an older state.`));
  }

  #commit<O>(attempt: PartitionAttempt, fence: number, before: Counts, chunk: ProcessedChunk<O>): Counts {
    const checkpoint = this.#held(attempt, fence);
    const { executionUuid, instanceUuid, stepName, partition, skipLimit } = attempt;
    const { readCount, filterCount, rollbackCount, items, rejections, position } = chunk;
    const skips = this.#state.rejections.filter(
      (one) => one.executionUuid === executionUuid && one.stepName === stepName,
    );
    const firstOver = rejections[Math.max(0, skipLimit - skips.length)];
    if (firstOver) throw new SkipLimitExceededError(skipLimit, firstOver);
    const done = { readCount, filterCount, rollbackCount, commitCount: 1 };
    const counts = addCounts(before, { ...done, writeCount: items.length, skipCount: rejections.length });
    this.#state.items.push(
      ...items.map((item) => ({ item: structuredClone(item), executionUuid, instanceUuid, stepName, partition })),
    );
    this.#state.rejections.push(...rejections.map((rejection) => ({ executionUuid, stepName, rejection })));
    Object.assign(checkpoint, {
      counts,
      finished: false,
      position: structuredClone(position),
      written: checkpoint.written + items.length,
    });
    return counts;
  }

  // Gate and ledger

  #gate(): Gate {
    return {
      open: async ({ uuid, instanceUuid }) => {
        const { gates } = this.#reach();
        if (!gates.has(uuid)) gates.set(uuid, { instanceUuid, open: true });
        if (!gates.get(uuid)!.open) return;
        for (const [other, gate] of gates) if (other !== uuid && gate.instanceUuid === instanceUuid) gate.open = false;
      },
      close: async ({ uuid, instanceUuid }) => {
        const { gates } = this.#reach();
        gates.set(uuid, { instanceUuid, ...gates.get(uuid), open: false });
      },
    };
  }

  #checkpointsOf({ instanceUuid }: SinkExecution, stepName: string): Checkpoint[] {
    return [...this.#reach().checkpoints.values()].filter(
      (one) => one.instanceUuid === instanceUuid && one.stepName === stepName,
    );
  }

  #ledger(name: string): Ledger {
    const own = (execution: SinkExecution, stepName: string): Checkpoint[] =>
      this.#checkpointsOf(execution, stepName).filter((one) => one.executionUuid === execution.uuid);
    return {
      name,
      total: async (execution, stepName) =>
        own(execution, stepName).reduce((sum, { counts }) => addCounts(sum, counts), NO_COUNTS),
      committed: async (execution, stepName) =>
        new Map(own(execution, stepName).map(({ partition, counts }) => [partition, { ...counts }])),
      missing: async (execution, stepName, partitions) => {
        const finished = new Set(this.#finished(execution, stepName));
        return rangesOf(Array.from({ length: partitions }, (_, i) => i).filter((i) => !finished.has(i)));
      },
      seal: async ({ uuid }) => this.#seal(uuid),
      mark: async () => ({ database: this.#reach().name, mark: this.#state.mark }),
      verify: async (execution, stepName, partitions) => ({
        finished: this.#finished(execution, stepName).filter((partition) => partition < partitions).length,
        sealed: this.#state.gates.get(execution.uuid)?.sealed !== undefined,
        findings: this.#findings(execution, stepName, partitions),
      }),
      forget: async ({ uuid, instanceUuid, instanceGone }) => {
        const { gates, checkpoints } = this.#reach();
        gates.delete(uuid);
        if (!instanceGone) return;
        for (const [key, one] of checkpoints) if (one.instanceUuid === instanceUuid) checkpoints.delete(key);
      },
    };
  }

  #finished(execution: SinkExecution, stepName: string): number[] {
    return this.#checkpointsOf(execution, stepName).flatMap(({ finished, partition }) => (finished ? [partition] : []));
  }

  #seal(uuid: string): DatabaseMark {
    const state = this.#reach();
    const known = state.gates.get(uuid);
    if (!known) throw new GateMissingError(`The database does not know execution ${uuid}, so it cannot seal it.`);
    known.sealed ??= ++state.mark;
    return { database: state.name, mark: known.sealed };
  }

  #findings(execution: SinkExecution, stepName: string, partitions: number): string[] {
    const checkpoints = this.#checkpointsOf(execution, stepName);
    const known = this.#state.gates.get(execution.uuid);
    const finished = checkpoints.filter((one) => one.finished && one.partition < partitions).length;
    const beyond = checkpoints.filter(({ partition }) => partition >= partitions).length;
    const claimed = checkpoints.reduce((sum, { written }) => sum + written, 0);
    const { length } = this.items.filter(
      (one) => one.instanceUuid === execution.instanceUuid && one.stepName === stepName,
    );
    const findings: [found: boolean, finding: string][] = [
      [known === undefined, 'The database does not know the execution: it was put back to an older state.'],
      [
        known !== undefined && known.sealed === undefined,
        'The database has not noted that the execution has COMPLETED.',
      ],
      [finished < partitions, `${partitions - finished} of ${partitions} partitions of ${stepName} are not finished.`],
      [beyond > 0, `${beyond} checkpoints of ${stepName} belong to partitions that its plan does not have.`],
      [claimed !== length, `The checkpoints of ${stepName} claim ${claimed} items, and there are ${length}.`],
    ];
    return findings.filter(([found]) => found).map(([, finding]) => finding);
  }
}

/** Ascending numbers as ranges. */
function rangesOf(numbers: readonly number[]): PartitionRange[] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
