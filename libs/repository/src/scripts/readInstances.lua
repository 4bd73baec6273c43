-- Instances with their executions, newest first, and with the steps that a listing shows, as far as 'most' hashes reach.
--
-- args: statuses most mostSteps ...places
--   statuses: joined by ',', or '' for all; mostSteps: of one execution; places: of each instance its number and the execution to begin with, '+inf' for the
--   newest
-- Returns {Redis's time, {instance hash, execution to go on with or '', execution hash, {step name, exit code, …}, …}, …}: an
-- entry a place, as far as 'most' reaches, at least one; '' where it does not reach an execution's steps. Changes nothing.

local left = tonumber(most)
local answer = {NOW}
for i = 1, #places, 2 do
  if left <= 0 then return answer end
  local entry = {redis.call('HGETALL', instanceKey(places[i])), ''}
  local ids = redis.call('ZREVRANGEBYSCORE', executionsKey(places[i]), places[i + 1], '-inf', 'LIMIT', 0, left + 1)
  left = left - 1
  for _, id in ipairs(ids) do
    if left <= 0 then
      entry[2] = id
      break
    end
    left = left - 1
    local status = statusOf(id)
    if status and (statuses == '' or string.find(',' .. statuses .. ',', ',' .. status .. ',', 1, true)) then
      local steps = math.min(redis.call('HGET', executionKey(id), 'stepCount') or 0, mostSteps)
      table.insert(entry, redis.call('HGETALL', executionKey(id)))
      table.insert(entry, steps <= left and namesOfSteps(id, steps) or '')
      if steps <= left then left = left - steps end
    end
  end
  table.insert(answer, entry)
end
return answer
