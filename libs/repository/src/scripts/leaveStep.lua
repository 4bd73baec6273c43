-- Takes back what the attempts at a step's own work count: this one ended through no fault of its own.
--
-- args: id uuid step fence
-- Returns 1, or 0 once superseded.
-- Twice: nothing is left to take back.

if not workedBy(id, uuid, step, fence) then return 0 end
redis.call('HDEL', stepExecutionKey(id, step), 'attempts')
return 1
