-- Whether an attempt is the partition's newest, in a running execution.
--
-- args: id uuid step partition fence
-- Returns 1 or 0. Changes nothing.

local status = statusOf(id, uuid)
return status and RUNNING[status] and redis.call('HGET', partitionKey(id, step, partition), 'fence') == fence and 1 or 0
