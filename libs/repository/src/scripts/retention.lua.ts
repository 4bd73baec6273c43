/**
 * Deletes an execution that has ended, its steps first, a bounded number a call. With its last execution the
 * instance goes too.
 *
 * ARGV: id, most steps to delete in this call, '1' to delete one that is unsettled
 * Returns {'running'}, {'unsettled'}, {'gone'}, {'more'} or {'done'}. What its database still holds is then noted in `forgotten`.
 *
 * Twice: a call that finds less to delete deletes that; after 'done' it finds nothing.
 */
export const forget = `
local id, most = ARGV[1], tonumber(ARGV[2])
local status = statusOf(id)
if not status then return {'gone'} end
if RUNNING[status] then return {'running'} end
if ARGV[3] ~= '1' and redis.call('ZSCORE', unsettledKey(), id) then return {'unsettled'} end
redis.call('ZREM', unsettledKey(), id)
for _, ref in ipairs(redis.call('RPOP', stepsKey(id), most) or {}) do redis.call('UNLINK', stepExecutionKey(id, ref)) end
if redis.call('EXISTS', stepsKey(id)) == 1 then return {'more'} end

local execution = redis.call('HMGET', executionKey(id), 'uuid', 'instanceId', 'instanceUuid', 'jobName')
local uuid, instanceId, instanceUuid, job = execution[1], execution[2], execution[3], execution[4]
local instance = instanceKey(instanceId)
leaveStatus(id, status, instanceId, job)
redis.call('HDEL', uuidsKey(), uuid)
redis.call('UNLINK', executionKey(id), inFlightKey(id), leaseKey(id), nudgeKey(id))
local others, latest = {}, nil
for other in string.gmatch(redis.call('HGET', instance, 'executions') or '', '%d+') do
  if other ~= id then table.insert(others, other); latest = other end
end
if latest then
  redis.call('HSET', instance, 'executions', table.concat(others, ','), 'latest', latest)
  redis.call('ZADD', forgottenKey(), serverNow(), uuid .. ',' .. instanceUuid .. ',0')
  return {'done'}
end
for _, field in ipairs(redis.call('HKEYS', instance)) do
  local step = string.match(field, '^started:(%d+)$')
  if step then redis.call('UNLINK', planKey(instanceId, step), completedKey(instanceId, step), positionsKey(instanceId, step)) end
end
local identity = redis.call('HGET', instance, 'identity')
if identity then redis.call('DEL', identityKey(job, identity)) end
redis.call('ZREM', instancesKey(job), instanceId)
redis.call('UNLINK', instance)
redis.call('ZADD', forgottenKey(), serverNow(), uuid .. ',' .. instanceUuid .. ',1')
return {'done'}
`;

/** What has been deleted for so long, by Redis's clock. ARGV: ms, most. Returns the members of `forgotten`, longest first. */
export const forgotten = `
return redis.call('ZRANGEBYSCORE', forgottenKey(), '-inf', serverNow() - ARGV[1], 'LIMIT', 0, ARGV[2])
`;
