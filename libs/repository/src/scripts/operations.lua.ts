/**
 * Creates an execution: of a new instance, or (a restart) the next one of an instance.
 *
 * ARGV: uuid, job name, parameters (JSON), now, identity or '', instance id or '', its expected newest execution,
 *       that one's expected status, idempotency key or '', fingerprint, key's lifetime in seconds
 * Returns {'launched' | 'repeated', id, uuid}, {'key-reused'} or {'changed'}.
 *
 * Guards, lock of the instance and insert are this one script, so of many simultaneous starts or restarts one wins.
 * Twice: with an idempotency key the second call finds the first one's execution; without, it is another start, or
 * (a restart) is refused as 'changed', since the newest execution is no longer the expected one.
 */
export const launch = `
local uuid, job, parameters, now, identity = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local instanceId, expectedLatest, expectedStatus = ARGV[6], ARGV[7], ARGV[8]
local requestKey, fingerprint, lifetime = ARGV[9], ARGV[10], ARGV[11]

if requestKey ~= '' then
  local known = redis.call('HMGET', idempotencyKey(requestKey), 'fingerprint', 'id', 'uuid')
  -- A key whose execution was deleted may be used again.
  if known[1] and statusOf(known[2], known[3]) then
    if known[1] ~= fingerprint then return {'key-reused'} end
    return {'repeated', known[2], known[3]}
  end
end

if instanceId ~= '' then
  local latest = redis.call('HGET', instanceKey(instanceId), 'latest')
  if latest ~= expectedLatest or statusOf(latest) ~= expectedStatus then return {'changed'} end
elseif identity ~= '' and redis.call('EXISTS', identityKey(job, identity)) == 1 then
  return {'changed'}
end

local id = redis.call('INCR', lastExecutionIdKey())
if instanceId == '' then
  instanceId = redis.call('INCR', lastInstanceIdKey())
  redis.call('HSET', instanceKey(instanceId), 'id', instanceId, 'uuid', uuid, 'jobName', job)
  redis.call('ZADD', instancesKey(job), instanceId, instanceId)
  if identity ~= '' then
    redis.call('SET', identityKey(job, identity), instanceId)
    redis.call('HSET', instanceKey(instanceId), 'identity', identity)
  end
end
local instance = instanceKey(instanceId)
local executions = redis.call('HGET', instance, 'executions')
redis.call('HSET', instance, 'latest', id, 'executions', executions and (executions .. ',' .. id) or id)
redis.call('HSET', executionKey(id), 'id', id, 'uuid', uuid, 'instanceId', instanceId,
  'instanceUuid', redis.call('HGET', instance, 'uuid'), 'jobName', job, 'parameters', parameters,
  'exitCode', 'UNKNOWN', 'createTime', now)
redis.call('HSET', uuidsKey(), uuid, id)
moveTo(id, 'STARTING', now)
if requestKey ~= '' then
  redis.call('HSET', idempotencyKey(requestKey), 'fingerprint', fingerprint, 'id', id, 'uuid', uuid)
  redis.call('EXPIRE', idempotencyKey(requestKey), lifetime)
end
return {'launched', id, uuid}
`;

/**
 * Asks for a stop, and takes back the partitions that no worker has begun.
 *
 * ARGV: id, now. Returns 1, or 0 if the state machine does not let its status become STOPPING.
 * Twice: the second call returns 0 and changes nothing.
 */
export const stop = `
local id, now = ARGV[1], ARGV[2]
local status = statusOf(id)
if not status or not SOURCES['STOPPING'][status] then return 0 end
moveTo(id, 'STOPPING', now)
local ref = redis.call('LINDEX', stepsKey(id), -1)
local stepIndex = ref and string.match(ref, '^%d+')
for _, partition in ipairs(redis.call('SMEMBERS', inFlightKey(id))) do
  if redis.call('EXISTS', stepExecutionKey(id, stepIndex .. '.' .. partition)) == 0 then
    redis.call('SREM', inFlightKey(id), partition)
  end
end
return 1
`;

/**
 * Marks an execution STOPPED whatever it was, its unfinished steps too, and takes its lease away. Its counts are to be
 * settled then: a worker may have died, or be shut out, between a commit and its mirror.
 *
 * ARGV: id, uuid, now, by whom, '1' to leave one alone that has ended. Returns the status it was in, or '' if there is
 * none such.
 * Twice: an execution that is STOPPED stays as it is, its end time and description too, and is to be settled again.
 */
export const forceStop = `
local id, now, by = ARGV[1], ARGV[3], ARGV[4]
local status = statusOf(id, ARGV[2])
if not status then return '' end
if ARGV[5] == '1' and not RUNNING[status] then return status end
if status ~= 'STOPPED' then
  moveTo(id, 'STOPPED', now)
  local execution = executionKey(id)
  redis.call('HSETNX', execution, 'endTime', now)
  redis.call('HSET', execution, 'exitCode', 'STOPPED', 'exitDescription', 'Force-stopped by ' .. by .. ' from ' .. status)
  endOpenSteps(id, 'STOPPED', now)
  redis.call('DEL', leaseKey(id), nudgeKey(id), inFlightKey(id))
end
redis.call('ZADD', unsettledKey(), 'NX', serverNow(), id)
return status
`;

/** ARGV: id, now. Returns 1, or 0 if its status may not become ABANDONED. Twice: 0, nothing changes. */
export const abandon = `
local status = statusOf(ARGV[1])
if not status or not SOURCES['ABANDONED'][status] then return 0 end
moveTo(ARGV[1], 'ABANDONED', ARGV[2])
return 1
`;
