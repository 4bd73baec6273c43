-- Whether a partition is in flight in a running execution.
--
-- args: id uuid step partition
-- Returns 1 or 0. Changes nothing.

local status = statusOf(id, uuid)
return status and RUNNING[status] and isInFlight(id, step, partition) and 1 or 0
