-- Ends a running execution FAILED, its unfinished steps too, without a controller, and takes its lease away.
--
-- args: id uuid failedStep message
-- Returns 'changed', or 'unchanged' if it does not run. Twice: the second call changes nothing.
--
-- Its gate may be open still: it is unsettled, and settling closes it.

local status = statusOf(id, uuid)
if not status or not SOURCES['FAILED'][status] then return 'unchanged' end
addFailure(id, failedStep, message)
describeFailure(id)
endAtOnce(id, 'FAILED')
return 'changed'
