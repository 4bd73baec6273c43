-- A page of a job's instances that have an execution of one of some statuses, newest first.
--
-- args: job start count ...statuses
-- Returns their numbers. Changes nothing.
--
-- Each instance is in one index, so the rank of a number is the sum of its ranks in those that are wanted. The page is found
-- by halving between the first number and the last, which costs the same however far it is from the newest.

local wanted = {}
for _, status in ipairs(statuses) do wanted[status] = true end
local indexes, total = {}, 0
for _, set in ipairs(redis.call('SMEMBERS', statusSetsKey(job))) do
  for status in string.gmatch(set, '[^+]+') do
    if wanted[status] then
      table.insert(indexes, instancesByStatusesKey(job, set))
      total = total + redis.call('ZCARD', indexes[#indexes])
      break
    end
  end
end
start, count = tonumber(start), tonumber(count)
if total <= start or count < 1 then return {} end

-- The greatest number with more than 'start' members that are as great or greater.
local from, beyond = 0, tonumber(redis.call('GET', lastInstanceIdKey()) or 0) + 1
while beyond - from > 1 do
  local middle, newer = math.floor((from + beyond) / 2), 0
  for _, index in ipairs(indexes) do newer = newer + redis.call('ZCOUNT', index, middle, '+inf') end
  if newer > start then from = middle else beyond = middle end
end
local found = {}
for _, index in ipairs(indexes) do
  for _, id in ipairs(redis.call('ZREVRANGEBYSCORE', index, from, '-inf', 'LIMIT', 0, count)) do
    table.insert(found, tonumber(id))
  end
end
table.sort(found, function(a, b) return a > b end)
local page = {}
for i = 1, math.min(count, #found) do page[i] = found[i] end
return page
