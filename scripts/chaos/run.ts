import { setTimeout as pause } from 'node:timers/promises';
import { clearStored, countWritten, readStored } from './stored.js';
import type { BatchJobClient } from '#client';
import { answerTo, type Answer, type Listed, type Viewed } from './answer.js';
import { inject } from './faults.js';
import type { ChaosFleet } from './fleet.js';
import { History, type Acknowledged } from './history.js';
import type { Journal } from './journal.js';
import type { Operation, Plan, PlannedCommand, TaskShape } from './plan.js';
import { prefixOf, sourceOf, writeSource } from './source.js';
import { Tasks, type Task } from './tasks.js';
import { faultsOfImport, faultsOfNoop, faultsOfWriting } from './verdict.js';

export const JOBS = ['bulkImportJob', 'noopJob'] as const;

const LOOK_EVERY_MS = 250;
/** Newest instances listed each time; the open ones are among them, as few are open at a time. */
const LISTED = 60;
/** Every so many polls list everything. */
const ALL_EVERY = 40;
/** Tasks that may be open at a time; further starts are skipped. */
const MOST_UNFINISHED = 8;
/** How long an import must have been COMPLETED before it is verified: by then no crash of Redis can undo it. In ms. */
const SETTLED_MS = 4_000;
/** How long a start is retried with its Idempotency-Key until it is answered, in ms. */
const RETRY_FOR_MS = 30_000;
const RETRY_PAUSE_MS = 300;
const PAGE = 500;
/** Steps of an execution that are looked at: all of a noop job's. */
const STEPS = 100;

type Resolved = Extract<Operation, 'stop' | 'force-stop' | 'restart' | 'abandon'>;

interface OperationRequest {
  send(client: BatchJobClient, id: number): Promise<unknown>;
  /** What its acknowledgement promises about the execution. */
  promises: Acknowledged | undefined;
}

const OPERATION: Record<Resolved, OperationRequest> = {
  stop: { send: (client, id) => client.stop(id), promises: 'stop' },
  'force-stop': { send: (client, id) => client.forceStop(id), promises: 'force-stop' },
  restart: { send: (client, id) => client.restart(id), promises: undefined },
  abandon: { send: (client, id) => client.abandon(id), promises: 'abandon' },
};

/** Carries out a plan, and watches what the endpoint says meanwhile. */
export class Run {
  readonly tasks = new Tasks();
  readonly history: History;
  readonly #ended = new AbortController();

  constructor(
    private readonly fleet: ChaosFleet,
    private readonly journal: Journal,
  ) {
    this.history = new History((line) => journal.violation(line), fleet.acknowledgesFromDisk);
  }

  get #client(): BatchJobClient {
    return this.fleet.client;
  }

  /** Resolves when every fault of the plan is over and every command is answered. */
  async carryOut({ faults, commands }: Plan): Promise<void> {
    const began = Date.now();
    await Promise.all([
      atTheirTimes(faults, began, (fault) =>
        inject(this.fleet, this.journal, fault, (diedAt) => this.history.lose(diedAt)),
      ),
      atTheirTimes(commands, began, (command) => this.#command(command)),
    ]);
    await this.fleet.calm();
  }

  /** Polls the endpoint until {@link end}. */
  async look(): Promise<void> {
    for (let looks = 1; !this.#ended.signal.aborted; looks += 1) {
      if (looks % ALL_EVERY === 0) await this.lookAtAll();
      else for (const job of JOBS) await this.#lookAt(job, 0, LISTED);
      await this.#verify();
      await pause(LOOK_EVERY_MS);
    }
  }

  end(): void {
    this.#ended.abort();
  }

  /** Lists everything. @returns every execution, or undefined if a page could not be read */
  async lookAtAll(): Promise<Listed[] | undefined> {
    const all: Listed[] = [];
    for (const job of JOBS) {
      for (let start = 0; ; start += PAGE) {
        const page = await this.#lookAt(job, start, PAGE);
        if (!page) return undefined;
        all.push(...page.flat());
        if (page.length < PAGE) break;
      }
    }
    this.#dropLost(new Set(all.map(({ executionUUID }) => executionUUID)));
    return all;
  }

  /** Drops tasks whose start a crash of Redis has lost: they are absent as a whole, and nothing is expected of them. */
  #dropLost(present: ReadonlySet<string>): void {
    for (const task of this.tasks.open) {
      if (task.uuid === undefined || present.has(task.uuid) || !this.history.mayVanish(task.uuid)) continue;
      task.state = 'lost';
      task.executions = [];
      this.journal.count('noted: starts lost by a crash of Redis');
    }
  }

  /** Restarts a task's newest execution, if that has ended without success. */
  async restartIfEnded({ executions: [newest] }: Task): Promise<void> {
    if (newest && ['STOPPED', 'FAILED'].includes(newest.status)) await answerTo(() => this.#client.restart(newest.id));
  }

  async #lookAt(job: string, start: number, count: number): Promise<Listed[][] | undefined> {
    const answer = await answerTo(() => this.#client.list(job, { start, count }));
    if (answer.kind !== 'done') {
      this.#unexpected(`GET ${job}`, answer);
      return undefined;
    }
    const instances = answer.body.map(({ jobExecutions }) => jobExecutions);
    for (const executions of instances) {
      this.history.observe(executions, answer);
      this.tasks.update(executions, answer.answeredAt);
    }
    return instances;
  }

  async #command(command: PlannedCommand): Promise<void> {
    if (command.kind === 'start') return this.#start(command.shape);
    const task = this.tasks.pick(command.choice);
    const newest = task?.executions[0];
    if (!task || !newest) return;
    if (command.kind === 'restart-race') return this.#race(task, newest);
    await this.#operate(command.kind, task, newest);
  }

  async #start(shape: TaskShape): Promise<void> {
    if (this.tasks.unfinished >= MOST_UNFINISHED) return;
    const task = this.tasks.add(shape, (number) =>
      shape.job === 'bulkImportJob' ? writeSource(this.fleet.settings.importDirectory, number, shape) : undefined,
    );
    const key = `chaos-${task.number}`;
    for (const deadline = Date.now() + RETRY_FOR_MS; Date.now() < deadline; await pause(RETRY_PAUSE_MS)) {
      const answer = await answerTo(() => this.#client.start(shape.job, parametersOf(task), key));
      this.#answered('start', task, undefined, answer);
      if (answer.kind === 'refused') break;
      if (answer.kind !== 'done') continue;
      task.uuid = answer.body.executionUUID;
      task.state = 'open';
      this.history.promiseStart(answer.body.jobExecutionId, answer.body.executionUUID, answer);
      return;
    }
    task.state = 'lost';
  }

  async #operate(kind: Resolved, task: Task, { id, executionUUID }: Listed): Promise<Answer<unknown>> {
    const { send, promises } = OPERATION[kind];
    if (kind === 'force-stop') this.history.willForce(id);
    const answer = await answerTo(() => send(this.#client, id));
    this.#answered(kind, task, id, answer);
    if (answer.kind === 'done' && promises) this.history.promise(promises, executionUUID, answer);
    return answer;
  }

  /** Several restarts of one execution at once: at most one may succeed. */
  async #race(task: Task, newest: Listed): Promise<void> {
    const losses = this.history.losses;
    const answers = await Promise.all(Array.from({ length: 5 }, () => this.#operate('restart', task, newest)));
    const won = answers.filter(({ kind }) => kind === 'done');
    if (won.length > 1 && this.history.losses === losses) {
      this.journal.violation(`Execution ${newest.id} was restarted ${won.length} times at the same instant`);
    }
  }

  #answered(kind: string, { number, uuid }: Task, id: number | undefined, answer: Answer<unknown>): void {
    this.journal.count(`command: ${kind}, ${answer.kind}`);
    const outcome =
      answer.kind === 'refused' ? `${answer.status} ${answer.code}` : answer.kind === 'unknown' ? answer.why : '';
    this.journal.note(
      `command: ${kind} of task ${number} (${uuid ?? ''}, execution ${id ?? ''}): ${answer.kind} ${outcome}`,
    );
    this.#unexpected(kind, answer);
  }

  /** A command may be refused for a reason, or answered that a service is unavailable; anything else is a violation. */
  #unexpected(what: string, answer: Answer<unknown>): void {
    if (answer.kind !== 'refused') return;
    const { status, code, message } = answer;
    if (status >= 500 || (status === 404 && this.history.losses === 0) || status === 400) {
      this.journal.violation(`${what} was answered ${status} ${code}: ${message}`);
    }
  }

  /** Verifies what has been COMPLETED for some time and is not verified yet, then removes its rows. */
  async #verify(): Promise<void> {
    for (const task of this.tasks.open) {
      if (isSettled(task)) await this.#try(`task ${task.number} not verified yet`, this.#verifyTask(task));
    }
    for (const task of this.tasks.in('verified')) {
      await this.#try(`task ${task.number} not removed yet`, this.#remove(task));
    }
  }

  /** PostgreSQL may be unavailable at the moment: then the next look does it. */
  async #try(otherwise: string, work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => this.journal.note(`${otherwise}: ${(error as Error).message}`));
  }

  async #verifyTask(task: Task): Promise<void> {
    const { executions, shape, expected, number } = task;
    const views = await this.#views(shape.job, executions);
    const [view] = views;
    // A crash of Redis may have undone its end since it was listed: it will end again.
    if (view?.status !== 'COMPLETED') return;
    const faults =
      shape.job === 'noopJob'
        ? faultsOfNoop(shape, views)
        : faultsOfImport({ expected: expected!, executions, views, stored: await this.#stored(task) });
    for (const fault of faults) this.journal.violation(`Task ${number}: ${fault}`);
    task.state = 'verified';
    this.journal.count('rows', expected?.resources.size ?? 0);
    this.journal.count('verified');
  }

  /** The views of all executions; empty if one of them cannot be read. */
  async #views(job: string, executions: readonly Listed[]): Promise<Viewed[]> {
    const views: Viewed[] = [];
    for (const { id, executionUUID } of executions) {
      const answer = await answerTo(() => this.#client.view(job, id, { stepCount: STEPS }));
      if (answer.kind !== 'done' || answer.body.executionUUID !== executionUUID) return [];
      views.push(answer.body);
    }
    return views;
  }

  async #remove(task: Task): Promise<void> {
    if (task.shape.job === 'bulkImportJob') await clearStored(this.fleet.settings.databaseUrl, prefixOf(task.number));
    task.state = 'done';
  }

  /** Checks imports that did not complete, and that nothing was written after those that were verified. */
  async verifyRest(): Promise<void> {
    for (const task of this.tasks.all.filter(({ shape }) => shape.job === 'bulkImportJob')) {
      if (task.state === 'done') {
        const late = await countWritten(this.fleet.settings.databaseUrl, prefixOf(task.number));
        if (late > 0) this.journal.violation(`Task ${task.number}: ${late} rows were written after it had COMPLETED`);
      } else {
        const faults = faultsOfWriting(task.executions, await this.#stored(task), repeatedIn(task));
        for (const fault of faults) this.journal.violation(`Task ${task.number}: ${fault}`);
      }
    }
  }

  #stored({ number, executions }: Task) {
    const uuids = executions.map(({ executionUUID }) => executionUUID);
    return readStored(this.fleet.settings.databaseUrl, prefixOf(number), uuids);
  }
}

const repeatedIn = ({ expected }: Task): number => (expected ? expected.validRows - expected.resources.size : 0);

const isSettled = ({ completedAt }: Task): boolean =>
  completedAt !== undefined && Date.now() - completedAt > SETTLED_MS;

/** Starts each thing at its time, without waiting for the one before; resolves when all are done. */
async function atTheirTimes<T extends { at: number }>(
  things: readonly T[],
  began: number,
  begin: (thing: T) => Promise<void>,
): Promise<void> {
  const begun: Promise<void>[] = [];
  for (const thing of things) {
    await pause(Math.max(0, began + thing.at - Date.now()));
    begun.push(begin(thing));
  }
  await Promise.all(begun);
}

function parametersOf({ number, shape }: Task): Record<string, string> {
  if (shape.job === 'noopJob') {
    const { partitions, chunks, busyMs } = shape;
    return { partitions: String(partitions), chunks: String(chunks), busyMs: String(busyMs) };
  }
  const { skipLimit, commitInterval, rowsPerPartition } = shape;
  return {
    source: sourceOf(number),
    skipLimit: String(skipLimit),
    commitInterval: String(commitInterval),
    rowsPerPartition: String(rowsPerPartition),
  };
}
