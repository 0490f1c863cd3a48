--- Tells how far bulk work has come: at most ten times a second, and once more when it ends.

local core = require "sendcloud.core"

local progress = {}

local INTERVAL = 0.1 -- seconds

---@class sendcloud.Progress
---@field rows integer          rows that have their verdict (import), or are written (export)
---@field inserted integer?
---@field updated integer?
---@field rejected integer?
---@field total_bytes integer?  of the input, where that is known
---@field done_bytes integer?   of the input, read and answered
---@field total_rows integer?   that the service says there are (export)
---@field rate number           rows a second
---@field eta number?           seconds that are left at this pace
---@field waiting integer       requests on their way

--- A function that passes progress on to the listener when it is time; without a listener
--- one that does nothing.
---@param listener fun(progress: sendcloud.Progress)|nil
---@param look fun(): sendcloud.Progress what there is to tell; rate and eta are added
---@param share fun(progress: sendcloud.Progress): number|nil how much is done, 0 to 1
---@param paced boolean?  the first call only notes where work begins; the last one, with
---  true, tells where it ended
---@return fun(ended: boolean?)
function progress.teller(listener, look, share, paced)
  if not listener then return function() end end
  local started, told = core.now(), nil
  local first_rows, first_share, last

  return function(ended)
    local now = core.now()
    if told and not ended and now - told < INTERVAL then return end
    told = now
    local state = look()
    local done = share(state)
    local begins = not first_rows
    first_rows, first_share = first_rows or state.rows, first_share or done
    if paced and begins then return end
    local sight = ("%s %s %s"):format(state.rows, done, state.waiting)
    if ended and sight == last then return end
    last = sight
    local seconds = math.max(now - started, 1e-6)
    state.rate = (state.rows - first_rows) / seconds
    if done and done > first_share then
      state.eta = (1 - done) * seconds / (done - first_share)
    end
    listener(state)
  end
end

return progress
