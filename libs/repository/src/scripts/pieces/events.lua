-- The version of the job as an execution was started with; '' where it cannot be read.
local function versionIn(definition)
  local read, decoded = pcall(cjson.decode, definition or '')
  return read and type(decoded) == 'table' and type(decoded.version) == 'string' and decoded.version or ''
end

-- Appends a transition to the module's events. It is called where the status is written, in the same script, so that each
-- transition stands there once. 'step' is nil for the execution itself, 'from' is '' for what begins, 'exitCode' is nil
-- before the end; 'key' is the hash with the counts and the start. EVENTS holds what this call has appended, for the caller.
local function record(id, step, key, from, to, exitCode)
  local known = redis.call('HMGET', executionKey(id), 'uuid', 'jobName', 'definition', 'requestId')
  local fields = {'type', step and 'step' or 'execution', 'executionId', id, 'uuid', known[1], 'job', known[2],
    'jobVersion', versionIn(known[3]), 'step', step or '', 'from', from, 'to', to, 'at', NOW}
  if known[4] then
    table.insert(fields, 'requestId')
    table.insert(fields, known[4])
  end
  if exitCode then
    local counts = redis.call('HMGET', key, 'startTime', step and 'failure' or 'exitDescription', unpack(COUNTS))
    for _, pair in ipairs({{'exitCode', exitCode}, {'startTime', counts[1]}, {'failure', counts[2]}}) do
      if pair[2] then
        table.insert(fields, pair[1])
        table.insert(fields, pair[2])
      end
    end
    for i, name in ipairs(COUNTS) do
      if counts[i + 2] then
        table.insert(fields, name)
        table.insert(fields, counts[i + 2])
      end
    end
  end
  table.insert(EVENTS, {redis.call('XADD', eventsKey(), 'MAXLEN', '~', MAX_EVENTS, '*', unpack(fields)), fields})
end

-- Notes the request that changes an execution's course: the events that follow from it carry its id.
local function causedBy(id, requestId)
  if requestId ~= '' then redis.call('HSET', executionKey(id), 'requestId', requestId) end
end
