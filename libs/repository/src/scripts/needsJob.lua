-- Whether the execution goes on, which takes its job; what is stopping or has ended is only left.
--
-- args: id uuid
-- Returns 1 or 0. Changes nothing.

local status = statusOf(id, uuid)
return (status == 'STARTING' or status == 'STARTED') and 1 or 0
