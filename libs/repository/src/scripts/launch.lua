-- Creates an execution: of a new instance, or (a restart) the next one of an instance.
--
-- args: uuid job definition parameters identity instanceId expectedLatest expectedStatus requestKey fingerprint lifetime requestId
--   definition, parameters: JSON; identity: '' where every start is a new instance; instanceId: '' for a new one, else
--   with the newest execution and status that it was seen with; requestKey: idempotency key or ''; lifetime: of the key,
--   in seconds; requestId: of the request that asks for it, or ''
-- Returns {'launched' | 'repeated' | 'key-deleted', id, uuid}, {'key-reused'} or {'changed'}.
--
-- Guards, lock of the instance and insert are this one script, so of many simultaneous starts or restarts one wins.
-- Twice: with an idempotency key the second call finds the first one's execution; without, it is another start, or
-- (a restart) is refused as 'changed', since the newest execution is no longer the expected one.

if requestKey ~= '' then
  local known = redis.call('HMGET', idempotencyKey(requestKey), 'fingerprint', 'id', 'uuid')
  if known[1] then
    if known[1] ~= fingerprint then return {'key-reused'} end
    return {statusOf(known[2], known[3]) and 'repeated' or 'key-deleted', known[2], known[3]}
  end
end

if instanceId ~= '' then
  local known = redis.call('HMGET', instanceKey(instanceId), 'latest', 'abandoned')
  if known[2] or known[1] ~= expectedLatest or statusOf(known[1]) ~= expectedStatus then return {'changed'} end
elseif identity ~= '' and redis.call('EXISTS', identityKey(job, identity)) == 1 then
  return {'changed'}
end

local isRestart = instanceId ~= ''
local id = redis.call('INCR', lastExecutionIdKey())
if not isRestart then
  instanceId = redis.call('INCR', lastInstanceIdKey())
  redis.call('HSET', instanceKey(instanceId), 'id', instanceId, 'uuid', uuid, 'jobName', job)
  redis.call('ZADD', instancesKey(job), instanceId, instanceId)
  if identity ~= '' then
    redis.call('SET', identityKey(job, identity), instanceId)
    redis.call('HSET', instanceKey(instanceId), 'identity', identity)
  end
end
redis.call('HSET', instanceKey(instanceId), 'latest', id)
redis.call('ZADD', executionsKey(instanceId), id, id)
redis.call('HSET', executionKey(id), 'id', id, 'uuid', uuid, 'instanceId', instanceId,
  'instanceUuid', redis.call('HGET', instanceKey(instanceId), 'uuid'), 'jobName', job, 'definition', definition,
  'parameters', parameters, 'exitCode', 'UNKNOWN', 'createTime', NOW)
if isRestart then redis.call('HSET', executionKey(id), 'restart', 1) end
redis.call('HSET', uuidsKey(), uuid, id)
causedBy(id, requestId)
moveTo(id, 'STARTING')
if requestKey ~= '' then
  redis.call('HSET', idempotencyKey(requestKey), 'fingerprint', fingerprint, 'id', id, 'uuid', uuid)
  redis.call('EXPIRE', idempotencyKey(requestKey), lifetime)
end
return {'launched', id, uuid}
