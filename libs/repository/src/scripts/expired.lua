-- Executions of a status that ended more than so long ago, or that stand beyond the newest so many: whichever are more.
--
-- args: status ageMs keep most
--   ageMs, keep: '' for no limit
-- Returns their numbers, oldest first. Changes nothing.

local ended = endedKey(status)
local old, many = {}, {}
if ageMs ~= '' then old = redis.call('ZRANGEBYSCORE', ended, '-inf', '(' .. (NOW - ageMs), 'LIMIT', 0, most) end
if keep ~= '' then
  local beyond = math.min(redis.call('ZCARD', ended) - keep, tonumber(most))
  if beyond > 0 then many = redis.call('ZRANGE', ended, 0, beyond - 1) end
end
return #many > #old and many or old
