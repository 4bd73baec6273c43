-- What the next actions are decided on.
--
-- args: id token ...steps
--   steps: of each its name, and '1' if its COMPLETED is not to be passed over
-- Returns LOST, or {status, {step status or '', pass over, planned, partitions in the plan, in flight, waiting, working,
-- failed partitions}, …}. Changes nothing.

if not holdsLease(id, token) then return LOST end
local status, instanceId = statusOf(id)
local answer = {status}
for i = 1, #steps, 2 do
  local name, rerun = steps[i], steps[i + 1]
  local step = redis.call('HMGET', stepExecutionKey(id, name), 'status', 'cursor', 'partitionsFailed', 'work')
  local known = redis.call('HMGET', instanceKey(instanceId), 'completed:' .. name, 'planned:' .. name, 'total:' .. name)
  local inFlight, waiting = 0, 0
  if step[1] == 'STARTED' then
    inFlight = redis.call('SCARD', inFlightKey(id, name))
    if known[2] and nextPartition(instanceId, name, tonumber(step[2] or 0)) then waiting = 1 end
  end
  local passOver = known[1] and not step[1] and rerun ~= '1'
  table.insert(answer, {step[1] or '', passOver and 1 or 0, known[2] and 1 or 0, tonumber(known[3] or 0),
    inFlight, waiting, step[4] and 1 or 0, tonumber(step[3] or 0)})
end
return answer
