-- Deletes an execution that has ended, its steps first, a bounded number a call. With its last execution the
-- instance goes too.
--
-- args: id most evenUnsettled
--   most: step executions to delete in this call; evenUnsettled: '1' to delete one that is unsettled
-- Returns 'running', 'unsettled', 'gone', 'more' or 'done'. What its database still holds is then noted in `forgotten`.
--
-- Twice: a call that finds less to delete deletes that; after 'done' it finds nothing.

local status, instanceId = statusOf(id)
if not status then return 'gone' end
if RUNNING[status] then return 'running' end
if evenUnsettled ~= '1' and redis.call('ZSCORE', unsettledKey(), id) then return 'unsettled' end
redis.call('ZREM', unsettledKey(), id)
local left = tonumber(most)
local step = redis.call('LINDEX', stepsKey(id), -1)
while step and left > 0 do
  local partitions = redis.call('RPOP', partitionsKey(id, step), left) or {}
  for _, partition in ipairs(partitions) do redis.call('UNLINK', partitionKey(id, step, partition)) end
  left = left - #partitions
  if left > 0 then
    redis.call('UNLINK', stepExecutionKey(id, step), inFlightKey(id, step))
    redis.call('RPOP', stepsKey(id))
    left = left - 1
    step = redis.call('LINDEX', stepsKey(id), -1)
  end
end
if step then return 'more' end

local execution = redis.call('HMGET', executionKey(id), 'uuid', 'instanceUuid', 'jobName')
local uuid, instanceUuid, job = execution[1], execution[2], execution[3]
local instance = instanceKey(instanceId)
leaveStatus(id, status, instanceId, job)
indexInstance(instanceId, job)
unseal(id)
redis.call('HDEL', uuidsKey(), uuid)
redis.call('UNLINK', executionKey(id), leaseKey(id), nudgeKey(id))
redis.call('ZREM', executionsKey(instanceId), id)
local latest = redis.call('ZRANGE', executionsKey(instanceId), -1, -1)[1]
if latest then
  redis.call('HSET', instance, 'latest', latest)
  redis.call('ZADD', forgottenKey(), NOW, uuid .. ',' .. instanceUuid .. ',0')
  return 'done'
end
for _, field in ipairs(redis.call('HKEYS', instance)) do
  local name = string.match(field, '^started:(.*)$')
  if name then
    redis.call('UNLINK', planKey(instanceId, name), completedKey(instanceId, name), positionsKey(instanceId, name))
  end
end
local identity = redis.call('HGET', instance, 'identity')
if identity then redis.call('DEL', identityKey(job, identity)) end
redis.call('ZREM', instancesKey(job), instanceId)
redis.call('UNLINK', instance)
redis.call('ZADD', forgottenKey(), NOW, uuid .. ',' .. instanceUuid .. ',1')
return 'done'
