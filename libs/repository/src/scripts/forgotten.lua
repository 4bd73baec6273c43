-- What has been deleted for so long.
--
-- args: ms most
-- Returns the members of `forgotten`, longest first. Changes nothing.

return redis.call('ZRANGEBYSCORE', forgottenKey(), '-inf', NOW - ms, 'LIMIT', 0, most)
