import request from 'supertest';
import type { SingleExecutionJson } from '../../apps/gateway/src/batch-job/single-view.js';
import type { InstancesJson, ListedExecutionJson } from '../../apps/gateway/src/batch-job/view.js';
import { MODULE_ID } from '../../scripts/local/apps.js';
import type { Credentials } from '../../scripts/local/credentials.js';
import type { Fleet } from './fleet.js';
import { until } from './until.js';

export type ExecutionView = SingleExecutionJson;
export type ListedExecution = ListedExecutionJson;

/** Job parameters as a caller may give them. */
export type Given = Record<string, string | number | boolean>;

/** Path of a module's batch jobs. */
export const rootOf = (moduleId: string): string => `/batch-job/${moduleId}`;

export const ROOT = rootOf(MODULE_ID);

export const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** The gateway of a fleet, as one user calls it. */
export class Endpoint {
  constructor(
    readonly url: string,
    readonly authorization: string,
    /** The module that jobs are started in, and asked for. */
    readonly moduleId = MODULE_ID,
  ) {}

  /** The fleet's operator's. */
  static of(fleet: Fleet, moduleId?: string): Endpoint {
    return new Endpoint(fleet.url, fleet.authorization, moduleId);
  }

  /** The same gateway, called by somebody else. */
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
    const { body } = await this.post(`${this.root}/${jobName}/start`, { jobParameters }).expect(202);
    return body.jobExecutionId as number;
  }

  async stop(id: number): Promise<void> {
    await this.post(`${this.root}/${id}/stop`).expect(200);
  }

  async forceStop(id: number): Promise<void> {
    await this.post(`${this.root}/${id}/stop?force=true`).expect(200);
  }

  /** @returns the number of the new execution */
  async restart(id: number): Promise<number> {
    const { body } = await this.post(`${this.root}/${id}/restart`).expect(200);
    return Number(/New execution ID is: (\d+)$/.exec(body.message as string)?.[1]);
  }

  /** One execution, with its first 1,000 steps. */
  async view(jobName: string, id: number): Promise<ExecutionView> {
    return (await this.get(`${this.root}/${jobName}/${id}?stepCount=1000`).expect(200)).body as ExecutionView;
  }

  /** Executions as a listing shows them, instance by instance. */
  async list(jobName: string, query = ''): Promise<ListedExecution[][]> {
    const { jobInstances } = (await this.get(`${this.root}/${jobName}${query}`).expect(200)).body as InstancesJson;
    return jobInstances.map(({ jobExecutions }) => jobExecutions);
  }

  /** Waits until an execution is as wanted. */
  until(what: string, jobName: string, id: number, wanted: (view: ExecutionView) => boolean, withinMs?: number) {
    return until(what, () => this.view(jobName, id), wanted, withinMs);
  }

  /** Waits until an execution runs no more. */
  ended(jobName: string, id: number, withinMs?: number): Promise<ExecutionView> {
    return this.until(`the end of execution ${id}`, jobName, id, ({ running }) => !running, withinMs);
  }

  /** Starts a job that takes a second, and stops it before its end. @returns the execution's number */
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
