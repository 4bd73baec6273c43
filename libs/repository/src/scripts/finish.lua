-- Ends a partition, hands out the next one in its stead and records it as the successor.
--
-- args: id uuid step partition fence status failure ...counts
--   failure: '' where nothing has failed
-- Returns {successor or '', step done}, or {} if a newer attempt has the partition, or the execution has ended, or (gone
-- back by a second) knows nothing of a stop: then the partition stays in flight.
--
-- Twice: the second call finds the status set and gives the same answer.

local execution, instanceId = statusOf(id, uuid)
if not execution or not RUNNING[execution] then return {} end
local key = partitionKey(id, step, partition)
local known = redis.call('HMGET', key, 'fence', 'status', 'label', unpack(COUNTS))
if known[1] ~= fence then return {} end
if status == 'STOPPED' and execution ~= 'STOPPING' then return {} end
if known[2] == 'STARTED' and endFlight(id, step, partition) then
  for i = 1, #COUNTS do counts[i] = tonumber(counts[i]) end
  setCounts(id, step, partition, instanceId, counts, {unpack(known, 4)}, {})
  endStepExecution(key, status)
  if status == 'COMPLETED' then
    redis.call('SETBIT', completedKey(instanceId, step), partition, 1)
    redis.call('HDEL', positionsKey(instanceId, step), partition)
    redis.call('HINCRBY', instanceKey(instanceId), 'partitionsDone', 1)
    rowsAreBack(instanceId, step, partition, counts[1])
  elseif status == 'FAILED' then
    redis.call('HINCRBY', stepExecutionKey(id, step), 'partitionsFailed', 1)
    redis.call('HSET', key, 'failure', failure)
    addFailure(id, partitionName(step, known[3]), failure)
  end
  if execution == 'STARTED' then
    local successor = takeNext(id, step, instanceId)
    if successor then
      redis.call('HSET', key, 'successor', successor)
      return {successor, 0}
    end
  end
end
return {announcement(id, step, partition)}
