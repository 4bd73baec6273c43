import { BATCH_STATUSES, COUNT_NAMES, exitCodeOf, isRunning, partitionStepName, sourcesOf } from '#domain';
import { KEYS } from '../keys.js';

const luaTable = (entries: [string, string][]): string =>
  `{${entries.map(([name, value]) => `[${JSON.stringify(name)}]=${value}`).join(',')}}`;

const luaSet = (words: readonly string[]): string => luaTable(words.map((word) => [word, 'true']));

/** `execution:?:step:?` → a Lua function of two arguments, `stepExecutionKey`. */
function keyFunction([name, template]: [string, string]): [string, string] {
  const [first = '', ...rest] = template.split('?');
  const args = rest.map((_, i) => `a${i}`);
  const suffix = rest.map((text, i) => ` .. a${i} .. '${text}'`).join('');
  return [`${name}Key`, `local function ${name}Key(${args.join(', ')}) return KEYS[1] .. '${first}'${suffix} end`];
}

/**
 * The pieces that scripts share: the key names, the state machine's table and a few moves. Names and tables are
 * generated from TypeScript, so that Lua never has its own idea of them. A piece may use those before it.
 *
 * KEYS[1] is the module's root; the other keys are derived from it. They all lie in its slot, so this holds in a
 * Redis Cluster too; of one whose slot is being moved, KEYS[2] keeps the script away (script-runner.ts).
 */
const PIECES: [string, string][] = [
  ...Object.entries(KEYS).map(keyFunction),
  ['RUNNING', `local RUNNING = ${luaSet(BATCH_STATUSES.filter(isRunning))}`],
  ['SOURCES', `local SOURCES = ${luaTable(BATCH_STATUSES.map((status) => [status, luaSet(sourcesOf(status))]))}`],
  [
    'EXIT_CODES',
    `local EXIT_CODES = ${luaTable(BATCH_STATUSES.map((status) => [status, JSON.stringify(exitCodeOf(status))]))}`,
  ],
  ['COUNTS', `local COUNTS = {${COUNT_NAMES.map((name) => JSON.stringify(name)).join(',')}}`],
  [
    'statusOf',
    `
-- Status of an execution, or nil if it is not there or is another one under the same number.
local function statusOf(id, uuid)
  local found = redis.call('HMGET', executionKey(id), 'status', 'uuid')
  if not found[1] or (uuid and found[2] ~= uuid) then return nil end
  return found[1]
end
`,
  ],
  [
    'leaveStatus',
    `
-- Takes an execution out of the indexes that its status put it into.
local function leaveStatus(id, status, instanceId, job)
  if RUNNING[status] then redis.call('ZREM', runningKey(), id) else redis.call('ZREM', endedKey(status), id) end
  local instance = instanceKey(instanceId)
  if redis.call('HINCRBY', instance, 'count:' .. status, -1) <= 0 then
    redis.call('HDEL', instance, 'count:' .. status)
    redis.call('ZREM', instancesByStatusKey(job, status), instanceId)
  end
end
`,
  ],
  [
    'serverNow',
    `
-- Redis's own clock, in ms: by it, and not by the workers', an execution is silent or not.
local function serverNow()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`,
  ],
  [
    'touch',
    `
-- Says that a running execution makes progress.
local function touch(id)
  redis.call('ZADD', runningKey(), 'XX', serverNow(), id)
end
`,
  ],
  [
    'moveTo',
    `
-- Moves an execution to a status and keeps the indexes true: 'running' by time of last progress, 'ended' by time of
-- the end, and for each status the instances that have an execution in it.
local function moveTo(id, to, now)
  local execution = executionKey(id)
  local found = redis.call('HMGET', execution, 'status', 'instanceId', 'jobName')
  local from, instanceId, job = found[1], found[2], found[3]
  redis.call('HSET', execution, 'status', to, 'lastUpdatedTime', now)
  if from == to then return end
  if from then leaveStatus(id, from, instanceId, job) end
  if RUNNING[to] then redis.call('ZADD', runningKey(), serverNow(), id) else redis.call('ZADD', endedKey(to), now, id) end
  redis.call('HINCRBY', instanceKey(instanceId), 'count:' .. to, 1)
  redis.call('ZADD', instancesByStatusKey(job, to), instanceId, instanceId)
end
`,
  ],
  [
    'isInFlight',
    `
-- Whether a partition is in flight. Of the steps one runs at a time: a late delivery may be of one that has ended.
local function isInFlight(id, stepIndex, partition)
  return redis.call('HGET', stepExecutionKey(id, stepIndex), 'status') == 'STARTED'
    and redis.call('SISMEMBER', inFlightKey(id), partition) == 1
end
`,
  ],
  ['labelOf', `local function labelOf(planned) return string.match(planned, '^[^\\n]*') end`],
  [
    'stepNames',
    `
-- Tells the names of an execution's step executions. That of a partition holds only its label, as there are many.
local function stepNames(id)
  local names = {}
  return function(ref, stepName, label)
    if stepName then return stepName end
    local index = string.match(ref, '^%d+')
    names[index] = names[index] or redis.call('HGET', stepExecutionKey(id, index), 'stepName')
    return names[index] .. ${JSON.stringify(partitionStepName('', ''))} .. label
  end
end
`,
  ],
  [
    'beginStepExecution',
    `
-- Begins a step execution, unless it has begun, and lists it in start order. 'field' is what it is called by: 'stepName',
-- or 'label' for a partition.
local function beginStepExecution(id, ref, field, name, now)
  local step = stepExecutionKey(id, ref)
  if redis.call('EXISTS', step) == 0 then
    redis.call('RPUSH', stepsKey(id), ref)
    redis.call('HINCRBY', executionKey(id), 'stepCount', 1)
    redis.call('HSET', step, field, name, 'status', 'STARTED', 'startTime', now)
  elseif redis.call('HGET', step, 'status') ~= 'STARTED' then
    redis.call('HSET', step, 'status', 'STARTED', 'lastUpdatedTime', now)
  end
  return step
end
`,
  ],
  [
    'endStepExecution',
    `
-- Ends a step execution. What follows from status and times is not stored: there is one of these for each partition.
local function endStepExecution(step, status, now)
  redis.call('HSET', step, 'status', status, 'endTime', now)
  redis.call('HDEL', step, 'lastUpdatedTime', 'fruitless')
end
`,
  ],
  [
    'endOpenSteps',
    `
-- Ends what may still stand STARTED in an execution that ends: its newest step, and the partitions in flight.
local function endOpenSteps(id, status, now)
  local newest = redis.call('LINDEX', stepsKey(id), -1)
  local stepIndex = newest and string.match(newest, '^%d+')
  if stepIndex then
    local refs = {stepIndex}
    for _, partition in ipairs(redis.call('SMEMBERS', inFlightKey(id))) do
      table.insert(refs, stepIndex .. '.' .. partition)
    end
    for _, ref in ipairs(refs) do
      local step = stepExecutionKey(id, ref)
      if redis.call('HGET', step, 'status') == 'STARTED' then endStepExecution(step, status, now) end
    end
  end
end
`,
  ],
  [
    'addFailure',
    `
-- Keeps the first failures of an execution: they tell more than those that follow from them.
local function addFailure(id, name, message, now, most)
  local execution = executionKey(id)
  local failures = cjson.decode(redis.call('HGET', execution, 'failures') or '[]')
  if #failures >= most then return end
  table.insert(failures, { stepName = name, message = message, time = tonumber(now) })
  redis.call('HSET', execution, 'failures', cjson.encode(failures))
end
`,
  ],
  [
    'setCounts',
    `
-- Sets a partition's counts, which are absolute, and adds the difference to its step, its execution and the
-- progress of its instance. Setting the same counts again therefore changes nothing. The partition's own time of update
-- is for the caller: one that ends needs none.
local function setCounts(id, stepIndex, partition, instanceId, counts, now)
  local step = stepExecutionKey(id, stepIndex .. '.' .. partition)
  local parents = { stepExecutionKey(id, stepIndex), executionKey(id) }
  local known = redis.call('HMGET', step, unpack(COUNTS))
  for i, name in ipairs(COUNTS) do
    local difference = counts[i] - (tonumber(known[i]) or 0)
    if difference ~= 0 then
      redis.call('HSET', step, name, counts[i])
      for _, parent in ipairs(parents) do redis.call('HINCRBY', parent, name, difference) end
      if name == 'readCount' then
        redis.call('HINCRBY', instanceKey(instanceId), 'rowsDone', difference)
        redis.call('HINCRBY', instanceKey(instanceId), 'rowsDone:' .. stepIndex, difference)
      end
    end
  end
  for _, parent in ipairs(parents) do redis.call('HSET', parent, 'lastUpdatedTime', now) end
  touch(id)
end
`,
  ],
  [
    'nextPartition',
    `
-- The first partition from 'from' on that is not COMPLETED, or nil. Whole bytes are skipped by BITPOS.
local function nextPartition(instanceId, stepIndex, from)
  local total = tonumber(redis.call('HGET', instanceKey(instanceId), 'total:' .. stepIndex) or 0)
  local bits = completedKey(instanceId, stepIndex)
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
`,
  ],
  [
    'takeNext',
    `
-- Hands out the next partition of a step, or nil if none is left. What is in flight must stand in the queue.
local function takeNext(id, stepIndex, instanceId)
  local step = stepExecutionKey(id, stepIndex)
  local partition = nextPartition(instanceId, stepIndex, tonumber(redis.call('HGET', step, 'cursor') or 0))
  if not partition then return nil end
  redis.call('HSET', step, 'cursor', partition + 1)
  redis.call('SADD', inFlightKey(id), partition)
  return partition
end
`,
  ],
];

/** A script as Redis gets it: only the pieces it uses, since Redis runs their definitions at each call. */
export function withPieces(body: string): string {
  return PIECES.reduceRight(
    (script, [name, piece]) => (new RegExp(`\\b${name}\\b`).test(script) ? `${piece}\n${script}` : script),
    body,
  );
}
