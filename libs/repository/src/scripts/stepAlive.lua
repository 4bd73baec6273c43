-- Says that a step's own work is alive.
--
-- args: id uuid step fence
-- Returns 'go-on', 'stop' or 'superseded'. Twice: says so again.

local status = workedBy(id, uuid, step, fence)
if not status then return 'superseded' end
touch(id)
return goOn(status)
