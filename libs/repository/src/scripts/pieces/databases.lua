-- The name of the database, from where it was seen to stand: its name, a comma and its mark.
local function databaseIn(seen)
  return string.match(seen, '^(.*),[^,]*$')
end

-- How many executions had been sealed in it.
local function markIn(seen)
  return tonumber(string.match(seen, ',([^,]*)$')) or 0
end

-- Marks an execution whose database was put back to a state before its end. It is then not looked at again.
local function databaseWentBack(id, ledger)
  redis.call('HSETNX', executionKey(id), 'databaseWentBack', NOW)
  redis.call('HDEL', executionKey(id), 'sealed:' .. ledger)
  redis.call('ZREM', sealedKey(ledger), id)
end
