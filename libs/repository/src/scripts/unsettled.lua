-- Executions that have been unsettled for so long.
--
-- args: ms most
-- Returns {id, uuid, …}, longest first. Changes nothing.

local answer = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', unsettledKey(), '-inf', NOW - ms, 'LIMIT', 0, most)) do
  local uuid = redis.call('HGET', executionKey(id), 'uuid')
  if uuid then
    table.insert(answer, id)
    table.insert(answer, uuid)
  end
end
return answer
