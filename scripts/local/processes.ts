import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SHUTDOWN, type Stage } from './stages.js';

/** A process to start. */
export interface ProcessSpec {
  /** Unique in its process manager, e.g. `worker-1`; its log is `<name>.log`. */
  name: string;
  stage: Stage;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** The user to run it as, where that is not our own. */
  user?: { uid: number; gid: number } | undefined;
  /** Whether this line of its output means that it is ready. */
  isReady(line: string): boolean;
}

const READY_WITHIN_MS = 60_000;
const LINES_KEPT = 2_000;
const LOG_LIMIT_BYTES = 10_000_000;

interface Waiter {
  wanted: (line: string) => boolean;
  resolve: (line: string) => void;
  reject: (error: Error) => void;
}

/** A child process with its output, in a session of its own: Ctrl-C reaches only us, and we stop everything in order. */
export class LocalProcess {
  readonly pid: number;
  /** Resolves when the process has ended, with the reason as text. */
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #ended: string | undefined;

  private constructor(
    readonly spec: ProcessSpec,
    child: ChildProcess,
    pid: number,
    log: WriteStream,
  ) {
    this.#child = child;
    this.pid = pid;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#take(line, log));
    }
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#ended = signal ? `killed by ${signal}` : `exit code ${code}`;
        log.end();
        this.#rejectWaiters(this.#ended);
        resolve(this.#ended);
      });
    });
  }

  /** @throws Error if the program cannot be run at all */
  static async spawn(spec: ProcessSpec, logDirectory: string): Promise<LocalProcess> {
    const log = openLog(logDirectory, spec.name);
    const child = spawn(spec.command, [...spec.args], {
      env: spec.env,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...spec.user,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`${spec.name} cannot be run: ${error.message}`)));
    });
    return new LocalProcess(spec, child, child.pid as number, log);
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** The output so far, at most its last 2,000 lines. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Resolves once the process is ready. @throws Error with its last output if it ends first, or takes more than a minute */
  ready(): Promise<string> {
    return this.line((line) => this.spec.isReady(line), READY_WITHIN_MS);
  }

  /**
   * The first matching line of the output, past or future.
   *
   * @throws Error with the last output of the process if it ends, or the time passes, without such a line
   */
  line(wanted: (line: string) => boolean, withinMs: number): Promise<string> {
    const past = this.#lines.find(wanted);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { wanted, resolve: settle(resolve), reject: settle(reject) };
      const timer = setTimeout(() => waiter.reject(this.#failure(`no matching output in ${withinMs} ms`)), withinMs);
      const forget = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      function settle<T>(then: (value: T) => void) {
        return (value: T) => {
          forget();
          then(value);
        };
      }
      this.#waiters.add(waiter);
      if (this.#ended !== undefined) waiter.reject(this.#failure(this.#ended));
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Shuts the process down, kills it at its stage's deadline, and resolves when it has ended. */
  async stop(): Promise<void> {
    const { signal, withinMs } = SHUTDOWN[this.spec.stage];
    this.kill(signal);
    // A process that is stopped (SIGSTOP) handles the signal only once it is continued.
    this.kill('SIGCONT');
    const deadline = setTimeout(() => this.kill('SIGKILL'), withinMs);
    await this.exited;
    clearTimeout(deadline);
  }

  /** The last lines of the output, for an error message. */
  get lastOutput(): string {
    return this.#lines.slice(-8).join('\n');
  }

  #take(line: string, log: WriteStream): void {
    log.write(`${line}\n`);
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    for (const waiter of this.#waiters) if (waiter.wanted(line)) waiter.resolve(line);
  }

  #rejectWaiters(why: string): void {
    for (const waiter of this.#waiters) waiter.reject(this.#failure(why));
  }

  #failure(why: string): Error {
    return new Error(`${this.spec.name}: ${why}.\n${this.lastOutput}`);
  }
}

/** Appends to the log; one that has grown too large is renamed first. */
function openLog(directory: string, name: string): WriteStream {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${name}.log`);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(path, join(directory, `${name}.old.log`));
  return createWriteStream(path, { flags: 'a', mode: 0o600 });
}
