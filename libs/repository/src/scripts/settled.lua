-- Ends the settlement, unless a step's counts are below what its database holds: Redis may have gone back by a second
-- since they were compared, and then the execution stays unsettled.
--
-- args: id uuid ...steps
--   steps: of each its name and its counts
-- Returns 1, or 0 if it stays unsettled. Twice: it is settled already.

if not statusOf(id, uuid) then return 0 end
for at = 1, #steps, #COUNTS + 1 do
  local known = redis.call('HMGET', stepExecutionKey(id, steps[at]), unpack(COUNTS))
  for i = 1, #COUNTS do
    if tonumber(known[i] or 0) < tonumber(steps[at + i]) then return 0 end
  end
end
redis.call('ZREM', unsettledKey(), id)
return 1
