-- Whether a partition is in flight. A late delivery may be of a step that has ended.
local function isInFlight(id, step, partition)
  return redis.call('HGET', stepExecutionKey(id, step), 'status') == 'STARTED'
    and redis.call('SISMEMBER', inFlightKey(id, step), partition) == 1
end

-- Takes a partition out of those in flight. Returns whether it was one of them.
local function endFlight(id, step, partition)
  return redis.call('HGET', stepExecutionKey(id, step), 'status') == 'STARTED'
    and redis.call('SREM', inFlightKey(id, step), partition) == 1
end

-- Adds to counts of a hash in one write, with its time of update: 'more' holds names and differences in turn.
local function addCounts(key, more)
  local names = {}
  for i = 1, #more, 2 do names[#names + 1] = more[i] end
  local known = #names > 0 and redis.call('HMGET', key, unpack(names)) or {}
  local set = {'lastUpdatedTime', NOW}
  for i, name in ipairs(names) do
    set[2 * i + 1] = name
    set[2 * i + 2] = (tonumber(known[i]) or 0) + more[2 * i]
  end
  redis.call('HSET', key, unpack(set))
end

-- Sets a partition's counts, which are absolute, and adds the difference to its step, its execution and the
-- progress of its instance. 'known' are the counts that it has: setting the same again changes nothing. 'set' are other
-- fields of the partition to set with them, names and values in turn.
local function setCounts(id, step, partition, instanceId, counts, known, set)
  local more = {}
  for i, name in ipairs(COUNTS) do
    local difference = counts[i] - (tonumber(known[i]) or 0)
    if difference ~= 0 then
      set[#set + 1] = name
      set[#set + 1] = counts[i]
      more[#more + 1] = name
      more[#more + 1] = difference
      if name == 'readCount' then
        redis.call('HINCRBY', instanceKey(instanceId), 'rowsDone', difference)
        redis.call('HINCRBY', instanceKey(instanceId), 'rowsDone:' .. step, difference)
      end
    end
  end
  if #set > 0 then redis.call('HSET', partitionKey(id, step, partition), unpack(set)) end
  addCounts(stepExecutionKey(id, step), more)
  addCounts(executionKey(id), more)
  touch(id)
end

-- The first partition from 'from' on that is not COMPLETED, or nil. Whole bytes are skipped by BITPOS.
local function nextPartition(instanceId, step, from)
  local total = tonumber(redis.call('HGET', instanceKey(instanceId), 'total:' .. step) or 0)
  local bits = completedKey(instanceId, step)
  local at = from
  while at < total do
    if redis.call('GETBIT', bits, at) == 0 then return at end
    at = at + 1
    if at % 8 == 0 then
      local zero = redis.call('BITPOS', bits, 0, at / 8)
      if zero > at then at = zero end
    end
  end
  return nil
end

-- The first partition from 'from' on that is COMPLETED, or nil.
local function nextCompleted(bits, from)
  local at = from
  while at % 8 > 0 do
    if redis.call('GETBIT', bits, at) == 1 then return at end
    at = at + 1
  end
  local one = redis.call('BITPOS', bits, 1, at / 8)
  return one >= 0 and one or nil
end

-- Hands out the next partition of a step, or nil if none is left. What is in flight must stand in the queue.
local function takeNext(id, step, instanceId)
  local key = stepExecutionKey(id, step)
  local partition = nextPartition(instanceId, step, tonumber(redis.call('HGET', key, 'cursor') or 0))
  if not partition then return nil end
  redis.call('HSET', key, 'cursor', partition + 1)
  redis.call('SADD', inFlightKey(id, step), partition)
  return partition
end

-- Has as many partitions in flight as the window has room for.
local function fillWindow(id, step, instanceId, window)
  for _ = redis.call('SCARD', inFlightKey(id, step)) + 1, tonumber(window) do
    if not takeNext(id, step, instanceId) then break end
  end
end

-- What a finished partition leaves to do: its successor, while that is still in flight, and whether it was the last.
-- The successor was recorded with the finish, so if the finisher dies before it has queued the successor, the redelivery
-- of its job does that.
local function announcement(id, step, partition)
  local successor = redis.call('HGET', partitionKey(id, step, partition), 'successor')
  if successor and not isInFlight(id, step, successor) then successor = false end
  local done = redis.call('SCARD', inFlightKey(id, step)) == 0
  return successor or '', done and 1 or 0
end
