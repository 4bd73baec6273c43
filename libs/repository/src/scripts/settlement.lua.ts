/**
 * Scripts that bring the counts of an ended execution to what its database holds. An execution that has ended otherwise
 * than COMPLETED is in the index `unsettled` until that is done.
 */

/**
 * Sets the counts of a partition. One that Redis does not know of (it has lost the second in which it was begun) is
 * listed, and STOPPED; so is its step.
 *
 * ARGV: id, uuid, step, partition, name of the step, now, counts …
 * Returns 'OK'; one that runs, or is not unsettled, is left alone: of one that is being deleted the steps are gone already.
 * Twice: counts are absolute.
 */
export const settle = `
local id, stepIndex, partition, stepName, now = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local status = statusOf(id, ARGV[2])
if not status or RUNNING[status] or not redis.call('ZSCORE', unsettledKey(), id) then return 'OK' end
local instanceId = redis.call('HGET', executionKey(id), 'instanceId')
local function stopUnknown(ref, field, name)
  if redis.call('EXISTS', stepExecutionKey(id, ref)) == 1 then return end
  endStepExecution(beginStepExecution(id, ref, field, name, now), 'STOPPED', now)
end
stopUnknown(stepIndex, 'stepName', stepName)
local plan = redis.call('LINDEX', planKey(instanceId, stepIndex), partition)
stopUnknown(stepIndex .. '.' .. partition, 'label', plan and labelOf(plan) or 'Partition ' .. partition)
local counts = {}
for i = 1, #COUNTS do counts[i] = tonumber(ARGV[6 + i]) end
setCounts(id, stepIndex, partition, instanceId, counts, now)
redis.call('HSET', stepExecutionKey(id, stepIndex .. '.' .. partition), 'lastUpdatedTime', now)
return 'OK'
`;

/**
 * Ends the settlement, unless a step's counts are below what its database holds: Redis may have gone back by a second
 * since they were compared, and then the execution stays unsettled.
 *
 * ARGV: id, uuid, then for each step its index and counts …. Twice: it is gone already.
 */
export const settled = `
local id = ARGV[1]
if not statusOf(id, ARGV[2]) then return 'OK' end
for at = 3, #ARGV, #COUNTS + 1 do
  local known = redis.call('HMGET', stepExecutionKey(id, ARGV[at]), unpack(COUNTS))
  for i = 1, #COUNTS do
    if tonumber(known[i] or 0) < tonumber(ARGV[at + i]) then return 'OK' end
  end
end
redis.call('ZREM', unsettledKey(), id)
return 'OK'
`;
