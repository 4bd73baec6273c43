-- Asks for a stop, and takes back the work that no worker has begun: partitions, and steps' own work.
--
-- args: id requestId
--   requestId: of the request that asks for it, or ''
-- Returns 1, or 0 if the state machine does not let its status become STOPPING.
-- Twice: the second call returns 0 and changes nothing.

local status = statusOf(id)
if not status or not SOURCES['STOPPING'][status] then return 0 end
causedBy(id, requestId)
moveTo(id, 'STOPPING')
for _, step in ipairs(redis.call('LRANGE', stepsKey(id), 0, -1)) do
  if redis.call('HGET', stepExecutionKey(id, step), 'work') == 'waiting' then
    redis.call('HDEL', stepExecutionKey(id, step), 'work')
  end
  for _, partition in ipairs(redis.call('SMEMBERS', inFlightKey(id, step))) do
    if redis.call('EXISTS', partitionKey(id, step, partition)) == 0 then
      redis.call('SREM', inFlightKey(id, step), partition)
    end
  end
end
return 1
