-- Status of an execution, its instance, and since when its work has been handed back; nil if it is not there or is
-- another one under the same number.
local function statusOf(id, uuid)
  local found = redis.call('HMGET', executionKey(id), 'status', 'uuid', 'instanceId', 'handedBackSince')
  if not found[1] or (uuid and found[2] ~= uuid) then return nil end
  return found[1], found[3], found[4]
end

-- Whether a controller still has the lease: not if another one, or a force stop, took it.
local function holdsLease(id, token)
  return redis.call('GET', leaseKey(id)) == token
end

-- Takes an execution out of the index that its status put it into.
local function leaveStatus(id, status, instanceId, job)
  local now = 'now:' .. status .. ':' .. job
  if redis.call('HINCRBY', tallyKey(), now, -1) <= 0 then redis.call('HDEL', tallyKey(), now) end
  if RUNNING[status] then redis.call('ZREM', runningKey(), id) else redis.call('ZREM', endedKey(status), id) end
  if redis.call('HINCRBY', instanceKey(instanceId), 'count:' .. status, -1) <= 0 then
    redis.call('HDEL', instanceKey(instanceId), 'count:' .. status)
  end
end

-- Puts an instance into the one index of those whose executions have the same statuses, and no others.
local function indexInstance(instanceId, job)
  local instance = instanceKey(instanceId)
  local has, names = {}, {}
  for i, status in ipairs(STATUSES) do names[i] = 'count:' .. status end
  for i, count in ipairs(redis.call('HMGET', instance, unpack(names))) do
    if count then table.insert(has, STATUSES[i]) end
  end
  local was, now = redis.call('HGET', instance, 'statuses'), table.concat(has, '+')
  if was == now then return end
  if was then
    redis.call('ZREM', instancesByStatusesKey(job, was), instanceId)
    if redis.call('EXISTS', instancesByStatusesKey(job, was)) == 0 then redis.call('SREM', statusSetsKey(job), was) end
  end
  if now == '' then return end
  redis.call('HSET', instance, 'statuses', now)
  redis.call('ZADD', instancesByStatusesKey(job, now), instanceId, instanceId)
  redis.call('SADD', statusSetsKey(job), now)
end

-- Says that a running execution makes progress.
local function touch(id)
  redis.call('ZADD', runningKey(), 'XX', NOW, id)
end

-- A worker has taken up the execution's work.
local function takenUp(id)
  redis.call('HDEL', executionKey(id), 'handedBackSince', 'handedBackReason')
end

-- Moves an execution to a status and keeps the indexes true: 'running' by time of last progress, 'ended' by time of
-- the end, and the instances by the statuses of their executions. 'exitCode' is given for a status that is an end; what
-- describes the end is stored before, so that the event tells it.
local function moveTo(id, to, exitCode)
  local execution = executionKey(id)
  local found = redis.call('HMGET', execution, 'status', 'instanceId', 'jobName')
  local from, instanceId, job = found[1], found[2], found[3]
  redis.call('HSET', execution, 'status', to, 'lastUpdatedTime', NOW)
  if exitCode then redis.call('HSET', execution, 'exitCode', exitCode) end
  if from == to then return end
  if from then leaveStatus(id, from, instanceId, job) end
  if RUNNING[to] then
    redis.call('ZADD', runningKey(), NOW, id)
  else
    redis.call('ZADD', endedKey(to), NOW, id)
    redis.call('HINCRBY', tallyKey(), 'ended:' .. to .. ':' .. job, 1)
    takenUp(id)
  end
  redis.call('HINCRBY', tallyKey(), 'now:' .. to .. ':' .. job, 1)
  redis.call('HINCRBY', instanceKey(instanceId), 'count:' .. to, 1)
  indexInstance(instanceId, job)
  record(id, nil, execution, from or '', to, exitCode)
end

-- The first failures of an execution; what cannot be read counts as none.
local function failuresOf(id)
  local read, failures = pcall(cjson.decode, redis.call('HGET', executionKey(id), 'failures') or '[]')
  return read and type(failures) == 'table' and failures or {}
end

-- Keeps the first failures of an execution: they tell more than those that follow from them.
local function addFailure(id, name, message)
  local failures = failuresOf(id)
  if #failures >= MAX_FAILURES then return end
  table.insert(failures, { stepName = name, message = message, time = NOW })
  redis.call('HSET', executionKey(id), 'failures', cjson.encode(failures))
end

-- Describes a FAILED execution by its first failure.
local function describeFailure(id)
  local first = failuresOf(id)[1]
  if type(first) ~= 'table' or not first.stepName or not first.message then return end
  redis.call('HSET', executionKey(id), 'exitDescription', first.stepName .. ': ' .. first.message)
end

-- Takes an execution out of what its databases were seen to hold as COMPLETED.
local function unseal(id)
  for _, field in ipairs(redis.call('HKEYS', executionKey(id))) do
    local ledger = string.match(field, '^sealed:(.*)$')
    if ledger then
      redis.call('ZREM', sealedKey(ledger), id)
      redis.call('HDEL', executionKey(id), field)
    end
  end
end
