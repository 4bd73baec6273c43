import type { BatchStatus, ExecutionId, ExecutionUuid } from '#domain';
import { instanceId } from '#domain';
import {
  LISTED_STEPS,
  type ExecutionReader,
  type ExecutionRecord,
  type InstanceQuery,
  type InstanceRecord,
  type StepExecutionRecord,
} from '#engine';
import type { RedisClient } from '#platform';
import { decodeExecution, decodeStep, hashOf } from './codec.js';
import { key, keyRoot } from './keys.js';
import { list, scriptRunner, strings, type ScriptRunner } from './script-runner.js';

/** Questions, answered from Redis: an index look-up and one script, however much is stored. */
export class RedisExecutionReader implements ExecutionReader {
  readonly #root: string;
  readonly #run: ScriptRunner;

  constructor(
    private readonly redis: RedisClient,
    prefix: string,
    moduleId: string,
  ) {
    this.#root = keyRoot(prefix, moduleId);
    this.#run = scriptRunner(redis, this.#root);
  }

  async listInstances(jobName: string, query: InstanceQuery): Promise<InstanceRecord[]> {
    return this.#readInstances(await this.#page(jobName, query), query.statuses);
  }

  async findByUuid(jobName: string, uuid: ExecutionUuid): Promise<InstanceRecord | undefined> {
    const id = await this.redis.hget(key(this.#root, 'uuids'), uuid);
    if (id === null) return undefined;
    const instance = await this.redis.hget(key(this.#root, 'execution', id), 'instanceId');
    if (instance === null) return undefined;
    const [found] = await this.#readInstances([instance], [], id);
    return found?.jobName === jobName ? found : undefined;
  }

  async findExecution(id: ExecutionId): Promise<ExecutionRecord | undefined> {
    const [execution, instance] = list(await this.#run('readExecution', id));
    if (!execution || !instance) return undefined;
    return decodeExecution(hashOf(strings(execution)), hashOf(strings(instance)));
  }

  async listSteps(id: ExecutionId, start: number, count: number): Promise<StepExecutionRecord[]> {
    if (count < 1) return [];
    const steps = list(await this.#run('readSteps', id, start, start + count - 1));
    return steps.map((entry) => {
      const [name, step] = list(entry);
      return decodeStep(String(name), hashOf(strings(step ?? [])));
    });
  }

  /** Ids of the instances on a page, newest first. Of several statuses the newest of each are merged: that costs `start`. */
  async #page(jobName: string, { start, count, statuses }: InstanceQuery): Promise<string[]> {
    const end = start + count - 1;
    const [first, ...others] = statuses;
    if (first === undefined) return this.redis.zrevrange(key(this.#root, 'instances', jobName), start, end);
    const index = (status: BatchStatus) => key(this.#root, 'instancesByStatus', jobName, status);
    if (others.length === 0) return this.redis.zrevrange(index(first), start, end);
    const pages = await Promise.all(statuses.map((status) => this.redis.zrevrange(index(status), 0, end)));
    const newestFirst = [...new Set(pages.flat())].toSorted((a, b) => Number(b) - Number(a));
    return newestFirst.slice(start, end + 1);
  }

  async #readInstances(
    ids: readonly string[],
    statuses: readonly BatchStatus[],
    only: string = '',
  ): Promise<InstanceRecord[]> {
    const found: ReturnType<typeof list> = [];
    for (let from = 0; from < ids.length; from += INSTANCES_A_CALL) {
      const some = ids.slice(from, from + INSTANCES_A_CALL);
      found.push(...list(await this.#run('readInstances', LISTED_STEPS, only, statuses.join(','), ...some)));
    }
    const instances = found.map((entry) => {
      const [first, ...executions] = list(entry);
      const instance = hashOf(strings(first ?? []));
      return {
        id: instanceId(Number(instance.get('id'))),
        jobName: instance.get('jobName') ?? '',
        executions: executions.map((execution) => {
          const [hash, steps] = list(execution);
          return { ...decodeExecution(hashOf(strings(hash ?? [])), instance), steps: pairs(strings(steps ?? [])) };
        }),
      };
    });
    // One whose last matching execution moved on since the page was read has none left.
    return instances.filter(({ executions }) => executions.length > 0);
  }
}

/** Instances read by one script, so that a long listing of large executions does not hold Redis up. */
const INSTANCES_A_CALL = 20;

const pairs = (flat: readonly string[]): { stepName: string; exitCode: string }[] =>
  flat.flatMap((stepName, i) => (i % 2 === 0 ? [{ stepName, exitCode: flat[i + 1] ?? '' }] : []));
