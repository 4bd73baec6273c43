-- Notes with a running execution that its work was handed back, until a worker takes it up. Is no sign of progress.
--
-- args: id uuid reason
-- Returns 1, or 0 if it does not run. Twice: the time is that of the first, the reason that of the last.

local status = statusOf(id, uuid)
if not status or not RUNNING[status] then return 0 end
redis.call('HSETNX', executionKey(id), 'handedBackSince', NOW)
redis.call('HSET', executionKey(id), 'handedBackReason', reason)
return 1
