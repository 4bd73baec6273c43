-- Ends an execution, if the state machine allows it. A FAILED one is described by its first failure. Unless it has
-- COMPLETED its counts are to be settled: Redis may have lost a second in which partitions were begun and have written.
-- One that has COMPLETED is noted with what its databases said when they noted that too (its seals). It has COMPLETED only
-- if every step of its definition has: where Redis went back by a second, one may be running again.
--
-- args: id token status exitCode failedStep message ...seals
--   failedStep: '' where nothing has failed; seals: of each the ledger, the database, its mark
-- Returns LOST, 'changed' or 'unchanged'. Twice: an execution that has ended is left as it is.
--
-- A database gives a mark once. Another execution that was sealed with the same one was sealed in a state that is lost.

if not holdsLease(id, token) then return LOST end
local from, instanceId = statusOf(id)
if not SOURCES[status][from] then return 'unchanged' end
if status == 'COMPLETED' and not isCompleted(id, instanceId) then return 'unchanged' end
if failedStep ~= '' then addFailure(id, failedStep, message) end
if status == 'FAILED' then describeFailure(id) end
endOpenSteps(id, status)
redis.call('HSET', executionKey(id), 'endTime', NOW)
moveTo(id, status, exitCode)
redis.call('DEL', nudgeKey(id))
if status ~= 'COMPLETED' then redis.call('ZADD', unsettledKey(), NOW, id) end
for i = 1, #seals, 3 do
  local ledger, database, mark = seals[i], seals[i + 1], tonumber(seals[i + 2])
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', sealedKey(ledger), mark, mark)) do
    local seal = redis.call('HGET', executionKey(other), 'sealed:' .. ledger)
    if other ~= id and seal == database .. ',' .. mark then databaseWentBack(other, ledger) end
  end
  redis.call('ZADD', sealedKey(ledger), mark, id)
  redis.call('HSET', executionKey(id), 'sealed:' .. ledger, database .. ',' .. mark)
  -- Another database than the known one is left for the next comparison to find.
  local known = redis.call('HGET', databasesKey(), ledger)
  if not known or (databaseIn(known) == database and markIn(known) < mark) then
    redis.call('HSET', databasesKey(), ledger, database .. ',' .. mark)
  end
end
return 'changed'
