/**
 * Scripts of an execution's controller. All but `acquire` begin by checking the lease (`HOLDS_LEASE`): ARGV[1] is the
 * execution, ARGV[2] the lease's token. They return LOST once another controller or a force stop took the lease, and
 * are safe to call twice: each sets what the state already shows, or is undone by the next `beginPlan`. They also return
 * LOST where Redis does not hold what the controller has just stored (it went back by a second): whoever comes next
 * begins from what is there.
 */
export const LOST = 'LEASE_LOST';

const HOLDS_LEASE = `
local id = ARGV[1]
if redis.call('GET', leaseKey(id)) ~= ARGV[2] then return '${LOST}' end
local execution = executionKey(id)
`;

/**
 * ARGV: id, token (delivery#unique), uuid, lease in ms.
 * Returns {'acquired', how often in a row it was taken and not given back}, {'busy'} or {'gone'}.
 * A second delivery of the same job takes the lease over: its first holder has lost BullMQ's lock.
 */
export const acquire = `
local id, token = ARGV[1], ARGV[2]
local status = statusOf(id, ARGV[3])
if not status or not RUNNING[status] then return {'gone'} end
local holder = redis.call('GET', leaseKey(id))
local delivery = string.match(token, '^(.*)#')
if holder and string.match(holder, '^(.*)#') ~= delivery then
  redis.call('SET', nudgeKey(id), 1, 'PX', ARGV[4])
  return {'busy'}
end
redis.call('SET', leaseKey(id), token, 'PX', ARGV[4])
redis.call('DEL', nudgeKey(id))
return {'acquired', redis.call('HINCRBY', executionKey(id), 'fruitlessControls', 1)}
`;

/** ARGV: id, token, lease in ms. */
export const renew = `${HOLDS_LEASE}
redis.call('PEXPIRE', leaseKey(id), ARGV[3])
return 'OK'
`;

/** ARGV: id, token. Returns 'released', or 'again' (the lease is kept) if word was left meanwhile. */
export const release = `${HOLDS_LEASE}
if redis.call('DEL', nudgeKey(id)) == 1 then return 'again' end
redis.call('DEL', leaseKey(id))
redis.call('HDEL', execution, 'fruitlessControls')
return 'released'
`;

/**
 * What the next action is decided on.
 *
 * ARGV: id, token, then the job's steps, each '1' if its COMPLETED is not to be passed over.
 * Returns {status, {step status or '', pass over, planned, partitions in the plan, in flight, waiting, failed}, …}.
 */
export const facts = `${HOLDS_LEASE}
local found = redis.call('HMGET', execution, 'status', 'instanceId')
local status, instanceId = found[1], found[2]
local instance = instanceKey(instanceId)
local answer = {status}
for i = 0, #ARGV - 3 do
  local step = redis.call('HMGET', stepExecutionKey(id, i), 'status', 'cursor', 'partitionsFailed')
  local known = redis.call('HMGET', instance, 'completed:' .. i, 'planned:' .. i, 'total:' .. i)
  local inFlight, waiting = 0, 0
  if step[1] == 'STARTED' then
    inFlight = redis.call('SCARD', inFlightKey(id))
    if known[2] and nextPartition(instanceId, i, tonumber(step[2] or 0)) then waiting = 1 end
  end
  local passOver = known[1] and not step[1] and ARGV[i + 3] ~= '1'
  answer[i + 2] = {step[1] or '', passOver and 1 or 0, known[2] and 1 or 0, tonumber(known[3] or 0),
    inFlight, waiting, tonumber(step[3] or 0)}
end
return answer
`;

/** STARTING → STARTED. ARGV: id, token, now. */
export const beginExecution = `${HOLDS_LEASE}
if not SOURCES['STARTED'][statusOf(id)] then return 'OK' end
redis.call('HSET', execution, 'exitCode', 'EXECUTING')
redis.call('HSETNX', execution, 'startTime', ARGV[3])
moveTo(id, 'STARTED', ARGV[3])
return 'OK'
`;

/** ARGV: id, token, step, its name, now. Counts a start of the step in the instance, once an execution. */
export const beginStep = `${HOLDS_LEASE}
local stepIndex, now = ARGV[3], ARGV[5]
if redis.call('EXISTS', stepExecutionKey(id, stepIndex)) == 0 then
  local instanceId = redis.call('HGET', execution, 'instanceId')
  local instance = instanceKey(instanceId)
  redis.call('HINCRBY', instance, 'started:' .. stepIndex, 1)
  -- Run again although COMPLETED: forget which partitions were, and take them out of the progress.
  if redis.call('HDEL', instance, 'completed:' .. stepIndex) == 1 then
    local completed = completedKey(instanceId, stepIndex)
    -- 0 - n, since Redis takes Lua's -0 for no integer.
    redis.call('HINCRBY', instance, 'partitionsDone', 0 - redis.call('BITCOUNT', completed))
    redis.call('HINCRBY', instance, 'rowsDone', 0 - (redis.call('HGET', instance, 'rowsDone:' .. stepIndex) or 0))
    redis.call('HDEL', instance, 'rowsDone:' .. stepIndex)
    redis.call('DEL', completed, positionsKey(instanceId, stepIndex))
  end
end
beginStepExecution(id, stepIndex, 'stepName', ARGV[4], now)
redis.call('HSET', execution, 'lastUpdatedTime', now)
return 'OK'
`;

/** Throws away an unfinished plan, never a finished one. ARGV: id, token, step. */
export const beginPlan = `${HOLDS_LEASE}
local instanceId = redis.call('HGET', execution, 'instanceId')
if redis.call('HEXISTS', instanceKey(instanceId), 'planned:' .. ARGV[3]) == 1 then return '${LOST}' end
redis.call('DEL', planKey(instanceId, ARGV[3]))
redis.call('HDEL', instanceKey(instanceId), 'rows:' .. ARGV[3])
return 'OK'
`;

/**
 * ARGV: id, token, step, now, partitions stored so far, rows in these partitions, partitions (JSON each).
 * Returns the execution's status.
 * Twice (a connection lost before the answer came repeats the call): a plan that holds these partitions already stays
 * as it is. One that holds anything else has lost what was stored before.
 */
export const appendPlan = `${HOLDS_LEASE}
local instanceId = redis.call('HGET', execution, 'instanceId')
local instance, plan, offset = instanceKey(instanceId), planKey(instanceId, ARGV[3]), tonumber(ARGV[5])
local length = redis.call('LLEN', plan)
if redis.call('HEXISTS', instance, 'planned:' .. ARGV[3]) == 1 then return '${LOST}' end
if length == offset then
  for i = 7, #ARGV do redis.call('RPUSH', plan, ARGV[i]) end
  redis.call('HINCRBY', instance, 'rows:' .. ARGV[3], ARGV[6])
elseif length ~= offset + #ARGV - 6 or redis.call('LINDEX', plan, -1) ~= ARGV[#ARGV] then
  return '${LOST}'
end
redis.call('HSET', execution, 'lastUpdatedTime', ARGV[4])
touch(id)
return statusOf(id)
`;

/** From here on the plan is never computed again. ARGV: id, token, step, partitions in the plan, now. */
export const sealPlan = `${HOLDS_LEASE}
local instanceId = redis.call('HGET', execution, 'instanceId')
local instance = instanceKey(instanceId)
local total = redis.call('LLEN', planKey(instanceId, ARGV[3]))
if total ~= tonumber(ARGV[4]) then return '${LOST}' end
if redis.call('HSETNX', instance, 'planned:' .. ARGV[3], 1) == 0 then return 'OK' end
redis.call('HSET', instance, 'total:' .. ARGV[3], total)
redis.call('HINCRBY', instance, 'partitionsTotal', total)
redis.call('HINCRBY', instance, 'rowsTotal', redis.call('HGET', instance, 'rows:' .. ARGV[3]) or 0)
redis.call('HSET', execution, 'lastUpdatedTime', ARGV[5])
return 'OK'
`;

/**
 * Fills the window, if the execution is STARTED, and returns every partition in flight.
 * ARGV: id, token, step, window.
 * Twice: the window is full, and the same partitions are returned.
 */
export const dispatch = `${HOLDS_LEASE}
local stepIndex = ARGV[3]
if statusOf(id) == 'STARTED' then
  local instanceId = redis.call('HGET', execution, 'instanceId')
  for _ = redis.call('SCARD', inFlightKey(id)) + 1, tonumber(ARGV[4]) do
    if not takeNext(id, stepIndex, instanceId) then break end
  end
end
touch(id)
return redis.call('SMEMBERS', inFlightKey(id))
`;

/**
 * ARGV: id, token, step, status, exit code, now, failed step's name or '', message, most failures.
 * A COMPLETED step is remembered by the instance, so that restarts pass over it. A chunk step is taken for COMPLETED only
 * if every partition is: where Redis went back by a second, some may have to be handed out again.
 */
export const endStep = `${HOLDS_LEASE}
local stepIndex, status, exitCode, now = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local step = stepExecutionKey(id, stepIndex)
if redis.call('HGET', step, 'status') ~= 'STARTED' then return 'OK' end
local instanceId = redis.call('HGET', execution, 'instanceId')
if status == 'COMPLETED' and nextPartition(instanceId, stepIndex, 0) then
  redis.call('HSET', step, 'cursor', 0)
  return 'OK'
end
endStepExecution(step, status, now)
if exitCode ~= EXIT_CODES[status] then redis.call('HSET', step, 'exitCode', exitCode) end
redis.call('HSET', execution, 'lastUpdatedTime', now)
if status == 'COMPLETED' then
  redis.call('HSET', instanceKey(instanceId), 'completed:' .. stepIndex, 1)
end
if ARGV[7] ~= '' then
  redis.call('HSET', step, 'failure', ARGV[8])
  addFailure(id, ARGV[7], ARGV[8], now, tonumber(ARGV[9]))
end
return 'OK'
`;

/**
 * ARGV: id, token, status, exit code, now, failed step's name or '', message, most failures.
 * Does nothing unless the state machine allows it. A FAILED execution is described by its first failure. Unless it has
 * COMPLETED its counts are to be settled: Redis may have lost a second in which partitions were begun and have written.
 */
export const endExecution = `${HOLDS_LEASE}
local status, exitCode, now = ARGV[3], ARGV[4], ARGV[5]
if not SOURCES[status][statusOf(id)] then return 'OK' end
moveTo(id, status, now)
redis.call('HSET', execution, 'exitCode', exitCode, 'endTime', now)
if ARGV[6] ~= '' then addFailure(id, ARGV[6], ARGV[7], now, tonumber(ARGV[8])) end
if status == 'FAILED' then
  local first = cjson.decode(redis.call('HGET', execution, 'failures') or '[]')[1]
  if first then redis.call('HSET', execution, 'exitDescription', first.stepName .. ': ' .. first.message) end
end
endOpenSteps(id, status, now)
redis.call('DEL', inFlightKey(id), nudgeKey(id))
if status ~= 'COMPLETED' then redis.call('ZADD', unsettledKey(), serverNow(), id) end
return 'OK'
`;

/** ARGV: id, token, name, value (JSON). */
export const setResult = `${HOLDS_LEASE}
redis.call('HSET', execution, 'result:' .. ARGV[3], ARGV[4])
return 'OK'
`;
