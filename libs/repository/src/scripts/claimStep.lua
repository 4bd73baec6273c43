-- Begins an attempt at a step's own work: its tasklet, or its planning.
--
-- args: id uuid step
-- Returns {'run', fence, attempts in a row}, {'stopping', fence}, {'finished'} (the step has ended, or is planned) or
-- {'gone'} (the work was taken back, or the execution has ended).
--
-- A fence is Redis's time, so that a Redis that has lost a second does not give one out again.
-- Twice: the second attempt gets a higher fence, which supersedes the first.

local status, instanceId, handedBack = statusOf(id, uuid)
if not status or not RUNNING[status] then return {'gone'} end
local key = stepExecutionKey(id, step)
local known = redis.call('HMGET', key, 'status', 'work', 'fence')
if not known[1] then return {'gone'} end
if known[1] ~= 'STARTED' then return {'finished'} end
if not known[2] then
  return {redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. step) == 1 and 'finished' or 'gone'}
end
local fence = math.max(NOW, tonumber(known[3] or 0) + 1)
redis.call('HSET', key, 'work', 'begun', 'fence', fence)
local attempts = redis.call('HINCRBY', key, 'attempts', 1)
if handedBack then takenUp(id) end
touch(id)
if status == 'STOPPING' then return {'stopping', fence} end
return {'run', fence, attempts}
