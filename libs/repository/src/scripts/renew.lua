-- Keeps the lease for so long from now on.
--
-- args: id token leaseMs
-- Returns LOST or 'changed'. Twice: the lease lasts as long from the second call.

if not holdsLease(id, token) then return LOST end
redis.call('PEXPIRE', leaseKey(id), leaseMs)
return 'changed'
