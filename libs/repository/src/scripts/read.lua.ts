/**
 * Everything a listing shows of some instances, in one round trip.
 *
 * ARGV: most steps of an execution, execution id or '' (that one alone), statuses joined by ',' or '' (all), instance ids …
 * Returns for each instance {instance hash, {execution hash, {step name, exit code, …}}, …}, newest execution first.
 */
export const readInstances = `
local most, only, wanted = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local function matches(id)
  if only ~= '' then return id == only end
  if wanted == '' then return true end
  return string.find(',' .. wanted .. ',', ',' .. (statusOf(id) or '?') .. ',', 1, true) ~= nil
end
local answer = {}
for i = 4, #ARGV do
  local instance = redis.call('HGETALL', instanceKey(ARGV[i]))
  local entry = {instance}
  local ids = {}
  for id in string.gmatch(redis.call('HGET', instanceKey(ARGV[i]), 'executions') or '', '%d+') do
    table.insert(ids, 1, id)
  end
  for _, id in ipairs(ids) do
    if matches(id) then
      local steps, nameOf = {}, stepNames(id)
      for _, ref in ipairs(redis.call('LRANGE', stepsKey(id), 0, most - 1)) do
        local step = redis.call('HMGET', stepExecutionKey(id, ref), 'stepName', 'label', 'exitCode', 'status')
        table.insert(steps, nameOf(ref, step[1], step[2]))
        table.insert(steps, step[3] or EXIT_CODES[step[4]])
      end
      table.insert(entry, {redis.call('HGETALL', executionKey(id)), steps})
    end
  end
  table.insert(answer, entry)
end
return answer
`;

/** An execution with its instance. ARGV: id. Returns {execution hash, instance hash}, or {} if there is none such. */
export const readExecution = `
local execution = redis.call('HGETALL', executionKey(ARGV[1]))
if #execution == 0 then return {} end
local instanceId = redis.call('HGET', executionKey(ARGV[1]), 'instanceId')
return {execution, redis.call('HGETALL', instanceKey(instanceId))}
`;

/** Step executions in start order. ARGV: id, first index, last index. Returns {name, hash}, … */
export const readSteps = `
local answer, nameOf = {}, stepNames(ARGV[1])
for _, ref in ipairs(redis.call('LRANGE', stepsKey(ARGV[1]), ARGV[2], ARGV[3])) do
  local step = stepExecutionKey(ARGV[1], ref)
  local name = nameOf(ref, unpack(redis.call('HMGET', step, 'stepName', 'label')))
  table.insert(answer, {name, redis.call('HGETALL', step)})
end
return answer
`;
