-- Sets the counts of a partition of an ended execution to what its database holds. One that Redis does not know of (it has
-- lost the second in which it was begun) is listed, and STOPPED; so is its step.
--
-- args: id uuid step partition ...counts
-- Returns 1, or 0 where one that runs, or is not unsettled, is left alone: of one that is being deleted the steps are gone
-- already. Twice: counts are absolute.

local status, instanceId = statusOf(id, uuid)
if not status or RUNNING[status] or not redis.call('ZSCORE', unsettledKey(), id) then return 0 end
local stepKey, key = stepExecutionKey(id, step), partitionKey(id, step, partition)
if redis.call('EXISTS', stepKey) == 0 then
  beginStepExecution(id, step)
  endStepExecution(stepKey, 'STOPPED')
  record(id, step, stepKey, 'STARTED', 'STOPPED', EXIT_CODES['STOPPED'])
end
if redis.call('EXISTS', key) == 0 then
  local plan = redis.call('LINDEX', planKey(instanceId, step), partition)
  beginPartition(id, step, partition, plan and labelOf(plan) or 'Partition ' .. partition, false, {})
  endStepExecution(key, 'STOPPED')
end
for i = 1, #COUNTS do counts[i] = tonumber(counts[i]) end
local known = redis.call('HMGET', key, unpack(COUNTS))
setCounts(id, step, partition, instanceId, counts, known, {'lastUpdatedTime', NOW})
return 1
