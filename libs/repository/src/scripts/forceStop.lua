-- Marks an execution STOPPED whatever it was, its unfinished steps too, and takes its lease away.
--
-- args: id uuid by onlyRunning requestId
--   by: who asked for it; onlyRunning: '1' to leave one alone that has ended; requestId: of the request that
--   asks for it, or ''
-- Returns the status it was in, or '' if there is none such.
-- Twice: an execution that is STOPPED stays as it is, its end time and description too, and is to be settled again.

local status = statusOf(id, uuid)
if not status then return '' end
if onlyRunning == '1' and not RUNNING[status] then return status end
if status == 'STOPPED' then
  redis.call('ZADD', unsettledKey(), 'NX', NOW, id)
else
  redis.call('HSET', executionKey(id), 'exitDescription', 'Force-stopped by ' .. by .. ' from ' .. status)
  causedBy(id, requestId)
  endAtOnce(id, 'STOPPED')
  unseal(id)
end
return status
