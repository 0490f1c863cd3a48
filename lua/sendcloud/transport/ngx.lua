-- The transport of nginx: libcurl on a helper thread, one a worker process.
--
-- The code that calls waits on a socket to that thread, as any code in nginx waits, so
-- that the worker serves others meanwhile. Tasks are light threads. What one waits for
-- can be ended from outside: a cancel or close is seen at once, and when nginx ends a
-- request whose client has left, the socket closes and the thread drops the call.
--
-- One object serves all requests of a worker: nothing here belongs to one of them but
-- what is found by the running coroutine.

local core = require "sendcloud.core"
local family = require "sendcloud.family"
local door = require "sendcloud.transport.ngx_door"
local pool = require "sendcloud.transport.ngx_pool"
-- Loaded now, not when it is first wanted: there may be no descriptor left then to read it.
-- Elsewhere the collector asks this module whether it is nginx.
local semaphore = rawget(_G, "ngx") and require "ngx.semaphore"
pcall(require, "cjson")

local nginx = {}

local YIELDS = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
  ssl_cert = true, precontent = true,
}
-- No request is served yet: a call that blocks holds nobody up.
local BLOCKS = { init = true, init_worker = true }

local GRACE = 5 -- s beyond the request's own timeout, which libcurl keeps
local LONGEST_WAIT = 3600 -- s at a time
local TRY_AGAIN = 10 -- s after which a helper thread that could not start is tried again

local unpack = table.unpack or unpack

local function pack(...)
  return { n = select("#", ...), ... }
end

local function failure(kind, message, outcome, place)
  return { kind = kind, message = message, outcome = outcome or "not_sent",
    place = place or "request" }
end

local function cancelled(message)
  return failure("cancelled", message)
end

--- The transport for the phase that nginx is in.
---@return "ngx"|"curl"|nil name
---@return string? reason   where there is none
function nginx.choose()
  local phase = ngx.get_phase()
  if YIELDS[phase] then return "ngx" end
  if BLOCKS[phase] then return "curl" end
  return nil, ("no call can wait in nginx's phase %s: make it in a timer, ngx.timer.at(0, "
    .. "function() … end)"):format(phase)
end

---@class sendcloud.NginxTask: sendcloud.Relative
---@field package done boolean
---@field package cancelled boolean
---@field package results table?    as pcall gives them
---@field package begun boolean
---@field package job userdata?     what it waits for: an answer,
---@field package gate table?       or a time or another task
---@field package waiters table     gates of those who wait for it

---@class sendcloud.Nginx
---@field package tasks table     coroutine -> task
---@field package jobs table      job -> true
---@field package gates table     gate -> true
---@field package thread_pool string?
---@field package fall_back_until number   until then nothing is asked of the helper thread
local Nginx = {}
Nginx.__index = Nginx

---@class sendcloud.NginxOptions
---@field thread_pool? string   of nginx's, for where the helper thread cannot start

--- A transport for the calls of one client in this worker. Opens nothing: the thread
--- starts with the first call that needs it, never in nginx's master process.
---@param options? sendcloud.NginxOptions
---@return sendcloud.Nginx transport
function nginx.new(options)
  local weak = { __mode = "k" } -- coroutines that nginx ends leave their entries
  return setmetatable({
    tasks = setmetatable({}, weak),
    jobs = setmetatable({}, weak),
    gates = setmetatable({}, weak),
    closed = false,
    thread_pool = options and options.thread_pool,
    fall_back_until = -math.huge,
  }, Nginx)
end

--- The task whose code is running, if any: what cancel takes.
---@return sendcloud.NginxTask?
function Nginx:running()
  return self.tasks[coroutine.running()]
end

-- Why the code that calls must not wait just now.
local function objection(self, task)
  if self.closed then return cancelled("the client is closed") end
  if task and task.cancelled then return cancelled("the task was cancelled") end
  local name, reason = nginx.choose()
  if name ~= "ngx" then
    return failure("unsupported", reason or ("no call can wait in nginx's phase %s")
      :format(ngx.get_phase()))
  end
  if core.is_yieldable() == false then
    return failure("unsupported", "no call can wait here: nginx cannot interrupt code that C "
      .. "called, such as a file's top level inside require or a callback of table.sort")
  end
end

-- Requests ----------------------------------------------------------------------------

-- Who does the work: the helper thread or, where it cannot start, threads of nginx's.
local function find_worker(self)
  if core.now() >= self.fall_back_until then
    local thread, socket, why = door.open()
    if thread then return thread, socket end
    if not self.thread_pool then
      why.message = why.message .. "; or name one of nginx's thread pools: thread_pool = …"
      return nil, nil, why
    end
    self.fall_back_until = core.now() + TRY_AGAIN
  end
  return pool.open()
end

-- Waits until the thread says that the job is done; a failure where it did not in time.
local function wait(socket, job, seconds)
  if door.wait(socket, job, math.min(seconds + GRACE, LONGEST_WAIT)) then return nil end
  job:cancel()
  return failure("timeout", "the helper thread did not answer", "unknown", "thread")
end

--- Sends one request and returns when its answer is there.
---@param request table   as for sendcloud.transport.curl
---@return table? response
---@return table? failure
function Nginx:send(request)
  local task = self:running()
  local why = objection(self, task)
  if why then return nil, why end
  local worker, socket, job
  worker, socket, why = find_worker(self)
  if not worker then return nil, why end
  why = objection(self, task) -- others may have run meanwhile
  if not why then
    job, why = worker:submit(request)
  end
  if not job then
    door.give_back(socket)
    return nil, why
  end
  self.jobs[job] = true
  if task then task.job = job end
  if worker:path() then
    why = wait(socket, job, request.timeout or 30)
  else
    why = pool.wait(self.thread_pool, job, request.timeout or 30)
  end
  if task then task.job = nil end
  self.jobs[job] = nil
  if why then return nil, why end
  return job:result()
end

-- Waiting -----------------------------------------------------------------------------

-- A gate is a semaphore that one coroutine waits at. ngx.sleep would do for the time, but
-- nothing could end it early.
local function new_gate(self, task)
  local gate = semaphore.new(0)
  self.gates[gate] = true
  if task then task.gate = gate end
  return gate
end

local function leave_gate(self, task, gate)
  self.gates[gate] = nil
  if task then task.gate = nil end
end

--- Waits.
---@param seconds number   0 or less only lets others go first
---@return true?
---@return table? failure   kind cancelled
function Nginx:sleep(seconds)
  local task = self:running()
  local no = objection(self, task)
  if no then return nil, no end
  if seconds <= 0 then
    if task then
      coroutine.yield() -- to nginx, which goes on with the other light threads
    else
      ngx.sleep(0.001) -- 0 would be a warning in nginx's log where a patch is missing
    end
  else
    local wake_at = core.now() + seconds
    local gate = new_gate(self, task)
    local left = seconds
    -- nginx counts from its own, older idea of now: it can be a little early.
    while left > 0 and not gate:wait(math.min(math.max(left, 0.001), LONGEST_WAIT)) do
      left = wake_at - core.now()
    end
    leave_gate(self, task, gate)
  end
  if self.closed or task and task.cancelled then
    return nil, cancelled("the wait was cancelled")
  end
  return true
end

--- Seconds on a clock that never goes back.
---@return number
function Nginx:now()
  return core.now()
end

--- Seconds since 1970.
---@return number
function Nginx:time()
  return core.time()
end

-- Tasks -------------------------------------------------------------------------------

local function finish(task, results)
  if task.done then return end
  task.done, task.results = true, results
  family.leave(task)
  for gate in pairs(task.waiters) do gate:post(1) end
end

--- Makes a task of a function. Others may run before this returns: nginx lets light threads
--- go on while it makes one.
---@param fn function
---@param ... any   its arguments
---@return sendcloud.NginxTask
function Nginx:spawn(fn, ...)
  local arguments = pack(...)
  local task = { done = false, cancelled = false, begun = false, waiters = {} }
  family.join(task, self:running())
  ngx.thread.spawn(function()
    self.tasks[coroutine.running()] = task
    coroutine.yield() -- nginx runs a light thread at once: let its maker go on first
    if task.cancelled then return end
    task.begun = true
    finish(task, pack(pcall(fn, unpack(arguments, 1, arguments.n))))
  end)
  return task
end

--- Waits for the end of a task; returns as pcall does: true and its results, or false and
--- what it raised. May be asked again.
---@param task sendcloud.NginxTask
---@return boolean ok
---@return any ...
function Nginx:await(task)
  if not task.done then
    local me = self:running()
    if task == me then return false, "a task cannot wait for itself" end
    local no = objection(self, me)
    if no and no.kind == "unsupported" then return false, no end
    local gate = new_gate(self, me)
    task.waiters[gate] = true
    while not task.done and not (me and me.cancelled) do gate:wait(LONGEST_WAIT) end
    task.waiters[gate] = nil
    leave_gate(self, me, gate)
    if not task.done then return false, cancelled("the task was cancelled") end
  end
  return unpack(task.results, 1, task.results.n)
end

--- Cancels a task and the tasks it spawned: what it waits for returns at once with a
--- failure of kind cancelled, and so does whatever it asks for after that. One that has
--- not begun never does.
---@param task sendcloud.NginxTask
function Nginx:cancel(task)
  if task.done or task.cancelled then return end
  task.cancelled = true
  for child in pairs(task.children) do self:cancel(child) end
  if not task.begun then
    finish(task, pack(false, cancelled("the task was cancelled")))
  elseif task.job then
    task.job:cancel()
  elseif task.gate then
    task.gate:post(1)
  end
end

--- Cancels everything on its way; calls after that fail with kind cancelled. Idempotent.
function Nginx:close()
  if self.closed then return end
  self.closed = true
  for job in pairs(self.jobs) do job:cancel() end
  for gate in pairs(self.gates) do gate:post(1) end
end

return nginx
