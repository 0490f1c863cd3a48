--- The collector's timer in a worker of nginx.
--
-- Every worker has one: it looks whether it is the one that sends, which one always is, and
-- makes its own file last. When the worker ends, nginx calls pending timers before their
-- time: the request on its way is cut short, the files are closed, and another worker or
-- the next nginx goes on.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"

local timer = {}

local SHORTEST = 0.001 -- s; nginx would run one of 0 before it serves anybody else
local WATCH = 3600     -- s of the timer that waits for the worker's end
local AFTER_A_BUG = 5  -- s

-- A request as a task, which the end of the worker can cancel.
local function guarded(self, request, ...)
  local transport, err = self.state:transport()
  if not transport then return nil, err end
  local task = transport:spawn(request, self, ...)
  self.on_its_way = { transport = transport, task = task }
  local ok, value, failed = transport:await(task)
  self.on_its_way = nil
  if ok then return value, failed end
  if type(value) ~= "table" then error(value, 0) end
  return nil, errors.new { kind = value.kind, message = value.message,
    operation = "members.upsert", outcome = "not_sent" }
end

local function stop(drain, writer)
  local way = drain.on_its_way
  if way then way.transport:cancel(way.task) end
  writer:close()
  drain:close()
end

--- Starts it.
---@param drain sendcloud.Drain
---@param writer sendcloud.JournalWriter
---@param say fun(message: string)
---@param ended fun() called where it has come to an end and can be started anew
---@return true|nil
---@return string? reason
function timer.start(drain, writer, say, ended)
  drain.guard = guarded
  local told -- the same problem is told once

  local function tick(premature)
    if premature or ngx.worker.exiting() then return stop(drain, writer) end
    local fine, wait, err = pcall(drain.look, drain)
    if not fine then
      drain.busy, wait, err = false, AFTER_A_BUG, wait
    end
    local problem = writer:sync_when_due(core.now())
    if err and (not fine or err ~= drain.err) then -- else the drain has told it
      problem = (problem and problem .. "; " or "") .. tostring(err)
    end
    if problem and problem ~= told then say(problem) end
    told = problem
    if ngx.worker.exiting() then return stop(drain, writer) end
    local ok, reason = nil, "the client is closed"
    if wait then ok, reason = ngx.timer.at(math.max(wait, SHORTEST), tick) end
    if ok then return end
    drain:close() -- another worker may have a timer
    ended()
    say("stopped until the next sign-up: " .. tostring(reason))
  end

  local function watch(premature)
    if premature then return stop(drain, writer) end
    ngx.timer.at(WATCH, watch)
  end

  local ok, reason = ngx.timer.at(0, tick)
  if ok then ok, reason = ngx.timer.at(WATCH, watch) end
  return ok and true or nil, reason
end

return timer
