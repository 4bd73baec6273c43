import { NoAnswerError, ProblemError, type ProblemJson } from './errors.js';
import type { AuditEntryJson, InstanceJson, SingleExecutionJson, StartedJson } from './json.js';
import { until, type UntilOptions } from './until.js';

export interface Credentials {
  username: string;
  password: string;
}

export interface ClientOptions {
  /** The gateway, e.g. `http://127.0.0.1:9000`. */
  url: string;
  moduleId: string;
  /** The `Authorization` header of every request; {@link basic} makes one of a name and a password. */
  authorization: string;
  /** Longest wait for one whole answer, in ms. Default 30,000. */
  timeoutMs?: number | undefined;
}

/** The `Authorization` header of Basic authentication (RFC 7617, UTF-8). */
export const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** Job parameters as a caller may give them. */
export type GivenParameters = Readonly<Record<string, string | number | boolean>>;

export interface ListQuery {
  executionUUID?: string | undefined;
  /** Index of the first instance. Default 0. */
  start?: number | undefined;
  /** Most instances, 1 to 1,000. Default 20. */
  count?: number | undefined;
  /** Only these statuses, separated by commas. */
  status?: string | undefined;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

const TIMEOUT_MS = 30_000;

/**
 * The Batch Job Endpoint of one module, as one user calls it. Connections are kept alive and shared.
 *
 * Every method throws {@link ProblemError} where the gateway answers with an error, and {@link NoAnswerError} where no
 * answer comes in time.
 */
export class BatchJobClient {
  /** Of the module's batch jobs, e.g. `http://127.0.0.1:9000/batch-job/persistence`. */
  readonly root: string;
  readonly authorization: string;
  readonly #timeoutMs: number;

  constructor({ url, moduleId, authorization, timeoutMs = TIMEOUT_MS }: ClientOptions) {
    this.authorization = authorization;
    this.root = `${url.replace(/\/+$/, '')}/batch-job/${encodeURIComponent(moduleId)}`;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts a job. @param idempotencyKey makes repeating the request safe: the same key starts no second execution */
  start(jobName: string, jobParameters: GivenParameters = {}, idempotencyKey?: string): Promise<StartedJson> {
    const headers = idempotencyKey === undefined ? undefined : { 'idempotency-key': idempotencyKey };
    return this.request('POST', `/${encodeURIComponent(jobName)}/start`, { body: { jobParameters }, headers });
  }

  /** Has an execution stop at its next chunk boundaries. */
  async stop(id: number): Promise<void> {
    await this.request('POST', `/${id}/stop`);
  }

  /** Stops an execution at once; its workers can write nothing more. */
  async forceStop(id: number): Promise<void> {
    await this.request('POST', `/${id}/stop`, { query: { force: true } });
  }

  /** Restarts a stopped or failed execution. @returns the number of the new execution */
  async restart(id: number): Promise<number> {
    const { message } = await this.request<{ message: string }>('POST', `/${id}/restart`);
    return Number(/New execution ID is: (\d+)$/.exec(message)?.[1]);
  }

  /** Gives a stopped or failed execution up: it can never be restarted. */
  async abandon(id: number): Promise<void> {
    await this.request('POST', `/${id}/abandon`);
  }

  /** Deletes an execution that has ended; what it has imported stays. */
  async delete(jobName: string, id: number): Promise<void> {
    await this.request('DELETE', `/${encodeURIComponent(jobName)}/${id}`);
  }

  /** The names of the module's jobs. */
  async jobs(): Promise<string[]> {
    const { jobs } = await this.request<{ jobs: { name: string }[] }>('GET', '');
    return jobs.map(({ name }) => name);
  }

  /** Instances of a job, the newest first, with their executions, the newest first. */
  async list(jobName: string, query: ListQuery = {}): Promise<InstanceJson[]> {
    const path = `/${encodeURIComponent(jobName)}`;
    return (await this.request<{ jobInstances: InstanceJson[] }>('GET', path, { query: { ...query } })).jobInstances;
  }

  /** One execution, with a page of its steps in start order: by default the first 100. */
  view(
    jobName: string,
    id: number,
    page: { stepStart?: number; stepCount?: number } = {},
  ): Promise<SingleExecutionJson> {
    return this.request('GET', `/${encodeURIComponent(jobName)}/${id}`, { query: page });
  }

  /** Operations that were requested, the newest first: by default the newest 100. @param before id of an entry */
  async audit(page: { before?: string; count?: number } = {}): Promise<AuditEntryJson[]> {
    return (await this.request<{ entries: AuditEntryJson[] }>('GET', '/audit', { query: page })).entries;
  }

  /** Waits until an execution is as wanted. Its view has the first step only. @throws Error once the time has passed */
  until(
    what: string,
    jobName: string,
    id: number,
    wanted: (view: SingleExecutionJson) => boolean,
    options?: UntilOptions,
  ): Promise<SingleExecutionJson> {
    return until(what, () => this.view(jobName, id, { stepCount: 1 }), wanted, options);
  }

  /** Waits until an execution has ended, however. */
  ended(jobName: string, id: number, options?: UntilOptions): Promise<SingleExecutionJson> {
    return this.until(`the end of execution ${id}`, jobName, id, ({ running }) => !running, options);
  }

  /**
   * Any request to the module.
   *
   * @param path below the module's root, e.g. `/noopJob/7`
   * @returns the body of a successful answer
   */
  async request<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    {
      query = {},
      body,
      headers = {},
    }: { query?: Query; body?: object; headers?: Record<string, string> | undefined } = {},
  ): Promise<T> {
    const url = this.root + path + queryText(query);
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const { status, ok, text } = await this.#send(url, {
      method,
      headers: { authorization: this.authorization, ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = parsed(text);
    if (ok && answer !== undefined) return answer as T;
    throw new ProblemError(problemOf(status, answer, text));
  }

  async #send(url: string, init: RequestInit): Promise<{ status: number; ok: boolean; text: string }> {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(this.#timeoutMs) });
      return { status: response.status, ok: response.ok, text: await response.text() };
    } catch (error) {
      throw new NoAnswerError(url, error);
    }
  }
}

function queryText(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** undefined if it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const LONGEST_DETAIL = 200;

/** What something in between has answered is no problem of the gateway's: its text stands for the detail. */
function problemOf(status: number, answer: unknown, text: string): ProblemJson {
  const { code = '', detail = text.slice(0, LONGEST_DETAIL), ...rest } = (answer ?? {}) as Partial<ProblemJson>;
  return { ...rest, status, code, detail };
}
