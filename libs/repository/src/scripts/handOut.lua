-- Hands out what may run of a STARTED step: its own work if it is a tasklet or not planned yet, else as many partitions as
-- the window has room for. Nothing new unless the execution is STARTED.
--
-- args: id token step kind window
-- Returns LOST, or {1 if its own work is handed out else 0, {partition in flight, …}}: all that must stand in the queue.
-- Twice: the window is full, and the same is returned.

if not holdsLease(id, token) then return LOST end
local status, instanceId = statusOf(id)
local known = redis.call('HMGET', stepExecutionKey(id, step), 'status', 'work')
if known[1] ~= 'STARTED' then return {0, {}} end
local working = known[2]
touch(id)
if status == 'STARTED' and not working then
  if kind == 'tasklet' or redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. step) == 0 then
    redis.call('HSET', stepExecutionKey(id, step), 'work', 'waiting')
    working = true
  else
    fillWindow(id, step, instanceId, window)
  end
end
return {working and 1 or 0, redis.call('SMEMBERS', inFlightKey(id, step))}
