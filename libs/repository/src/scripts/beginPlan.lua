-- Throws away an unfinished plan, never a finished one.
--
-- args: id uuid step fence
-- Returns 'go-on', 'stop' or 'superseded'. Twice: the plan is as empty, and what was appended in between is lost, which the
-- next append finds.

local status, instanceId = workedBy(id, uuid, step, fence)
if not status or redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. step) == 1 then return 'superseded' end
redis.call('DEL', planKey(instanceId, step))
redis.call('HDEL', instanceKey(instanceId), 'rows:' .. step)
touch(id)
return goOn(status)
