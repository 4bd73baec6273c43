import type { ExecutionId, ExecutionUuid } from '#domain';
import { instanceId } from '#domain';
import {
  LISTED_EXECUTIONS,
  LISTED_STEPS,
  LISTING_STEPS,
  type ExecutionReader,
  type ExecutionRecord,
  type InstanceQuery,
  type InstanceRecord,
  type ListedExecution,
  type StepExecutionRecord,
  type StepSummary,
} from '#engine';
import type { RedisClient } from '#platform';
import { accessTo, type Access } from './access.js';
import { decodeExecution, decodeStep, hashOf } from './codec.js';
import { list, strings, type Reply } from './script-runner.js';

/** Hashes read by one script, so that a long listing of large executions does not hold Redis up. */
const HASHES_A_CALL = 1_000;

/** An instance that is being read: with the executions found so far, as they are listed. */
type Found = { id: string; record: InstanceRecord | undefined };

/** Where to go on reading an instance's executions. */
type Place = readonly [instance: string, execution: string];

const NEWEST = '+inf';

/** Questions, answered from Redis: an index look-up and scripts that each read a bounded number of hashes. */
export class RedisExecutionReader implements ExecutionReader {
  readonly #at: Access;

  constructor(redis: RedisClient, prefix: string, moduleId: string) {
    this.#at = accessTo(redis, prefix, moduleId);
  }

  async listInstances(jobName: string, query: InstanceQuery): Promise<InstanceRecord[]> {
    const instances = await this.#readInstances(await this.#page(jobName, query), query);
    await this.#addSteps(instances.flatMap(({ executions }) => executions));
    return instances;
  }

  async findByUuid(jobName: string, uuid: ExecutionUuid): Promise<InstanceRecord | undefined> {
    const id = await this.#at.redis.hget(this.#at.key('uuids'), uuid);
    const execution = id === null ? undefined : await this.findExecution(Number(id) as ExecutionId);
    if (execution?.jobName !== jobName || execution.uuid !== uuid) return undefined;
    const executions = [{ ...execution, steps: [] }];
    await this.#addSteps(executions);
    return { id: execution.instanceId, jobName, executions, isCut: false };
  }

  async findExecution(id: ExecutionId): Promise<ExecutionRecord | undefined> {
    const [execution, instance, readAt] = list(await this.#at.run('readExecution', { id }));
    if (!execution || !instance) return undefined;
    return decodeExecution(hashOf(strings(execution)), hashOf(strings(instance)), Number(readAt));
  }

  async listSteps(id: ExecutionId, start: number, count: number): Promise<StepExecutionRecord[]> {
    const found: StepExecutionRecord[] = [];
    while (found.length < count) {
      const most = Math.min(count - found.length, HASHES_A_CALL);
      const steps = list(await this.#at.run('readSteps', { id, start: start + found.length, count: most }));
      for (const entry of steps) {
        const [name, isPartition, hash] = list(entry);
        found.push(decodeStep(String(name), isPartition === 1, hashOf(strings(hash))));
      }
      if (steps.length < most) break;
    }
    return found;
  }

  /** Ids of the instances on a page, newest first. */
  async #page(jobName: string, { start, count, statuses }: InstanceQuery): Promise<string[]> {
    const { redis, key, run } = this.#at;
    if (statuses.length === 0) return redis.zrevrange(key('instances', jobName), start, start + count - 1);
    return strings(await run('findInstances', { job: jobName, start, count, statuses }));
  }

  /** In the order of `ids`, without those that have no execution of these statuses (any more). */
  async #readInstances(ids: readonly string[], { statuses, before }: InstanceQuery): Promise<InstanceRecord[]> {
    const found = new Map(ids.map((id): [string, Found] => [id, { id, record: undefined }]));
    let places: Place[] = ids.map((id) => [id, before === undefined ? NEWEST : `(${before}`]);
    let room = LISTING_STEPS;
    while (places.length > 0) {
      const reply = await this.#at.run('readInstances', {
        statuses: statuses.join(','),
        most: HASHES_A_CALL,
        mostSteps: Math.min(room, LISTED_STEPS),
        places: places.slice(0, HASHES_A_CALL).flat(),
      });
      const [readAt, ...entries] = list(reply);
      const left = entries.flatMap((entry, i): Place[] => {
        const [id] = places[i]!;
        const { next, steps } = addTo(found.get(id)!, list(entry), Number(readAt));
        room = Math.max(0, room - steps);
        return next === '' ? [] : [[id, next]];
      });
      places = [...left, ...places.slice(entries.length)];
    }
    return [...found.values()].flatMap(({ record }) => (record && record.executions.length > 0 ? [record] : []));
  }

  /** Adds the steps where they are missing and there is room, of so many executions a call that their steps are few enough. */
  async #addSteps(executions: readonly ListedExecution[]): Promise<void> {
    for (const batch of batches(withRoom(executions))) {
      const ids = batch.map(({ id }) => id);
      const found = list(await this.#at.run('readStepNames', { most: LISTED_STEPS, ids }));
      batch.forEach((execution, i) => (execution.steps = pairs(found[i])));
    }
  }
}

const isWithoutSteps = ({ stepCount, steps }: ListedExecution): boolean => stepCount > 0 && steps.length === 0;

/** The executions that are without their steps, newest first, as far as there is room for these in the answer. */
function withRoom(executions: readonly ListedExecution[]): ListedExecution[] {
  let room = LISTING_STEPS - executions.reduce((sum, { steps }) => sum + steps.length, 0);
  return executions.filter((execution) => {
    if (!isWithoutSteps(execution) || room < shownOf(execution)) return false;
    room -= shownOf(execution);
    return true;
  });
}

const shownOf = ({ stepCount }: ListedExecution): number => Math.min(stepCount, LISTED_STEPS);

/**
 * Adds what one call has read of an instance.
 *
 * @returns the execution to go on with, or '' at the end, and how many steps were added
 */
function addTo(found: Found, [hash, next, ...executions]: ReturnType<typeof list>, readAt: number) {
  const instance = hashOf(strings(hash));
  found.record ??= {
    id: instanceId(Number(found.id)),
    jobName: instance.get('jobName') ?? '',
    executions: [],
    isCut: false,
  };
  const { record } = found;
  let steps = 0;
  for (let i = 0; i + 1 < executions.length && record.executions.length < LISTED_EXECUTIONS; i += 2) {
    const execution = decodeExecution(hashOf(strings(executions[i])), instance, readAt);
    const summaries = pairs(executions[i + 1]);
    record.executions.push({ ...execution, steps: summaries });
    steps += summaries.length;
  }
  record.isCut =
    record.executions.length === LISTED_EXECUTIONS && (next !== '' || executions.length / 2 > LISTED_EXECUTIONS);
  return { next: record.isCut ? '' : String(next), steps };
}

/** Groups executions so that the steps shown of a group are at most {@link HASHES_A_CALL}, or it is a single one. */
function batches(executions: readonly ListedExecution[]): ListedExecution[][] {
  const groups: ListedExecution[][] = [];
  let room = 0;
  for (const execution of executions) {
    const hashes = shownOf(execution);
    if (hashes > room || groups.length === 0) {
      groups.push([]);
      room = HASHES_A_CALL;
    }
    groups.at(-1)!.push(execution);
    room -= hashes;
  }
  return groups;
}

/** Names and exit codes in turn; none where they were not read. */
const pairs = (reply: Reply | undefined): StepSummary[] =>
  reply === ''
    ? []
    : strings(reply).flatMap((stepName, i, flat) => (i % 2 === 0 ? [{ stepName, exitCode: flat[i + 1] ?? '' }] : []));
