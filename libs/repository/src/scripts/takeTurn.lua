-- Takes a turn at a task of maintenance, unless a worker had one within the interval.
--
-- args: task everyMs
-- Returns 1, or 0 where it is not time yet. Twice: within the interval the second call takes none.

if not redis.call('SET', turnKey(task), 1, 'PX', everyMs, 'NX') then return 0 end
redis.call('HSET', turnsKey(), task, NOW)
return 1
