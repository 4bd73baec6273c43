import request from 'supertest';
import {
  basic,
  BatchJobClient,
  until,
  type Credentials,
  type GivenParameters,
  type InstanceJson,
  type ListedExecutionJson,
  type SingleExecutionJson,
} from '#client';
import { MODULE_ID } from '../../scripts/local/apps.js';
import type { Fleet } from './fleet.js';

export type ExecutionView = SingleExecutionJson;
export type ListedExecution = ListedExecutionJson;
export type Given = GivenParameters;

/** Path of a module's batch jobs. */
export const rootOf = (moduleId: string): string => `/batch-job/${moduleId}`;

export const ROOT = rootOf(MODULE_ID);

export { basic };

/**
 * The gateway of a fleet, as one user calls it: `get`, `post` and `delete` give the raw HTTP answer, the other methods
 * expect success.
 */
export class Endpoint {
  readonly client: BatchJobClient;

  constructor(
    readonly url: string,
    readonly authorization: string,
    /** The module whose jobs are called. */
    readonly moduleId = MODULE_ID,
  ) {
    this.client = new BatchJobClient({ url, moduleId, authorization });
  }

  /** As the operator of the fleet. */
  static of(fleet: Fleet, moduleId?: string): Endpoint {
    return new Endpoint(fleet.url, fleet.authorization, moduleId);
  }

  /** The same gateway, called by another user. */
  as(credentials: Credentials): Endpoint {
    return new Endpoint(this.url, basic(credentials), this.moduleId);
  }

  /** Path of the module's batch jobs. */
  get root(): string {
    return rootOf(this.moduleId);
  }

  get(path: string): request.Test {
    return request(this.url).get(path).set('Authorization', this.authorization);
  }

  post(path: string, body?: object): request.Test {
    return request(this.url).post(path).set('Authorization', this.authorization).send(body);
  }

  delete(path: string): request.Test {
    return request(this.url).delete(path).set('Authorization', this.authorization);
  }

  /** Starts a job. @returns the execution's number */
  async start(jobName: string, jobParameters: Given = {}): Promise<number> {
    return (await this.client.start(jobName, jobParameters)).jobExecutionId;
  }

  stop(id: number): Promise<void> {
    return this.client.stop(id);
  }

  forceStop(id: number): Promise<void> {
    return this.client.forceStop(id);
  }

  /** @returns the number of the new execution */
  restart(id: number): Promise<number> {
    return this.client.restart(id);
  }

  /** One execution, with its first 1,000 steps. */
  view(jobName: string, id: number): Promise<ExecutionView> {
    return this.client.view(jobName, id, { stepCount: 1_000 });
  }

  /** Executions as a listing shows them, instance by instance. */
  async list(jobName: string, query = ''): Promise<ListedExecution[][]> {
    const path = `/${jobName}${query}`;
    const { jobInstances } = await this.client.request<{ jobInstances: InstanceJson[] }>('GET', path);
    return jobInstances.map(({ jobExecutions }) => jobExecutions);
  }

  /** Waits until an execution is as wanted. */
  until(what: string, jobName: string, id: number, wanted: (view: ExecutionView) => boolean, withinMs?: number) {
    return until(what, () => this.view(jobName, id), wanted, { withinMs });
  }

  /** Waits until an execution has ended. */
  ended(jobName: string, id: number, withinMs?: number): Promise<ExecutionView> {
    return this.until(`the end of execution ${id}`, jobName, id, ({ running }) => !running, withinMs);
  }

  /** Starts a job that takes a second, and stops it before it ends. @returns the execution's number */
  async startStopped(): Promise<number> {
    const id = await this.start('noopJob', { partitions: 100, busyMs: 10 });
    await this.stop(id);
    const { status } = await this.ended('noopJob', id);
    if (status !== 'STOPPED') throw new Error(`Execution ${id} was to be STOPPED and is ${status}.`);
    return id;
  }

  /** Starts a job and waits for its end. */
  async run(jobName: string, jobParameters: Given = {}): Promise<ExecutionView> {
    return this.ended(jobName, await this.start(jobName, jobParameters));
  }
}
