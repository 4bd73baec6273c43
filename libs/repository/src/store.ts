import type { BatchStatus, ControlFacts, Counts, ExecutionId, InstanceId, Json } from '#domain';
import { COUNT_NAMES, executionId, executionUuid, instanceId } from '#domain';
import {
  LeaseLostError,
  type Acquired,
  MAX_FAILURES,
  type Announcement,
  type Claim,
  type ControlledExecution,
  type ControlStore,
  type ExecutionRecord,
  type ExecutionRef,
  type ForceStopped,
  type Forgotten,
  type ForgottenExecution,
  type KeyedExecution,
  type Launch,
  type LaunchOutcome,
  type Lease,
  type OperationStore,
  type PartitionEnd,
  type PartitionRef,
  type PartitionStore,
  type RecoveryStore,
  type RetentionStore,
  type SettlementStore,
  type StepEnd,
} from '#engine';
import type { Partition } from '#job-kit';
import type { RedisClient } from '#platform';
import {
  countsOf,
  countValues,
  decodeParameters,
  decodePartition,
  encodePartition,
  executionIds,
  hashOf,
} from './codec.js';
import { key, keyRoot, stepKey } from './keys.js';
import { RedisExecutionReader } from './reader.js';
import { list, scriptRunner, strings, type ScriptRunner } from './script-runner.js';
import { LOST, type ScriptName } from './scripts/index.js';

/** How long a used idempotency key is remembered, in seconds. */
const IDEMPOTENCY_LIFETIME = 86_400;

/** Executions and steps of one module in Redis hashes. Every change is one script; see `scripts/` for each one's promise. */
export class RedisExecutionStore
  implements OperationStore, ControlStore, PartitionStore, RecoveryStore, RetentionStore, SettlementStore
{
  readonly #root: string;
  readonly #run: ScriptRunner;
  readonly #reader: RedisExecutionReader;

  constructor(
    private readonly redis: RedisClient,
    prefix: string,
    moduleId: string,
  ) {
    this.#root = keyRoot(prefix, moduleId);
    this.#run = scriptRunner(redis, this.#root);
    this.#reader = new RedisExecutionReader(redis, prefix, moduleId);
  }

  // Operations

  async findExecution(id: ExecutionId): Promise<ExecutionRecord | undefined> {
    return this.#reader.findExecution(id);
  }

  async findLatest(instance: InstanceId): Promise<ExecutionRecord | undefined> {
    const latest = await this.redis.hget(key(this.#root, 'instance', instance), 'latest');
    return latest === null ? undefined : this.findExecution(executionId(Number(latest)));
  }

  async findByIdentity(jobName: string, identity: string): Promise<ExecutionRecord | undefined> {
    const found = await this.redis.get(key(this.#root, 'identity', jobName, identity));
    return found === null ? undefined : this.findLatest(instanceId(Number(found)));
  }

  async stepHistory(instance: InstanceId, steps: number): Promise<{ completed: boolean; startCount: number }[]> {
    const indexes = Array.from({ length: steps }, (_, step) => step);
    const fields = indexes.flatMap((step) => [`completed:${step}`, `started:${step}`]);
    const values = await this.redis.hmget(key(this.#root, 'instance', instance), ...fields);
    return indexes.map((step) => ({
      completed: values[2 * step] !== null,
      startCount: Number(values[2 * step + 1] ?? 0),
    }));
  }

  async launch({ uuid, jobName, parameters, now, identity, restarts, idempotency }: Launch): Promise<LaunchOutcome> {
    const [kind, id, foundUuid] = strings(
      await this.#run(
        'launch',
        uuid,
        jobName,
        JSON.stringify(parameters),
        now,
        identity ?? '',
        restarts?.instanceId ?? '',
        restarts?.executionId ?? '',
        restarts?.status ?? '',
        idempotency?.key ?? '',
        idempotency?.fingerprint ?? '',
        IDEMPOTENCY_LIFETIME,
      ),
    );
    if (kind === 'changed' || kind === 'key-reused') return { kind };
    return {
      kind: kind === 'repeated' ? 'repeated' : 'launched',
      id: executionId(Number(id)),
      uuid: executionUuid(foundUuid ?? ''),
    };
  }

  async stop(id: ExecutionId, now: number): Promise<boolean> {
    return (await this.#run('stop', id, now)) === 1;
  }

  async findByKey(key_: string): Promise<KeyedExecution | undefined> {
    const found = await this.redis.hmget(key(this.#root, 'idempotency', key_), 'fingerprint', 'id', 'uuid');
    const [fingerprint, id, uuid] = found;
    if (!fingerprint || !id || !uuid) return undefined;
    if ((await this.redis.hget(key(this.#root, 'execution', id), 'uuid')) !== uuid) return undefined;
    return { fingerprint, id: executionId(Number(id)), uuid: executionUuid(uuid) };
  }

  async forceStop(ref: ExecutionRef, now: number, by: string): Promise<ForceStopped | undefined> {
    return this.#forceStop(ref, now, by, false);
  }

  async stopIfRunning(ref: ExecutionRef, now: number, by: string): Promise<ForceStopped | undefined> {
    return this.#forceStop(ref, now, by, true);
  }

  async #forceStop({ id, uuid }: ExecutionRef, now: number, by: string, ifRunning: boolean) {
    const from = await this.#run('forceStop', id, uuid, now, by, ifRunning ? '1' : '');
    return from === '' ? undefined : { from: from as BatchStatus };
  }

  async abandon(id: ExecutionId, now: number): Promise<boolean> {
    return (await this.#run('abandon', id, now)) === 1;
  }

  // Control

  async acquire({ id, uuid }: ExecutionRef, token: string, leaseMs: number): Promise<Acquired> {
    const [kind, fruitlessControls] = list(await this.#run('acquire', id, token, uuid, leaseMs));
    if (kind === 'acquired') return { kind, fruitlessControls: Number(fruitlessControls) };
    return { kind: kind === 'busy' ? 'busy' : 'gone' };
  }

  async renew(lease: Lease, leaseMs: number): Promise<void> {
    await this.#held('renew', lease, leaseMs);
  }

  async release(lease: Lease): Promise<'released' | 'again'> {
    return (await this.#held('release', lease)) as 'released' | 'again';
  }

  async load({ id, uuid }: ExecutionRef): Promise<ControlledExecution | undefined> {
    const execution = hashOf(Object.entries(await this.redis.hgetall(key(this.#root, 'execution', id))).flat());
    if (execution.get('uuid') !== uuid) return undefined;
    const instance = instanceId(Number(execution.get('instanceId')));
    return {
      id,
      uuid,
      instanceId: instance,
      instanceUuid: executionUuid(execution.get('instanceUuid') ?? ''),
      jobName: execution.get('jobName') ?? '',
      parameters: decodeParameters(execution),
    };
  }

  async facts(lease: Lease, steps: readonly { partitioned: boolean; rerun: boolean }[]): Promise<ControlFacts> {
    const [status, ...found] = list(await this.#held('facts', lease, ...steps.map(({ rerun }) => (rerun ? '1' : '0'))));
    return {
      status: status as BatchStatus,
      steps: steps.map(({ partitioned }, i) => {
        const [stepStatus, skip, planned, total, inFlight, waiting, failed] = list(found[i] ?? []);
        return {
          status: stepStatus === '' ? undefined : (stepStatus as BatchStatus),
          skip: skip === 1,
          partitioned,
          planned: planned === 1,
          empty: total === 0,
          inFlight: Number(inFlight),
          waiting: Number(waiting),
          dispatched: false,
          partitionFailed: Number(failed) > 0,
        };
      }),
    };
  }

  async beginExecution(lease: Lease, now: number): Promise<void> {
    await this.#held('beginExecution', lease, now);
  }

  async beginStep(lease: Lease, step: number, stepName: string, now: number): Promise<void> {
    await this.#held('beginStep', lease, step, stepName, now);
  }

  async beginPlan(lease: Lease, step: number): Promise<void> {
    await this.#held('beginPlan', lease, step);
  }

  async appendPlan(
    lease: Lease,
    step: number,
    offset: number,
    partitions: readonly Partition[],
    now: number,
  ): Promise<BatchStatus> {
    const rows = partitions.reduce((sum, partition) => sum + partition.rows, 0);
    const items = partitions.map(encodePartition);
    return (await this.#held('appendPlan', lease, step, now, offset, rows, ...items)) as BatchStatus;
  }

  async sealPlan(lease: Lease, step: number, partitions: number, now: number): Promise<void> {
    await this.#held('sealPlan', lease, step, partitions, now);
  }

  async dispatch(lease: Lease, step: number, window: number): Promise<number[]> {
    const inFlight = strings(await this.#held('dispatch', lease, step, window)).map(Number);
    return inFlight.toSorted((a, b) => a - b);
  }

  async endStep(lease: Lease, step: number, { status, exitCode, failure }: StepEnd, now: number): Promise<void> {
    await this.#held('endStep', lease, step, status, exitCode, now, ...failureArguments(failure));
  }

  async endExecution(lease: Lease, { status, exitCode, failure }: StepEnd, now: number): Promise<void> {
    await this.#held('endExecution', lease, status, exitCode, now, ...failureArguments(failure));
  }

  async setResult(lease: Lease, name: string, value: Json): Promise<void> {
    await this.#held('setResult', lease, name, JSON.stringify(value));
  }

  async #held(name: ScriptName, { id, token }: Lease, ...args: (string | number)[]) {
    const answer = await this.#run(name, id, token, ...args);
    if (answer === LOST) throw new LeaseLostError(`The lease on execution ${id} is lost.`);
    return answer;
  }

  // Partitions

  async claim(ref: PartitionRef, fence: number | undefined, now: number): Promise<Claim> {
    const [kind, ...rest] = list(await this.#run('claim', ...attempt(ref), fence ?? '', now));
    switch (kind) {
      case 'run':
        return {
          kind,
          fence: Number(rest[0]),
          fruitlessAttempts: Number(rest[1]),
          partition: decodePartition(String(rest[2])),
          position: rest[3] === '' ? undefined : (JSON.parse(String(rest[3])) as Json),
          counts: countsOf(rest.slice(4)),
        };
      case 'stopping':
        return { kind, fence: Number(rest[0]), counts: countsOf(rest.slice(1)) };
      case 'finished':
        return { kind, announcement: announcementOf(rest) };
      default:
        return { kind: kind === 'outrun' ? 'outrun' : 'gone' };
    }
  }

  async isAwaited(ref: PartitionRef): Promise<boolean> {
    return (await this.#run('awaited', ...attempt(ref))) === 1;
  }

  async holds(ref: PartitionRef, fence: number): Promise<boolean> {
    return (await this.#run('holds', ...attempt(ref), fence)) === 1;
  }

  async progress(
    ref: PartitionRef,
    fence: number,
    counts: Counts,
    now: number,
    checkpoint?: { position: Json; skipLimit: number },
  ): Promise<'go-on' | 'stop' | 'superseded' | 'skip-limit'> {
    const position = checkpoint ? [JSON.stringify(checkpoint.position), checkpoint.skipLimit] : ['', 0];
    const answer = await this.#run('progress', ...attempt(ref), fence, now, ...position, ...countValues(counts));
    return answer as 'go-on' | 'stop' | 'superseded' | 'skip-limit';
  }

  async finish(ref: PartitionRef, fence: number, end: PartitionEnd, now: number): Promise<Announcement | undefined> {
    const { status, failure, counts } = end;
    const answer = list(
      await this.#run(
        'finish',
        ...attempt(ref),
        fence,
        now,
        status,
        failure ?? '',
        MAX_FAILURES,
        ...countValues(counts),
      ),
    );
    return answer.length === 0 ? undefined : announcementOf(answer);
  }

  // Retention

  async expired(status: BatchStatus, before: number, keep: number, limit: number): Promise<ExecutionId[]> {
    const ended = key(this.#root, 'ended', status);
    const old = Number.isFinite(before)
      ? await this.redis.zrangebyscore(ended, '-inf', `(${before}`, 'LIMIT', 0, limit)
      : [];
    const many = await this.#tooMany(ended, keep, limit);
    return (many.length > old.length ? many : old).map((id) => executionId(Number(id)));
  }

  /** The oldest members beyond so many. Counted and read at one moment: another run may be deleting them. */
  async #tooMany(ended: string, keep: number, limit: number): Promise<string[]> {
    const replies = await this.redis
      .multi()
      .zcard(ended)
      .zrange(ended, '0', String(limit - 1))
      .exec();
    const [count, oldest] = (replies ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    }) as [number, string[]];
    return oldest.slice(0, Math.max(0, count - keep));
  }

  async forget(id: ExecutionId, most: number, evenUnsettled = false): Promise<Forgotten> {
    const [kind] = strings(await this.#run('forget', id, most, evenUnsettled ? 1 : 0));
    return kind as Forgotten;
  }

  async forgottenFor(ms: number, limit: number): Promise<ForgottenExecution[]> {
    return strings(await this.#run('forgotten', ms, limit)).map((member) => {
      const [uuid = '', instanceUuid = '', instanceGone] = member.split(',');
      return {
        uuid: executionUuid(uuid),
        instanceUuid: executionUuid(instanceUuid),
        instanceGone: instanceGone === '1',
      };
    });
  }

  async purged({ uuid, instanceUuid, instanceGone }: ForgottenExecution): Promise<void> {
    const member = [uuid, instanceUuid, instanceGone ? 1 : 0].join(',');
    await this.redis.zrem(key(this.#root, 'forgotten'), member);
  }

  // Settlement

  async unsettledFor(ms: number, limit: number): Promise<ExecutionRef[]> {
    return this.#oldest('unsettled', ms, limit);
  }

  async unsettledBefore(instance: InstanceId, id: ExecutionId): Promise<ExecutionRef[]> {
    const executions = await this.redis.hget(key(this.#root, 'instance', instance), 'executions');
    const earlier = executionIds(new Map([['executions', executions ?? '']])).filter((other) => Number(other) < id);
    if (earlier.length === 0) return [];
    const since = await this.redis.zmscore(key(this.#root, 'unsettled'), ...earlier);
    return this.#refs(earlier.filter((_, i) => since[i] !== null));
  }

  async stepCounts({ id }: ExecutionRef, step: number): Promise<Counts> {
    return countsOf(await this.redis.hmget(key(this.#root, 'stepExecution', id, stepKey(step)), ...COUNT_NAMES));
  }

  async settle(ref: PartitionRef, stepName: string, counts: Counts, now: number): Promise<void> {
    const [id, uuid, step, partition] = attempt(ref);
    await this.#run('settle', id, uuid, step, partition, stepName, now, ...countValues(counts));
  }

  async settled({ id, uuid }: ExecutionRef, steps: readonly { step: number; counts: Counts }[]): Promise<void> {
    await this.#run('settled', id, uuid, ...steps.flatMap(({ step, counts }) => [step, ...countValues(counts)]));
  }

  // Recovery

  async silentFor(ms: number, limit: number): Promise<ExecutionRef[]> {
    return this.#oldest('running', ms, limit);
  }

  /** By Redis's clock, which wrote the scores. */
  async #oldest(index: 'running' | 'unsettled', ms: number, limit: number): Promise<ExecutionRef[]> {
    const found = hashOf(strings(await this.#run('oldest', index, ms, limit)));
    return [...found].map(([id, uuid]) => ({ id: executionId(Number(id)), uuid: executionUuid(uuid) }));
  }

  async #refs(ids: readonly string[]): Promise<ExecutionRef[]> {
    const uuids = await Promise.all(ids.map((id) => this.redis.hget(key(this.#root, 'execution', id), 'uuid')));
    return ids.flatMap((id, i) => {
      const uuid = uuids[i];
      return uuid ? [{ id: executionId(Number(id)), uuid: executionUuid(uuid) }] : [];
    });
  }
}

const attempt = ({ id, uuid, step, partition }: PartitionRef) => [id, uuid, step, partition] as const;

const announcementOf = ([successor, stepDone]: readonly unknown[]): Announcement => ({
  successor: successor === '' ? undefined : Number(successor),
  stepDone: stepDone === 1,
});

const failureArguments = (failure: StepEnd['failure']) => [
  failure?.stepName ?? '',
  failure?.message ?? '',
  MAX_FAILURES,
];
