import type { BatchStatus } from '#domain';
import { MODULE_ID } from '../local/apps.js';
import type { Credentials } from '../local/credentials.js';

/** What the run reads of an execution in a listing. */
export interface Listed {
  id: number;
  executionUUID: string;
  status: BatchStatus;
  running: boolean;
  exitStatus: { exitCode: string; running: boolean };
  startTime?: string;
  endTime?: string;
  recordWriteCount: number;
}

/** What the run reads of the single-execution view. */
export interface Viewed extends Listed {
  progress: { partitions: { total: number; done: number }; rows: { total: number; done: number } };
  results: Record<string, unknown>;
  failures: { stepName: string; message: string }[];
}

/** How a request ended. `unknown`: there was no answer that tells whether it was carried out. */
export type Answer<T> =
  | { kind: 'done'; body: T; sentAt: number; answeredAt: number }
  | { kind: 'refused'; status: number; code: string; message: string }
  | { kind: 'unknown'; why: string };

const PATIENCE_MS = 8_000;

/** The Batch Job Endpoint, for a caller who must know what is certain and what is not. */
export class ChaosClient {
  readonly #root: string;
  readonly #authorization: string;

  constructor(url: string, { username, password }: Credentials) {
    this.#root = `${url}/batch-job/${MODULE_ID}`;
    this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  start(job: string, jobParameters: Record<string, string>, key: string) {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    return this.#ask<{ jobExecutionId: number; executionUUID: string }>(`/${job}/start`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jobParameters }),
    });
  }

  operate(operation: 'stop' | 'stop?force=true' | 'restart' | 'abandon', id: number) {
    return this.#ask<{ message: string }>(`/${id}/${operation}`, { method: 'POST' });
  }

  /** Newest instance first, newest execution first. */
  list(job: string, start: number, count: number) {
    return this.#ask<{ jobInstances: { jobExecutions: Listed[] }[] }>(`/${job}?start=${start}&count=${count}`, {});
  }

  view(job: string, id: number) {
    return this.#ask<Viewed>(`/${job}/${id}?stepCount=1`, {});
  }

  async #ask<T>(path: string, { headers, ...init }: RequestInit): Promise<Answer<T>> {
    const sentAt = Date.now();
    try {
      const response = await fetch(this.#root + path, {
        ...init,
        headers: { authorization: this.#authorization, ...headers },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const body = (await response.json()) as T & { code?: string; message?: string; detail?: string };
      if (response.ok) return { kind: 'done', body, sentAt, answeredAt: Date.now() };
      const { code = '', message = body.detail ?? '' } = body;
      if (response.status === 503) return { kind: 'unknown', why: code };
      return { kind: 'refused', status: response.status, code, message };
    } catch (error) {
      const { cause, message } = error as Error;
      return { kind: 'unknown', why: cause instanceof Error ? cause.message : message };
    }
  }
}
