-- Keeps a result of a tasklet with the execution.
--
-- args: id uuid step fence name value
--   value: JSON
-- Returns 1, or 0 once superseded. Twice: sets the same again.

if not workedBy(id, uuid, step, fence) then return 0 end
redis.call('HSET', executionKey(id), 'result:' .. name, value)
touch(id)
return 1
