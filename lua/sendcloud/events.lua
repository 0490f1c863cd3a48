--- What happens, told while it happens: to `on_event`, and to standard error if
--- SENDCLOUD_LOG asks.
--
-- An event holds an operation's name, numbers and our own words: no address, no name, no
-- id, no text of the service, nothing secret.
--
--   attempt   operation attempt method
--   retry     operation attempt wait reason kind status outcome   (another attempt follows)
--   throttle  operation wait rate                     (the rate limiter holds it back)
--   done      operation attempts seconds ok kind status outcome

local events = {}

---@class sendcloud.Event
---@field type "attempt"|"retry"|"throttle"|"done"
---@field operation string
---@field attempt integer?  number of the request, from 1
---@field attempts integer? requests made
---@field method string?
---@field wait number?      seconds until the next request
---@field reason string?    why it is tried again
---@field rate number?      requests a second that the limiter allows
---@field seconds number?   since the call began
---@field ok boolean?
---@field kind sendcloud.ErrorKind?
---@field status integer?
---@field outcome string?

local LEVELS = { info = 1, debug = 2 }
local LEVEL_OF = { attempt = 2, retry = 1, throttle = 1, done = 1 }
local ORDER = {
  "attempt", "attempts", "method", "ok", "kind", "status", "outcome", "wait", "rate",
  "seconds", "reason",
}

local function line(event)
  local words = { "sendcloud", event.operation, event.type }
  for _, name in ipairs(ORDER) do
    local value = event[name]
    if type(value) == "number" and value % 1 ~= 0 then value = ("%.3f"):format(value) end
    if value ~= nil then words[#words + 1] = name .. "=" .. tostring(value) end
  end
  return table.concat(words, " ") .. "\n"
end

--- The listener of a client: nil when nobody listens, so that nothing is made in vain.
---@param on_event function?
---@param level string? "info" or "debug"; anything else is silence
---@param write fun(text: string)? where log lines go; standard error by default
---@return fun(event: sendcloud.Event)|nil
function events.listener(on_event, level, write)
  local wanted = LEVELS[level]
  if not on_event and not wanted then return nil end
  write = write or function(text) io.stderr:write(text) end

  return function(event)
    if wanted and LEVEL_OF[event.type] <= wanted then write(line(event)) end
    if on_event then
      -- In a coroutine of its own: what it raises is lost and not the call, and it may
      -- call the client itself on a Lua whose pcall cannot be yielded across.
      coroutine.resume(coroutine.create(on_event), event)
    end
  end
end

return events
