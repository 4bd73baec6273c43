-- Gives the lease back.
--
-- args: id token
-- Returns LOST, 'released', or 'again' (the lease is kept) if word was left meanwhile.
-- Twice: the second call after 'released' finds the lease lost, which ends the controller as well.

if not holdsLease(id, token) then return LOST end
if redis.call('DEL', nudgeKey(id)) == 1 then return 'again' end
redis.call('DEL', leaseKey(id))
redis.call('HDEL', executionKey(id), 'attempts')
return 'released'
