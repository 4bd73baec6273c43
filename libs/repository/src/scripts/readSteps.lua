-- Step executions: each step before its partitions, both in the order of their start.
--
-- args: id start count
-- Returns {{step, 1 for a partition else 0, hash}, …}. Changes nothing.

local answer = {}
visitSteps(id, tonumber(start), tonumber(count), function(key, step, isPartition)
  table.insert(answer, {step, isPartition and 1 or 0, redis.call('HGETALL', key)})
end)
return answer
