-- Has an unsettled execution wait behind the others.
--
-- args: id uuid
-- Returns 1, or 0 if there is none such. Twice: it waits behind those that came in between, too.

if not statusOf(id, uuid) then return 0 end
redis.call('ZADD', unsettledKey(), 'XX', NOW, id)
return 1
