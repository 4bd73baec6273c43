-- How many workers serve the module.
--
-- args: aliveMs
--   aliveMs: how long a worker may be silent and still counts as living
-- Returns a count. Changes nothing.

return redis.call('ZCOUNT', workersKey(), NOW - aliveMs, '+inf')
