-- Abandons an execution, and its instance for good: it stays so if this execution is deleted.
--
-- args: id requestId
--   requestId: of the request that asks for it, or ''
-- Returns 1, or 0 if its status may not become ABANDONED. Twice: 0, nothing changes.

local status, instanceId = statusOf(id)
if not status or not SOURCES['ABANDONED'][status] then return 0 end
causedBy(id, requestId)
moveTo(id, 'ABANDONED')
redis.call('HSET', instanceKey(instanceId), 'abandoned', 1)
return 1
