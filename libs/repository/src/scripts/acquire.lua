-- Takes the lease on an execution, unless another delivery holds it.
--
-- args: id token uuid leaseMs
--   token: <delivery>#<unique>
-- Returns {'acquired', how often in a row it was taken and not given back}, {'busy'} or {'gone'}.
-- Twice: a second delivery of the same job takes the lease over, since its first holder has lost BullMQ's lock; where it
-- is the same one again it counts once more.

local status = statusOf(id, uuid)
if not status or not RUNNING[status] then return {'gone'} end
local holder = redis.call('GET', leaseKey(id))
local delivery = string.match(token, '^(.*)#')
if holder and string.match(holder, '^(.*)#') ~= delivery then
  redis.call('SET', nudgeKey(id), 1, 'PX', leaseMs)
  return {'busy'}
end
redis.call('SET', leaseKey(id), token, 'PX', leaseMs)
redis.call('DEL', nudgeKey(id))
return {'acquired', redis.call('HINCRBY', executionKey(id), 'attempts', 1)}
