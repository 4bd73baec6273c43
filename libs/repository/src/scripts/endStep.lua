-- Ends a STARTED step. It is COMPLETED only if it is planned and every partition is: where Redis went back by a second, it
-- may have to be planned anew, or some to be handed out again, and the cursor is set back so that they are. (A tasklet is
-- COMPLETED by finishStep alone.)
--
-- args: id token step status exitCode failedStep message
--   failedStep: '' where nothing has failed
-- Returns LOST, 'changed' or 'unchanged'. Twice: a step that has ended is left as it is.

if not holdsLease(id, token) then return LOST end
local _, instanceId = statusOf(id)
local key = stepExecutionKey(id, step)
if redis.call('HGET', key, 'status') ~= 'STARTED' then return 'unchanged' end
if status == 'COMPLETED' then
  if redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. step) == 0 then return 'unchanged' end
  if nextPartition(instanceId, step, 0) then
    redis.call('HSET', key, 'cursor', 0)
    return 'unchanged'
  end
end
closeStep(id, step, instanceId, status, exitCode, failedStep, message)
return 'changed'
