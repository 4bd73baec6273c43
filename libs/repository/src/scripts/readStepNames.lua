-- The names and exit codes of executions' first step executions, in the order of a listing.
--
-- args: most ...ids
--   most: of one execution
-- Returns {{name, exit code, …}, …}, an entry an execution. Changes nothing.

local answer = {}
for _, id in ipairs(ids) do table.insert(answer, namesOfSteps(id, tonumber(most))) end
return answer
