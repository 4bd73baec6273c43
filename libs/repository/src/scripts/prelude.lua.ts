import { BATCH_STATUSES, COUNT_NAMES, isRunning, sourcesOf } from '#domain';
import { KEYS } from '../keys.js';

const luaTable = (entries: [string, string][]): string =>
  `{${entries.map(([name, value]) => `[${JSON.stringify(name)}]=${value}`).join(',')}}`;

const luaSet = (words: readonly string[]): string => luaTable(words.map((word) => [word, 'true']));

/**
 * What every script begins with: the key names, the state machine's table and the few moves that several scripts
 * share. Names and tables are generated from TypeScript, so that Lua never has its own idea of them.
 *
 * KEYS[1] is the module's root; the other keys are derived from it. They all lie in its slot, so this holds in a
 * Redis Cluster too.
 */
export const PRELUDE = `
local TEMPLATE = ${luaTable(Object.entries(KEYS).map(([name, template]) => [name, JSON.stringify(template)]))}
local RUNNING = ${luaSet(BATCH_STATUSES.filter(isRunning))}
local SOURCES = ${luaTable(BATCH_STATUSES.map((status) => [status, luaSet(sourcesOf(status))]))}
local COUNTS = {${COUNT_NAMES.map((name) => JSON.stringify(name)).join(',')}}

local function key(name, ...)
  local args, next = {...}, 0
  return KEYS[1] .. (string.gsub(TEMPLATE[name], '%?', function() next = next + 1; return args[next] end))
end

-- Status of an execution, or nil if it is not there or is another one under the same number.
local function statusOf(id, uuid)
  local found = redis.call('HMGET', key('execution', id), 'status', 'uuid')
  if not found[1] or (uuid and found[2] ~= uuid) then return nil end
  return found[1]
end

-- Moves an execution to a status and keeps the indexes true: 'running' by time of last progress, and for each
-- status the instances that have an execution in it.
local function moveTo(id, to, now)
  local execution = key('execution', id)
  local found = redis.call('HMGET', execution, 'status', 'instanceId', 'jobName')
  local from, instanceId, job = found[1], found[2], found[3]
  redis.call('HSET', execution, 'status', to, 'lastUpdatedTime', now)
  if RUNNING[to] then redis.call('ZADD', key('running'), now, id) else redis.call('ZREM', key('running'), id) end
  if from == to then return end
  local instance = key('instance', instanceId)
  if from and redis.call('HINCRBY', instance, 'count:' .. from, -1) <= 0 then
    redis.call('HDEL', instance, 'count:' .. from)
    redis.call('ZREM', key('instancesByStatus', job, from), instanceId)
  end
  redis.call('HINCRBY', instance, 'count:' .. to, 1)
  redis.call('ZADD', key('instancesByStatus', job, to), instanceId, instanceId)
end

-- Begins a step execution, unless it has begun, and lists it in start order.
local function beginStepExecution(id, ref, name, now)
  local step = key('stepExecution', id, ref)
  if redis.call('EXISTS', step) == 0 then
    redis.call('RPUSH', key('steps', id), ref)
    redis.call('HINCRBY', key('execution', id), 'stepCount', 1)
    redis.call('HSET', step, 'stepName', name, 'startTime', now)
  end
  redis.call('HSET', step, 'status', 'STARTED', 'exitCode', 'EXECUTING', 'lastUpdatedTime', now)
  return step
end

-- Ends what may still stand STARTED in an execution that ends: its newest step, and the partitions in flight.
local function endOpenSteps(id, status, now)
  local newest = redis.call('LINDEX', key('steps', id), -1)
  local stepIndex = newest and string.match(newest, '^%d+')
  if stepIndex then
    local refs = {stepIndex}
    for _, partition in ipairs(redis.call('SMEMBERS', key('inFlight', id))) do
      table.insert(refs, stepIndex .. '.' .. partition)
    end
    for _, ref in ipairs(refs) do
      local step = key('stepExecution', id, ref)
      if redis.call('HGET', step, 'status') == 'STARTED' then
        redis.call('HSET', step, 'status', status, 'exitCode', status, 'endTime', now, 'lastUpdatedTime', now)
      end
    end
  end
  redis.call('DEL', key('inFlight', id), key('nudge', id))
end

-- Keeps the first failures of an execution: they tell more than those that follow from them.
local function addFailure(id, name, message, now, most)
  local execution = key('execution', id)
  local failures = cjson.decode(redis.call('HGET', execution, 'failures') or '[]')
  if #failures >= most then return end
  table.insert(failures, { stepName = name, message = message, time = tonumber(now) })
  redis.call('HSET', execution, 'failures', cjson.encode(failures))
end

-- Sets a partition's counts, which are absolute, and adds the difference to its step, its execution and the
-- progress of its instance. Setting the same counts again therefore changes nothing.
local function setCounts(id, stepIndex, partition, instanceId, counts, now)
  local step = key('stepExecution', id, stepIndex .. '.' .. partition)
  local parents = { key('stepExecution', id, stepIndex), key('execution', id) }
  local known = redis.call('HMGET', step, unpack(COUNTS))
  for i, name in ipairs(COUNTS) do
    local difference = counts[i] - (tonumber(known[i]) or 0)
    if difference ~= 0 then
      redis.call('HSET', step, name, counts[i])
      for _, parent in ipairs(parents) do redis.call('HINCRBY', parent, name, difference) end
      if name == 'readCount' then redis.call('HINCRBY', key('instance', instanceId), 'rowsDone', difference) end
    end
  end
  redis.call('HSET', step, 'lastUpdatedTime', now)
  for _, parent in ipairs(parents) do redis.call('HSET', parent, 'lastUpdatedTime', now) end
  redis.call('ZADD', key('running'), 'XX', now, id)
end

-- The first partition from 'from' on that is not COMPLETED, or nil. Whole bytes are skipped by BITPOS.
local function nextPartition(instanceId, stepIndex, from)
  local total = tonumber(redis.call('HGET', key('instance', instanceId), 'total:' .. stepIndex) or 0)
  local bits = key('completed', instanceId, stepIndex)
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

-- Hands out the next partition of a step, or nil if none is left. What is in flight must stand in the queue.
local function takeNext(id, stepIndex, instanceId)
  local step = key('stepExecution', id, stepIndex)
  local partition = nextPartition(instanceId, stepIndex, tonumber(redis.call('HGET', step, 'cursor') or 0))
  if not partition then return nil end
  redis.call('HSET', step, 'cursor', partition + 1)
  redis.call('SADD', key('inFlight', id), partition)
  return partition
end
`;
