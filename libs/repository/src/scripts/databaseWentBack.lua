-- Marks executions that a database, as it is now, does not know as COMPLETED: those sealed behind its mark, and where it is
-- another database than the known one, those not sealed in it. At most 'most' are looked at in a call; where that was
-- all, the database is known as it is now.
--
-- args: ledger database mark skip most
--   skip: how many were looked at and left
-- Returns {how many are marked, how many are left, 1 if there may be more}.
-- Twice: what is marked is not found again.

local known = redis.call('HGET', databasesKey(), ledger)
local isOther = known and databaseIn(known) ~= database
local from = isOther and '-inf' or '(' .. mark
local found = redis.call('ZRANGEBYSCORE', sealedKey(ledger), from, '+inf', 'LIMIT', skip, most)
local marked = 0
for _, id in ipairs(found) do
  local seal = redis.call('HGET', executionKey(id), 'sealed:' .. ledger) or ','
  if not isOther or databaseIn(seal) ~= database or markIn(seal) > tonumber(mark) then
    databaseWentBack(id, ledger)
    marked = marked + 1
  end
end
if #found == tonumber(most) then return {marked, #found - marked, 1} end
redis.call('HSET', databasesKey(), ledger, database .. ',' .. mark)
return {marked, #found - marked, 0}
