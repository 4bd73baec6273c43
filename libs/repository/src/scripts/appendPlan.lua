-- Stores a batch of a plan.
--
-- args: id uuid step fence offset rows ...entries
--   offset: partitions stored so far; rows: in these partitions; entries: the partitions, as a plan holds them
-- Returns 'go-on', 'stop' or 'superseded'.
--
-- Twice (a connection lost before the answer came repeats the call): a plan that holds these partitions already stays
-- as it is. One that holds anything else has lost what was stored before.

local status, instanceId = workedBy(id, uuid, step, fence)
if not status or redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. step) == 1 then return 'superseded' end
local plan = planKey(instanceId, step)
local length = redis.call('LLEN', plan)
if length == tonumber(offset) then
  for _, entry in ipairs(entries) do redis.call('RPUSH', plan, entry) end
  redis.call('HINCRBY', instanceKey(instanceId), 'rows:' .. step, rows)
elseif length ~= offset + #entries or redis.call('LINDEX', plan, -1) ~= entries[#entries] then
  return 'superseded'
end
redis.call('HSET', executionKey(id), 'lastUpdatedTime', NOW)
touch(id)
return goOn(status)
