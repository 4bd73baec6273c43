-- A worker says that it serves the module; those that have not said so for long are taken out.
--
-- args: worker forgetMs
--   worker: its version, a comma, and its id
-- Returns nothing.
--
-- Twice: only the time of the beat changes.

redis.call('ZADD', workersKey(), NOW, worker)
redis.call('ZREMRANGEBYSCORE', workersKey(), '-inf', NOW - forgetMs)
