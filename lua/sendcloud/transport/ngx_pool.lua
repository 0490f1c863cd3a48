-- What the transport of nginx falls back to: requests on the threads of a `thread_pool`.
--
-- Each takes a whole thread of the pool for its time, and a Lua state of nginx's beside it;
-- the helper thread of sendcloud.transport.ngx takes neither. Only the number of a job
-- goes over to that Lua state: request, credential and answer stay in C.

local core = require "sendcloud.core"

local pool = {}

local MODULE = "sendcloud.transport.ngx_pool"
-- All Lua states are taken (lua_worker_thread_vm_pool_size): one will be free again.
local BUSY = "no available Lua vm"
local FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05 -- s
local LONGEST_GUARD = 86400 -- s

local function failure(kind, message, outcome)
  return { kind = kind, message = message, outcome = outcome, place = "thread" }
end

--- Does some of the work, on a thread of the pool and in a Lua state of its own.
---@param id string   what job:id() says
---@return boolean|nil done   false: it takes another turn; nil: there is no such job
function pool.work(id)
  return core.http_work(id)
end

-- nginx that is told to quit goes when no timer is left, and does not see that a thread is
-- at work: a timer stands for it.
local function keep_worker(seconds)
  return ngx.thread.spawn(function() ngx.sleep(seconds) end)
end

-- Waits for the job, turn after turn: a thread that waited long for an answer would hold up
-- nginx's end. Why it is not done.
local function run(name, job, seconds)
  local ends_at, pause = core.now() + seconds, FIRST_PAUSE
  while true do
    local ran, result = ngx.run_worker_thread(name, MODULE, "work", job:id())
    if job:done() then return nil end
    if ran and result == nil then return "config", "the thread did not find its job" end
    if not ran then
      if result ~= BUSY then return "config", tostring(result) end
      if core.now() + pause >= ends_at then return "timeout", result end
      ngx.sleep(pause)
      pause = math.min(pause * 1.5, LONGEST_PAUSE)
    end
  end
end

--- What takes jobs for the threads.
---@return userdata? threads
---@return nil
---@return table? failure
function pool.open()
  -- nginx's privileged agent has no number and no threads, and does not look.
  if not ngx.run_worker_thread or not ngx.worker.id() then
    return nil, nil, failure("config", "thread_pool: this process of nginx's cannot run Lua on "
      .. "threads", "not_sent")
  end
  local threads, why = core.http_pool()
  return threads, nil, why
end

--- Waits until the job is done.
---@param name string    of the thread pool
---@param job userdata
---@param seconds number that its request may take
---@return table? failure   nil: the job has a result
function pool.wait(name, job, seconds)
  local guard = keep_worker(math.min(seconds, LONGEST_GUARD))
  local kind, reason = run(name, job, seconds)
  ngx.thread.kill(guard)
  if not kind then return nil end
  job:cancel() -- one that no thread is at work on is done with that
  local outcome = job:done() and select(2, job:result()).outcome or "unknown"
  if kind == "timeout" then
    return failure(kind, ("no thread of the pool %s was free in time (%s): raise "
      .. "lua_worker_thread_vm_pool_size"):format(name, reason), outcome)
  elseif reason:find("not found", 1, true) and reason:find("thread pool", 1, true) then
    reason = ("nginx has no such pool: add `thread_pool %s threads=16;` at the top of its "
      .. "configuration"):format(name)
  end
  return failure(kind, "thread_pool: " .. reason, outcome)
end

return pool
