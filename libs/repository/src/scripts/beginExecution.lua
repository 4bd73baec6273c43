-- STARTING → STARTED.
--
-- args: id token
-- Returns LOST, 'changed' or 'unchanged'. Twice: the second call changes nothing.

if not holdsLease(id, token) then return LOST end
if not SOURCES['STARTED'][statusOf(id)] then return 'unchanged' end
redis.call('HSET', executionKey(id), 'exitCode', 'EXECUTING')
redis.call('HSETNX', executionKey(id), 'startTime', NOW)
moveTo(id, 'STARTED')
return 'changed'
