-- Takes partitions that count as COMPLETED, and are not, out of what is done; the step with them. They are found by their
-- bits, at most 'most' a call. Their rows go from the progress at once, and come back when they have run again; unless this
-- execution has read them: those follow when the partition is run again and its counts are set anew.
--
-- args: id token step first last most count
--   count: '1' to count this as a further time that the step is reopened
-- Returns LOST, or {how many, where to go on, or -1 at the end, how often the step was reopened in this execution}.
-- Twice: what is out of what is done is not found again, so the second call counts what is left.

if not holdsLease(id, token) then return LOST end
local _, instanceId = statusOf(id)
local instance, bits, plan = instanceKey(instanceId), completedKey(instanceId, step), planKey(instanceId, step)
local reopened, rows = 0, 0
local at = nextCompleted(bits, tonumber(first))
while at and at <= tonumber(last) and reopened < tonumber(most) do
  redis.call('SETBIT', bits, at, 0)
  reopened = reopened + 1
  if redis.call('HGET', partitionKey(id, step, at), 'status') ~= 'COMPLETED' then
    rows = rows + rowsOf(redis.call('LINDEX', plan, at) or '')
    redis.call('HSET', instance, 'again:' .. step .. ':' .. at, 1)
  end
  at = nextCompleted(bits, at + 1)
end
-- What was planned may be more than what was read.
local done = redis.call('HMGET', instance, 'rowsDone:' .. step, 'rowsDone', 'partitionsDone')
rows = math.min(rows, tonumber(done[1] or 0), tonumber(done[2] or 0))
redis.call('HINCRBY', instance, 'rowsDone:' .. step, 0 - rows)
redis.call('HINCRBY', instance, 'rowsDone', 0 - rows)
redis.call('HINCRBY', instance, 'partitionsDone', 0 - math.min(reopened, tonumber(done[3] or 0)))
redis.call('HDEL', instance, 'completed:' .. step)
local key = stepExecutionKey(id, step)
local status = redis.call('HGET', key, 'status')
if status then redis.call('HSET', key, 'cursor', 0) end
if status and count == '1' and reopened > 0 then redis.call('HINCRBY', key, 'reopened', 1) end
if status == 'COMPLETED' then
  redis.call('HSET', key, 'status', 'STARTED', 'lastUpdatedTime', NOW)
  redis.call('HDEL', key, 'endTime', 'exitCode')
  record(id, step, key, 'COMPLETED', 'STARTED')
end
if not at or at > tonumber(last) then at = -1 end
return {reopened, at, tonumber(redis.call('HGET', key, 'reopened') or 0)}
