import { BATCH_STATUSES, isRunning, mayBecome, type BatchStatus } from '#domain';
import type { Listed } from './answer.js';

/** Operations that were acknowledged, and the statuses that an execution may have from then on. */
export type Acknowledged = 'start' | 'stop' | 'force-stop' | 'abandon';

const ALLOWED_AFTER: Record<Acknowledged, readonly BatchStatus[]> = {
  start: BATCH_STATUSES,
  stop: ['STOPPING', 'STOPPED', 'FAILED', 'ABANDONED'],
  'force-stop': ['STOPPED', 'ABANDONED'],
  abandon: ['ABANDONED'],
};

/** When a request was sent and answered, in ms since the epoch. */
export interface Span {
  sentAt: number;
  answeredAt: number;
}

interface Promised extends Span {
  what: Acknowledged;
}

/** What is known of one execution. */
interface Trace {
  id: number;
  uuid: string;
  /** As they were seen, with the time of the answer. */
  seen: { at: number; status: BatchStatus }[];
  promised: Promised[];
  /** Whether a force stop was requested: then it may become STOPPED from any status. */
  forced: boolean;
  /** Whether a crash of Redis may have lost it: then it is absent as a whole, or present as a whole. */
  mayVanish: boolean;
}

/**
 * What a crash of Redis may lose. With AOF everysec that is one second, and two where the disk is slow: a write waits
 * for a sync that takes longer (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence). In ms, with
 * a little for the clock.
 */
const LOSS_MS = 2_300;

/**
 * Follows what the endpoint says about every execution, and checks it against the state machine and against what was
 * acknowledged. What was said in the last two seconds before a crash of Redis is forgotten here too: Redis may have lost
 * all of it. That is the one documented exception, and it does not hold for what was acknowledged from disk.
 */
export class History {
  readonly #traces = new Map<string, Trace>();
  readonly #losses: number[] = [];
  /** Numbers of executions for which a force stop was requested. */
  readonly #forced = new Set<number>();

  /** @param fromDisk whether commands are acknowledged only once they are on disk: then a crash of Redis does not lose them */
  constructor(
    private readonly violation: (line: string) => void,
    private readonly fromDisk = false,
  ) {}

  get losses(): number {
    return this.#losses.length;
  }

  /** Whether a crash of Redis may have lost an execution. */
  mayVanish(uuid: string): boolean {
    return this.#traces.get(uuid)?.mayVanish ?? true;
  }

  /** A start was acknowledged. */
  promiseStart(id: number, uuid: string, span: Span): void {
    this.#trace(id, uuid);
    this.promise('start', uuid, span);
  }

  promise(what: Acknowledged, uuid: string, span: Span): void {
    const trace = this.#traces.get(uuid);
    if (!trace) return;
    if (this.fromDisk || !this.#maybeLost(span)) trace.promised.push({ what, ...span });
    else if (what === 'start' && trace.seen.length === 0) trace.mayVanish = true;
  }

  /**
   * A force stop is about to be requested; whether it is answered or not, it may take effect from now on. It addresses
   * the execution by its number, which a crashed Redis may have assigned a second time.
   */
  willForce(number: number): void {
    for (const trace of this.#traces.values()) {
      if (trace.id !== number) continue;
      trace.forced = true;
      trace.promised = trace.promised.filter(({ what }) => what !== 'abandon');
    }
    this.#forced.add(number);
  }

  /** The executions of one instance, as one answer showed them. */
  observe(instance: readonly Listed[], span: Span): void {
    if (this.#losses.some((diedAt) => span.sentAt <= diedAt && span.answeredAt >= diedAt - LOSS_MS)) return;
    const running = instance.filter(({ status }) => isRunning(status));
    if (running.length > 1) {
      this.violation(`Executions ${running.map(({ id }) => id).join(' and ')} of one instance run at the same time`);
    }
    for (const execution of instance) this.#look(execution, span);
  }

  /** Redis has crashed, and has lost what it had not yet synced. */
  lose(diedAt: number): void {
    this.#losses.push(diedAt);
    const sure = diedAt - LOSS_MS;
    for (const trace of this.#traces.values()) {
      trace.seen = trace.seen.filter(({ at }) => at < sure);
      trace.promised = trace.promised.filter(({ answeredAt }) => this.fromDisk || answeredAt < sure);
      if (trace.seen.length === 0 && !trace.promised.some(({ what }) => what === 'start')) trace.mayVanish = true;
      // An end that Redis has lost and PostgreSQL remembers is repaired by a force stop.
      if (this.#statusOf(trace) !== 'COMPLETED') trace.forced = true;
    }
  }

  /** Checks that a listing of everything contains every execution that must exist. */
  mustContain(uuids: ReadonlySet<string>): void {
    for (const { id, uuid, mayVanish } of this.#traces.values()) {
      if (!mayVanish && !uuids.has(uuid)) this.violation(`Execution ${id} (${uuid}) was acknowledged and is not there`);
    }
  }

  #look({ id, executionUUID, status, running, exitStatus, endTime }: Listed, span: Span): void {
    const trace = this.#trace(id, executionUUID);
    // Two listings may be under way at a time, and the one that was read first may be answered last: only what was
    // answered before this one was sent has come before it.
    const before = trace.seen.findLast(({ at }) => at <= span.sentAt)?.status;
    const newest = this.#statusOf(trace);
    const name = `Execution ${id} (${executionUUID})`;
    if (before && !mayFollow(before, status, trace.forced)) {
      this.violation(`${name} went from ${before} to ${status}`);
    }
    for (const { what, answeredAt } of trace.promised) {
      if (answeredAt < span.sentAt && !ALLOWED_AFTER[what].includes(status)) {
        this.violation(`${name} reads ${status} although its ${what} was acknowledged`);
      }
    }
    if (running !== isRunning(status) || exitStatus.running !== running) {
      this.violation(`${name} reads ${status}, but running is ${running} and ${exitStatus.running}`);
    }
    if (running === (endTime !== undefined)) this.violation(`${name} reads ${status}, but its endTime is ${endTime}`);
    if (status !== newest && (newest === before || (newest && mayFollow(newest, status, trace.forced)))) {
      trace.seen.push({ at: span.answeredAt, status });
    }
    trace.mayVanish = false;
  }

  #trace(id: number, uuid: string): Trace {
    const known = this.#traces.get(uuid);
    if (known) return known;
    const trace: Trace = { id, uuid, seen: [], promised: [], forced: this.#forced.has(id), mayVanish: false };
    this.#traces.set(uuid, trace);
    return trace;
  }

  #statusOf({ seen }: Trace): BatchStatus | undefined {
    return seen.at(-1)?.status;
  }

  #maybeLost({ sentAt, answeredAt }: Span): boolean {
    return this.#losses.some((diedAt) => sentAt <= diedAt && answeredAt >= diedAt - LOSS_MS);
  }
}

/** Whether one status may be seen after another, with what may have come in between. */
export function mayFollow(from: BatchStatus, to: BatchStatus, forced: boolean): boolean {
  if (reaches(from, to)) return true;
  return forced && reaches('STOPPED', to);
}

function reaches(from: BatchStatus, to: BatchStatus): boolean {
  const seen = new Set([from]);
  for (const status of seen) {
    for (const next of BATCH_STATUSES) if (mayBecome(status, next)) seen.add(next);
  }
  return seen.has(to);
}
