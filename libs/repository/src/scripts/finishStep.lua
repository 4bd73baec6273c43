-- Ends a step's own work. PLANNED seals the plan, which is never computed again, and hands out the first partitions; any
-- other status ends the step. What completes while the execution is stopping is COMPLETED.
--
-- args: id uuid step fence status exitCode failedStep message partitions window
--   failedStep: '' where nothing has failed; partitions: how many the plan must hold
-- Returns {1, {partition in flight, …}}, or {0} once superseded, if the plan holds another number of partitions, or the
-- execution (gone back by a second) knows nothing of the stop that is reported.
--
-- Twice: the fence is still the newest, and the work has ended as this call would end it; the answer is the same.

local key = stepExecutionKey(id, step)
local execution, instanceId = workedBy(id, uuid, step, fence)
if not execution then
  execution, instanceId = statusOf(id, uuid)
  local known = redis.call('HMGET', key, 'status', 'work', 'fence')
  if not execution or not RUNNING[execution] or known[2] or known[3] ~= fence then return {0} end
  local isPlanned = redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. step) == 1
  if known[1] ~= status and not (status == 'PLANNED' and isPlanned) then return {0} end
elseif status == 'PLANNED' then
  if redis.call('LLEN', planKey(instanceId, step)) ~= tonumber(partitions) then return {0} end
  local instance = instanceKey(instanceId)
  if redis.call('HSETNX', instance, 'planned:' .. step, 1) == 1 then
    redis.call('HSET', instance, 'total:' .. step, partitions)
    redis.call('HINCRBY', instance, 'partitionsTotal', partitions)
    redis.call('HINCRBY', instance, 'rowsTotal', redis.call('HGET', instance, 'rows:' .. step) or 0)
  end
  redis.call('HDEL', key, 'work', 'attempts')
  redis.call('HSET', executionKey(id), 'lastUpdatedTime', NOW)
  if execution == 'STARTED' then fillWindow(id, step, instanceId, window) end
  touch(id)
else
  if status == 'STOPPED' and execution ~= 'STOPPING' then return {0} end
  closeStep(id, step, instanceId, status, exitCode, failedStep, message)
  touch(id)
end
return {1, redis.call('SMEMBERS', inFlightKey(id, step))}
