-- How long ago a worker last took a turn at a task of maintenance.
--
-- args: task
-- Returns ms, or '' if none ever did. Changes nothing.

local at = redis.call('HGET', turnsKey(), task)
return at and math.max(0, NOW - at) or ''
