-- Begins a step of a STARTED execution, and counts a start of it in the instance.
--
-- args: id token step
-- Returns LOST, 'changed' or 'unchanged'. Twice: a step that has begun is left as it is.

if not holdsLease(id, token) then return LOST end
local status, instanceId = statusOf(id)
if status ~= 'STARTED' or redis.call('EXISTS', stepExecutionKey(id, step)) == 1 then return 'unchanged' end
local instance = instanceKey(instanceId)
redis.call('HINCRBY', instance, 'started:' .. step, 1)
-- Run again although COMPLETED: forget which partitions were, and take them out of the progress.
if redis.call('HDEL', instance, 'completed:' .. step) == 1 then
  local completed = completedKey(instanceId, step)
  -- 0 - n, since Redis takes Lua's -0 for no integer.
  redis.call('HINCRBY', instance, 'partitionsDone', 0 - redis.call('BITCOUNT', completed))
  redis.call('HINCRBY', instance, 'rowsDone', 0 - (redis.call('HGET', instance, 'rowsDone:' .. step) or 0))
  redis.call('HDEL', instance, 'rowsDone:' .. step)
  redis.call('DEL', completed, positionsKey(instanceId, step))
end
beginStepExecution(id, step)
redis.call('HSET', executionKey(id), 'lastUpdatedTime', NOW)
return 'changed'
