/**
 * What a finished partition leaves to do: its successor, while that is still in flight, and whether it was the last.
 * The successor was recorded with the finish, so a finisher that died before it put the successor into the queue is
 * made good by the redelivery of its job.
 */
const ANNOUNCEMENT = `
local function announcement(id, stepIndex, partition)
  local successor = redis.call('HGET', stepExecutionKey(id, stepIndex .. '.' .. partition), 'successor')
  if successor and not isInFlight(id, stepIndex, successor) then successor = false end
  local done = redis.call('SCARD', inFlightKey(id)) == 0
  return successor or '', done and 1 or 0
end
`;

const ATTEMPT = `
local id, uuid, stepIndex, partition = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local step = stepExecutionKey(id, stepIndex .. '.' .. partition)
`;

/**
 * Begins an attempt at a partition.
 *
 * ARGV: id, uuid, step, partition, the sink's fence or '' (the store then raises its own), now
 * Returns {'run', fence, attempts since the last commit, partition (JSON), position (JSON or ''), counts …},
 * {'stopping', fence, counts …},
 * {'finished', successor or '', step done}, {'gone'} (nobody waits for the partition) or {'outrun'} (a newer attempt has it).
 *
 * The sink's fences count by the thousand here: attempts that found the sink away come in between, so that the sink's
 * next one is above them.
 *
 * Twice: a fence from the sink is one attempt's alone, so the same fence again is the same attempt, whose answer was lost.
 * A second attempt gets the partition only with a higher fence; the first is superseded then. A partition that is in
 * flight is run, even if Redis, gone back by a second, knows of its end.
 */
export const claim = `${ANNOUNCEMENT}${ATTEMPT}
local fence, now = ARGV[5], ARGV[6]
local status = statusOf(id, uuid)
if not status or not RUNNING[status] then return {'gone'} end
local known = redis.call('HMGET', step, 'status', 'fence')
if not isInFlight(id, stepIndex, partition) then
  if not known[1] then return {'gone'} end
  local successor, done = announcement(id, stepIndex, partition)
  return {'finished', successor, done}
end
local newest = tonumber(known[2] or 0)
if fence == '' then fence = newest + 1 else fence = fence * 1000 end
if fence < newest then return {'outrun'} end
local instanceId = redis.call('HGET', executionKey(id), 'instanceId')
local plan = redis.call('LINDEX', planKey(instanceId, stepIndex), partition)
if not plan then return {'gone'} end
beginStepExecution(id, stepIndex .. '.' .. partition, 'label', labelOf(plan), now)
redis.call('HSET', step, 'fence', fence)
local fruitless = redis.call('HINCRBY', step, 'fruitless', 1)
touch(id)
local counts = redis.call('HMGET', step, unpack(COUNTS))
for i = 1, #COUNTS do counts[i] = tonumber(counts[i] or 0) end
if status == 'STOPPING' then return {'stopping', fence, unpack(counts)} end
local position = redis.call('HGET', positionsKey(instanceId, stepIndex), partition) or ''
return {'run', fence, fruitless, plan, position, unpack(counts)}
`;

/** Whether a partition is in flight in a running execution. ARGV: id, uuid, step, partition. Returns 1 or 0. */
export const awaited = `
local status = statusOf(ARGV[1], ARGV[2])
return status and RUNNING[status] and isInFlight(ARGV[1], ARGV[3], ARGV[4]) and 1 or 0
`;

/** Whether an attempt is the newest, in a running execution. ARGV: id, uuid, step, partition, fence. Returns 1 or 0. */
export const holds = `${ATTEMPT}
local status = statusOf(id, uuid)
return status and RUNNING[status] and redis.call('HGET', step, 'fence') == ARGV[5] and 1 or 0
`;

/**
 * Mirrors a committed chunk: counts are absolute, so a repeat changes nothing.
 *
 * ARGV: id, uuid, step, partition, fence, now, position (JSON) or '', skip limit, counts …
 * Returns 'go-on', 'stop', 'superseded' (a newer fence, or the execution has ended) or 'skip-limit' (nothing changed).
 *
 * What committed before a force stop is counted although the execution has ended: counts tell what the database holds.
 * The position belongs to the instance's newest execution: one that was force-stopped must not move a restart's back.
 */
export const progress = `${ATTEMPT}
local fence, now, position, skipLimit = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local status = statusOf(id, uuid)
if not status then return 'superseded' end
if redis.call('HGET', step, 'fence') ~= fence then return 'superseded' end
local counts = {}
for i = 1, #COUNTS do counts[i] = tonumber(ARGV[8 + i]) end
local instanceId = redis.call('HGET', executionKey(id), 'instanceId')
if position ~= '' then
  local skips = tonumber(redis.call('HGET', stepExecutionKey(id, stepIndex), 'skipCount') or 0)
  local more = counts[4] - tonumber(redis.call('HGET', step, 'skipCount') or 0)
  if more > 0 and skips + more > tonumber(skipLimit) then return 'skip-limit' end
  if redis.call('HGET', instanceKey(instanceId), 'latest') == id then
    redis.call('HSET', positionsKey(instanceId, stepIndex), partition, position)
  end
end
setCounts(id, stepIndex, partition, instanceId, counts, now)
redis.call('HSET', step, 'lastUpdatedTime', now)
redis.call('HDEL', step, 'fruitless')
if not RUNNING[status] then return 'superseded' end
return status == 'STARTED' and 'go-on' or 'stop'
`;

/**
 * Ends a partition, hands out the next one in its stead and records it as the successor.
 *
 * ARGV: id, uuid, step, partition, fence, now, status, failure or '', most failures, counts …
 * Returns {successor or '', step done}, or {} if a newer attempt has the partition, or the execution has ended, or (gone
 * back by a second) knows nothing of a stop: then the partition stays in flight.
 *
 * Twice: the second call finds the status set and gives the same answer.
 */
export const finish = `${ANNOUNCEMENT}${ATTEMPT}
local fence, now, status, failure, most = ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local executionStatus = statusOf(id, uuid)
if not executionStatus or not RUNNING[executionStatus] then return {} end
local known = redis.call('HMGET', step, 'fence', 'status', 'label')
if known[1] ~= fence then return {} end
if status == 'STOPPED' and executionStatus ~= 'STOPPING' then return {} end
if known[2] == 'STARTED' and isInFlight(id, stepIndex, partition) then
  local instanceId = redis.call('HGET', executionKey(id), 'instanceId')
  local counts = {}
  for i = 1, #COUNTS do counts[i] = tonumber(ARGV[9 + i]) end
  setCounts(id, stepIndex, partition, instanceId, counts, now)
  endStepExecution(step, status, now)
  redis.call('SREM', inFlightKey(id), partition)
  if status == 'COMPLETED' then
    redis.call('SETBIT', completedKey(instanceId, stepIndex), partition, 1)
    redis.call('HDEL', positionsKey(instanceId, stepIndex), partition)
    redis.call('HINCRBY', instanceKey(instanceId), 'partitionsDone', 1)
  elseif status == 'FAILED' then
    redis.call('HINCRBY', stepExecutionKey(id, stepIndex), 'partitionsFailed', 1)
    redis.call('HSET', step, 'failure', failure)
    addFailure(id, stepNames(id)(stepIndex, nil, known[3]), failure, now, most)
  end
  if executionStatus == 'STARTED' then
    local successor = takeNext(id, stepIndex, instanceId)
    if successor then redis.call('HSET', step, 'successor', successor) end
  end
end
local successor, done = announcement(id, stepIndex, partition)
return {successor, done}
`;
