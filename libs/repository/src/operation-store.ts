import type { BatchStatus, ExecutionId, InstanceId } from '#domain';
import { executionId, instanceId } from '#domain';
import type { ExecutionRecord, ExecutionRef, ForceStopped, Launch, LaunchOutcome, OperationStore } from '#engine';
import type { Access } from './access.js';
import { refOf } from './codec.js';
import type { RedisExecutionReader } from './reader.js';
import { strings } from './script-runner.js';

/** How long a used idempotency key is remembered, in seconds. */
const IDEMPOTENCY_LIFETIME = 86_400;

/** What operators ask of executions. */
export function operationStore(at: Access, reader: RedisExecutionReader): OperationStore {
  const { redis, run, key } = at;

  const findLatest = async (instance: InstanceId): Promise<ExecutionRecord | undefined> => {
    const latest = await redis.hget(key('instance', instance), 'latest');
    return latest === null ? undefined : reader.findExecution(executionId(Number(latest)));
  };

  return {
    findLatest,
    findExecution: (id) => reader.findExecution(id),
    launch: (launch) => launchIn(at, launch),
    forceStop: (execution, by, requestId) => forceStopIn(at, execution, by, { requestId }),

    async findByIdentity(jobName, identity) {
      const found = await redis.get(key('identity', jobName, identity));
      return found === null ? undefined : findLatest(instanceId(Number(found)));
    },

    async stepHistory(instance, steps) {
      if (steps.length === 0) return [];
      const fields = steps.flatMap((step) => [`completed:${step}`, `started:${step}`]);
      const values = await redis.hmget(key('instance', instance), ...fields);
      return steps.map((_, i) => ({ completed: values[2 * i] !== null, startCount: Number(values[2 * i + 1] ?? 0) }));
    },

    async stop(id: ExecutionId, requestId) {
      return (await run('stop', { id, requestId })) === 1;
    },

    async findByKey(requestKey) {
      const [fingerprint, id, uuid] = await redis.hmget(key('idempotency', requestKey), 'fingerprint', 'id', 'uuid');
      if (!fingerprint || !id || !uuid) return undefined;
      const deleted = (await redis.hget(key('execution', id), 'uuid')) !== uuid;
      return { fingerprint, ...refOf(id, uuid), deleted };
    },

    async abandon(id: ExecutionId, requestId) {
      return (await run('abandon', { id, requestId })) === 1;
    },
  };
}

async function launchIn({ run }: Access, launch: Launch): Promise<LaunchOutcome> {
  const { uuid, jobName, definition, parameters, identity, restarts, idempotency, requestId } = launch;
  const reply = await run('launch', {
    uuid,
    job: jobName,
    definition: JSON.stringify(definition),
    parameters: JSON.stringify(parameters),
    identity,
    instanceId: restarts?.instanceId,
    expectedLatest: restarts?.executionId,
    expectedStatus: restarts?.status,
    requestKey: idempotency?.key,
    fingerprint: idempotency?.fingerprint,
    lifetime: IDEMPOTENCY_LIFETIME,
    requestId,
  });
  const [kind, id = '', foundUuid = ''] = strings(reply);
  if (kind === 'changed' || kind === 'key-reused') return { kind };
  return { kind: kind as 'launched' | 'repeated' | 'key-deleted', ...refOf(id, foundUuid) };
}

/** @param onlyRunning leaves one alone that has ended */
export async function forceStopIn(
  { run }: Access,
  { id, uuid }: ExecutionRef,
  by: string,
  { onlyRunning = false, requestId }: { onlyRunning?: boolean; requestId?: string | undefined } = {},
): Promise<ForceStopped | undefined> {
  const from = await run('forceStop', { id, uuid, by, onlyRunning: onlyRunning ? '1' : '', requestId });
  return from === '' ? undefined : { from: from as BatchStatus };
}
