-- A partition's label: it stands before the first line feed of its entry in the plan.
local function labelOf(planned)
  return string.match(planned, '^[^\n]*')
end

-- Rows of a partition, from its entry in the plan.
local function rowsOf(planned)
  return tonumber(string.match(planned, '\n%[([^,]*),')) or 0
end

-- Has the progress count all rows of a partition that was reopened and has COMPLETED again. Most of them may have been read
-- by an earlier execution, and only the rest by this one.
local function rowsAreBack(instanceId, step, partition, read)
  local instance = instanceKey(instanceId)
  if redis.call('HDEL', instance, 'again:' .. step .. ':' .. partition) == 0 then return end
  local known = redis.call('HMGET', instance, 'rows:' .. step, 'rowsDone:' .. step)
  local rows = rowsOf(redis.call('LINDEX', planKey(instanceId, step), partition) or '') - read
  rows = math.max(0, math.min(rows, tonumber(known[1] or 0) - tonumber(known[2] or 0)))
  redis.call('HINCRBY', instance, 'rowsDone:' .. step, rows)
  redis.call('HINCRBY', instance, 'rowsDone', rows)
end

-- The name of a partition's step execution.
local function partitionName(step, label)
  return step .. NAME_SEPARATOR .. label
end

-- Lists a step execution that begins.
local function beginStepExecution(id, step)
  redis.call('RPUSH', stepsKey(id), step)
  redis.call('HINCRBY', executionKey(id), 'stepCount', 1)
  local key = stepExecutionKey(id, step)
  redis.call('HSET', key, 'status', 'STARTED', 'startTime', NOW)
  record(id, step, key, '', 'STARTED')
end

-- Begins a partition whose status is 'was', unless it has begun, and sets other fields of it, names and values in turn.
-- Its hash holds as little as can be, as there are many.
local function beginPartition(id, step, partition, label, was, set)
  local key = partitionKey(id, step, partition)
  if not was then
    redis.call('RPUSH', partitionsKey(id, step), partition)
    redis.call('HINCRBY', executionKey(id), 'stepCount', 1)
    redis.call('HSET', key, 'label', label, 'status', 'STARTED', 'startTime', NOW, unpack(set))
  elseif was ~= 'STARTED' then
    redis.call('HSET', key, 'status', 'STARTED', 'lastUpdatedTime', NOW, unpack(set))
    redis.call('HDEL', key, 'endTime', 'failure')
  elseif #set > 0 then
    redis.call('HSET', key, unpack(set))
  end
end

-- Ends a step or a partition. What follows from status and times is not stored.
local function endStepExecution(key, status)
  redis.call('HSET', key, 'status', status, 'endTime', NOW)
  redis.call('HDEL', key, 'lastUpdatedTime', 'attempts')
end

-- Ends a step with its exit code, and its failure if there is one. A COMPLETED step is remembered by the instance, so that
-- restarts pass over it.
local function closeStep(id, step, instanceId, status, exitCode, failedStep, message)
  local key = stepExecutionKey(id, step)
  endStepExecution(key, status)
  redis.call('HDEL', key, 'work')
  redis.call('DEL', inFlightKey(id, step))
  if exitCode ~= EXIT_CODES[status] then redis.call('HSET', key, 'exitCode', exitCode) end
  redis.call('HSET', executionKey(id), 'lastUpdatedTime', NOW)
  if status == 'COMPLETED' then redis.call('HSET', instanceKey(instanceId), 'completed:' .. step, 1) end
  if failedStep ~= '' then
    redis.call('HSET', key, 'failure', message)
    addFailure(id, failedStep, message)
  end
  record(id, step, key, 'STARTED', status, exitCode)
end

-- Ends what still stands STARTED in an execution that ends: its steps, and their partitions in flight.
local function endOpenSteps(id, status)
  for _, step in ipairs(redis.call('LRANGE', stepsKey(id), 0, -1)) do
    local key = stepExecutionKey(id, step)
    if redis.call('HGET', key, 'status') == 'STARTED' then
      endStepExecution(key, status)
      redis.call('HDEL', key, 'work')
      record(id, step, key, 'STARTED', status, EXIT_CODES[status])
      for _, partition in ipairs(redis.call('SMEMBERS', inFlightKey(id, step))) do
        local one = partitionKey(id, step, partition)
        if redis.call('HGET', one, 'status') == 'STARTED' then endStepExecution(one, status) end
      end
    end
    redis.call('DEL', inFlightKey(id, step))
  end
end

-- Whether every step of an execution's definition has COMPLETED in its instance, and none has begun that has not.
local function isCompleted(id, instanceId)
  for _, step in ipairs(redis.call('LRANGE', stepsKey(id), 0, -1)) do
    if redis.call('HGET', stepExecutionKey(id, step), 'status') ~= 'COMPLETED' then return false end
  end
  local read, definition = pcall(cjson.decode, redis.call('HGET', executionKey(id), 'definition') or '')
  local steps = read and type(definition) == 'table' and definition.steps
  for _, step in ipairs(type(steps) == 'table' and steps or {}) do
    if redis.call('HEXISTS', instanceKey(instanceId), 'completed:' .. step.name) == 0 then return false end
  end
  return true
end

-- Ends an execution without its controller, which leaves when it finds its lease gone. Its counts are to be settled: a
-- worker may have died, or be shut out, between a commit and its mirror.
local function endAtOnce(id, status)
  endOpenSteps(id, status)
  moveTo(id, status, status)
  redis.call('HSETNX', executionKey(id), 'endTime', NOW)
  redis.call('DEL', leaseKey(id), nudgeKey(id))
  redis.call('ZADD', unsettledKey(), 'NX', NOW, id)
end

-- Status of the execution, and its instance, while this attempt has the step's own work; nil once it is superseded.
local function workedBy(id, uuid, step, fence)
  local status, instanceId = statusOf(id, uuid)
  if not status or not RUNNING[status] then return nil end
  local known = redis.call('HMGET', stepExecutionKey(id, step), 'work', 'fence')
  if known[1] and known[2] == fence then return status, instanceId end
  return nil
end

-- Whether a step's own work is to go on in an execution of this status.
local function goOn(status)
  return status == 'STARTED' and 'go-on' or 'stop'
end

-- Visits an execution's step executions from index 'skip' on, at most 'left': each step before its partitions, both in
-- the order of their start. 'visit' gets the key, the step, and whether it is a partition.
local function visitSteps(id, skip, left, visit)
  for _, step in ipairs(redis.call('LRANGE', stepsKey(id), 0, -1)) do
    if left <= 0 then return end
    if skip == 0 then
      visit(stepExecutionKey(id, step), step, false)
      left = left - 1
    else
      skip = skip - 1
    end
    local partitions = left > 0 and redis.call('LRANGE', partitionsKey(id, step), skip, skip + left - 1) or {}
    for _, partition in ipairs(partitions) do visit(partitionKey(id, step, partition), step, true) end
    left = left - #partitions
    if #partitions > 0 then
      skip = 0
    elseif skip > 0 then
      skip = skip - redis.call('LLEN', partitionsKey(id, step))
    end
  end
end

-- Names and exit codes, in turn, of an execution's first step executions.
local function namesOfSteps(id, most)
  local steps = {}
  visitSteps(id, 0, most, function(key, step, isPartition)
    local found = redis.call('HMGET', key, 'label', 'exitCode', 'status')
    table.insert(steps, isPartition and partitionName(step, found[1] or '') or step)
    table.insert(steps, found[2] or EXIT_CODES[found[3]] or '')
  end)
  return steps
end
