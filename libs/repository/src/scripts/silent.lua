-- Running executions without progress for so long.
--
-- args: ms most
-- Returns {{id, uuid, for how long, for how long its work was handed back or '', the last reason for that}, …}, longest
-- first; times in ms. Changes nothing.

local answer = {}
local found = redis.call('ZRANGEBYSCORE', runningKey(), '-inf', NOW - ms, 'WITHSCORES', 'LIMIT', 0, most)
for i = 1, #found, 2 do
  local known = redis.call('HMGET', executionKey(found[i]), 'uuid', 'handedBackSince', 'handedBackReason')
  if known[1] then
    local handedBack = known[2] and NOW - known[2] or ''
    table.insert(answer, {found[i], known[1], NOW - found[i + 1], handedBack, known[3] or ''})
  end
end
return answer
