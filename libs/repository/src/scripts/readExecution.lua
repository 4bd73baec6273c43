-- An execution with its instance.
--
-- args: id
-- Returns {execution hash, instance hash, Redis's time}, or {} if there is none such. Changes nothing.

local execution = redis.call('HGETALL', executionKey(id))
if #execution == 0 then return {} end
local instanceId = redis.call('HGET', executionKey(id), 'instanceId')
return {execution, redis.call('HGETALL', instanceKey(instanceId)), NOW}
