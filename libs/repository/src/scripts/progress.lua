-- Mirrors a committed chunk.
--
-- args: id uuid step partition fence position skipLimit ...counts
--   position: JSON, or '' where the sink keeps the checkpoint
-- Returns 'go-on', 'stop', 'superseded' (a newer fence, or the execution has ended) or 'skip-limit' (nothing changed).
-- Twice: counts are absolute, so a repeat changes nothing.
--
-- What committed before a force stop is counted although the execution has ended: counts tell what the database holds.
-- The position belongs to the instance's newest execution: one that was force-stopped must not move a restart's back.

local status, instanceId = statusOf(id, uuid)
if not status then return 'superseded' end
local key = partitionKey(id, step, partition)
local known = redis.call('HMGET', key, 'fence', 'attempts', unpack(COUNTS))
if known[1] ~= fence then return 'superseded' end
local before = {unpack(known, 3)}
for i = 1, #COUNTS do counts[i] = tonumber(counts[i]) end
if position ~= '' then
  local more = counts[4] - tonumber(before[4] or 0)
  if more > 0 then
    local skips = tonumber(redis.call('HGET', stepExecutionKey(id, step), 'skipCount') or 0)
    if skips + more > tonumber(skipLimit) then return 'skip-limit' end
  end
  if redis.call('HGET', instanceKey(instanceId), 'latest') == id then
    redis.call('HSET', positionsKey(instanceId, step), partition, position)
  end
end
setCounts(id, step, partition, instanceId, counts, before, {'lastUpdatedTime', NOW})
if known[2] then redis.call('HDEL', key, 'attempts') end
if not RUNNING[status] then return 'superseded' end
return goOn(status)
