/**
 * Executions that have stood unchanged in an index of times for so long, by the clock that wrote them: of a cluster, that of
 * the module's node.
 *
 * ARGV: 'running' or 'unsettled', ms, most
 * Returns {id, uuid, …}, longest first.
 */
export const oldest = `
local indexes = { running = runningKey(), unsettled = unsettledKey() }
local answer = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', indexes[ARGV[1]], '-inf', serverNow() - ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local uuid = redis.call('HGET', executionKey(id), 'uuid')
  if uuid then
    table.insert(answer, id)
    table.insert(answer, uuid)
  end
end
return answer
`;
