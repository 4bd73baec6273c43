import type { Credentials } from '../local/credentials.js';

/** What the demo reads of the single-execution view. */
export interface ExecutionView {
  executionUUID: string;
  status: string;
  running: boolean;
  progress: Record<'partitions' | 'rows', { total: number; done: number }>;
  rowsPerSecond?: number;
  estimatedEndTime?: string;
  failures: { stepName: string; message: string }[];
  results: Record<string, unknown>;
  startTime?: string;
  endTime?: string;
}

/** The Batch Job Endpoint of one job, over HTTP. */
export class JobClient {
  readonly #jobUrl: string;
  readonly #authorization: string;

  constructor(url: string, moduleId: string, jobName: string, { username, password }: Credentials) {
    this.#jobUrl = `${url}/batch-job/${moduleId}/${jobName}`;
    this.#authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  /** Starts the job. @returns the execution's number */
  async start(jobParameters: Record<string, string>): Promise<number> {
    const { jobExecutionId } = await this.#ask<{ jobExecutionId: number }>('/start', {
      method: 'POST',
      body: JSON.stringify({ jobParameters }),
      headers: { 'content-type': 'application/json' },
    });
    return jobExecutionId;
  }

  execution(id: number): Promise<ExecutionView> {
    return this.#ask(`/${id}?stepCount=1`);
  }

  /** An execution as the contract's listing shows it. */
  async listed(executionUUID: string): Promise<unknown> {
    const { jobInstances } = await this.#ask<{ jobInstances: { jobExecutions: unknown[] }[] }>(
      `?executionUUID=${executionUUID}`,
    );
    return jobInstances[0]?.jobExecutions[0];
  }

  /** @throws Error with the gateway's own words, if it refuses */
  async #ask<T>(path: string, { headers, ...init }: RequestInit = {}): Promise<T> {
    const response = await fetch(this.#jobUrl + path, {
      ...init,
      headers: { authorization: this.#authorization, ...headers },
    });
    const body = (await response.json()) as T & { detail?: string; message?: string };
    if (response.ok) return body;
    throw new Error(`The gateway answered ${response.status}: ${body.message ?? body.detail ?? JSON.stringify(body)}`);
  }
}
