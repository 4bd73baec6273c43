-- Begins an attempt at a partition.
--
-- args: id uuid step partition fence
--   fence: the sink's, or '' (the store then raises its own)
-- Returns {'run', fence, attempts since the last commit, partition as the plan holds it, position (JSON or ''), counts …},
-- {'stopping', fence, counts …}, {'finished', successor or '', step done}, {'gone'} (nobody waits for the partition) or
-- {'superseded'} (a newer attempt has it).
--
-- The sink's fences count by the thousand here: attempts that found the sink unavailable come in between, so that the
-- sink's next one is above them.
--
-- Twice: a fence from the sink is one attempt's alone, so the same fence again is the same attempt, whose answer was lost.
-- A second attempt gets the partition only with a higher fence; the first is superseded then. A partition that is in
-- flight is run, even if Redis, gone back by a second, knows of its end.

local status, instanceId, handedBack = statusOf(id, uuid)
if not status or not RUNNING[status] then return {'gone'} end
local key = partitionKey(id, step, partition)
local known = redis.call('HMGET', key, 'status', 'fence', 'attempts', unpack(COUNTS))
if not isInFlight(id, step, partition) then
  if not known[1] then return {'gone'} end
  return {'finished', announcement(id, step, partition)}
end
local newest = tonumber(known[2] or 0)
if fence == '' then fence = newest + 1 else fence = fence * 1000 end
if fence < newest then return {'superseded'} end
local plan = redis.call('LINDEX', planKey(instanceId, step), partition)
if not plan then return {'gone'} end
local attempts = tonumber(known[3] or 0) + 1
beginPartition(id, step, partition, labelOf(plan), known[1], {'fence', fence, 'attempts', attempts})
if handedBack then takenUp(id) end
touch(id)
local counts = {}
for i = 1, #COUNTS do counts[i] = tonumber(known[i + 3] or 0) end
if status == 'STOPPING' then return {'stopping', fence, unpack(counts)} end
local position = redis.call('HGET', positionsKey(instanceId, step), partition) or ''
return {'run', fence, attempts, plan, position, unpack(counts)}
