-- What the module's fleet has to do: for what scales it and raises alarms.
--
-- args: most aliveMs
--   most: of running executions, those longest without progress, to look into
--   aliveMs: how long a worker may be silent and still counts as living
-- Returns {tally as a flat hash, how many are unsettled, how many run, {{job, status, ms since progress, ms since creation,
-- partitions remaining, partitions runnable}, …}: an entry a running execution, {worker, …}: the living ones, ms since the
-- last sweep or ''}. Changes nothing.
--
-- Its cost follows what runs, up to 'most', and never what is stored.

local running = {}
local found = redis.call('ZRANGE', runningKey(), 0, most - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  local id = found[i]
  local known = redis.call('HMGET', executionKey(id), 'jobName', 'status', 'createTime', 'instanceId')
  local remaining, runnable = 0, 0
  for _, step in ipairs(redis.call('LRANGE', stepsKey(id), 0, -1)) do
    local state = redis.call('HMGET', stepExecutionKey(id, step), 'status', 'partitionsFailed')
    if state[1] == 'STARTED' then
      local total = tonumber(redis.call('HGET', instanceKey(known[4]), 'total:' .. step) or 0)
      local done = redis.call('BITCOUNT', completedKey(known[4], step)) + (tonumber(state[2]) or 0)
      remaining = remaining + math.max(0, total - done)
      runnable = runnable + redis.call('SCARD', inFlightKey(id, step))
    end
  end
  if known[1] then
    table.insert(running, {known[1], known[2], NOW - found[i + 1], NOW - known[3], remaining, runnable})
  end
end
local workers = redis.call('ZRANGEBYSCORE', workersKey(), NOW - aliveMs, '+inf')
local swept = redis.call('HGET', turnsKey(), 'sweep')
return {redis.call('HGETALL', tallyKey()), redis.call('ZCARD', unsettledKey()), redis.call('ZCARD', runningKey()), running,
  workers, swept and math.max(0, NOW - swept) or ''}
