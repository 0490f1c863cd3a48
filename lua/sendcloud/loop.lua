-- Tasks over a driver: what makes calls run side by side on one thread.
--
-- A driver knows how to start a request and how to wait; the loop makes of it the methods
-- that every transport has. Inside one of the loop's tasks a call yields, so that others
-- go on; anywhere else (the main program, a coroutine of the user's own, a callback of
-- table.sort) it steps: it moves the driver, and with it all the tasks, until its own
-- answer is there.
--
-- Nothing here wraps code that yields in pcall: PUC Lua 5.1 cannot yield across it. A
-- task is its own pcall. Where a user's pcall, metamethod or `for` iterator stands in the
-- way on that version, the call steps, which costs side-by-side work but no answer.

local family = require "sendcloud.family"
local yieldable = require "sendcloud.yieldable"

---@class sendcloud.Driver
---@field start fun(self, request: table, tag: integer?): any, table?, boolean?  a ticket, or
---   nil and a failure; `tag`: what `finished` says when it is done. The last is true where
---   it is done at once, which `finished` does not tell
---@field done fun(self, ticket): boolean
---@field result fun(self, ticket): table?, table?      a response, or nil and a failure
---@field cancel fun(self, ticket)    it is done at once, with a failure of kind cancelled
---@field finished fun(self): integer?    the tag of a ticket that became done since it was
---   started and was not told yet, the first to be done first; nil: no more
---@field wait fun(self, seconds: number): integer?  until a ticket is done or that long;
---   how many were done (nil: who knows). A driver with a clock of its own moves it here.
---@field await fun(self, ticket, seconds: number): boolean  whether it is done, after a wait
---   where it was not; a driver may do without
---@field now fun(self): number                         seconds, never going back
---@field time fun(self): number                        seconds since 1970
---@field close fun(self)?            cancels all tickets

---@class sendcloud.Task: sendcloud.Relative
---@field package state "new"|"ready"|"running"|"waiting"|"sleeping"|"joining"|"done"

---@class sendcloud.Loop
---@field package driver sendcloud.Driver
local Loop = {}
Loop.__index = Loop

local loop = {}

-- LuaJIT ends its traces at the calls of C and the yields that this code stands between:
-- making them takes a short import 7 % of its time, and a long one is no faster with them.
local jit = package.loaded.jit
if jit then jit.off(true, true) end

-- Code that steps inside a task resumes the others from there; deeper than this it only
-- waits for its own answer, so that no stack overflows.
local DEEPEST = 12
local LONGEST_WAIT = 60 -- seconds
local CLOCK_ERROR = 1e-6 -- seconds; what adding up times can lose

local unpack = table.unpack or unpack

local function pack(...)
  return { n = select("#", ...), ... }
end

local function cancelled(message)
  local outcome, place = "not_sent", "request"
  return { kind = "cancelled", message = message, outcome = outcome, place = place }
end

--- A loop over a driver: what carries the requests of one client.
---@param driver sendcloud.Driver
---@return sendcloud.Loop transport
function loop.new(driver)
  return setmetatable({
    driver = driver,
    ready = { first = 1, last = 0 }, -- a queue of the tasks to resume
    tasks = {}, -- those that are not done, by their numbers
    spare = {}, -- numbers of tasks that are done, to be used again
    highest = 0, -- the highest number given so far
    waiting = 0, -- how many of them wait for a ticket
    sleeping = {}, -- tasks by the time they wake, soonest last
    changed = false, -- whether a ticket may have become done since the last look
    active = nil, -- the task that is being resumed
    depth = 0, -- resumes on the stack
    closed = false,
  }, Loop)
end

-- The task to yield for, when the code that calls is a task's own and nothing is in the
-- way.
local function yielding(self)
  local task = self.active
  if task and coroutine.running() == task.co and yieldable.can_yield(task.room) then
    return task
  end
end

local function make_ready(self, task)
  local last = self.ready.last + 1
  task.state = "ready"
  self.ready[last], self.ready.last = task, last
end

local function finish(self, task, results)
  task.state = "done"
  task.results = results
  task.co, task.arguments = nil, nil
  self.tasks[task.number] = nil
  self.spare[#self.spare + 1] = task.number
  family.leave(task)
  for _, waiter in ipairs(task.waiters) do
    if waiter.state == "joining" and waiter.joined == task then
      make_ready(self, waiter)
    end
  end
end

-- What follows a resume, with its results.
local function resumed(self, task, ...)
  if task.state ~= "running" then return end -- it waits for something
  if coroutine.status(task.co) == "dead" then
    finish(self, task, pack(...))
  else -- a yield of the user's own: let others go first
    make_ready(self, task)
  end
end

local function resume(self, task, room)
  local previous = self.active
  local arguments = task.arguments
  task.state, task.arguments, task.room = "running", nil, room
  self.active, self.depth = task, self.depth + 1
  if arguments then
    resumed(self, task, coroutine.resume(task.co, unpack(arguments, 1, arguments.n)))
  else
    resumed(self, task, coroutine.resume(task.co))
  end
  self.active, self.depth = previous, self.depth - 1
end

-- Resumes each task that is ready now, once. The queue stays whole while they run: code
-- that steps inside one of them goes on with the rest of it.
local function run_ready(self, room)
  local ready = self.ready
  local last = ready.last
  while ready.first <= last do
    local first = ready.first
    local task = ready[first]
    ready[first], ready.first = nil, first + 1
    if task.state == "ready" then
      resume(self, task, room)
    end
  end
end

-- Makes ready what has been waited for: times that have come, tickets that are done.
local function wake(self)
  local sleeping = self.sleeping
  if sleeping[1] then
    local now = self.driver:now() + CLOCK_ERROR
    while #sleeping > 0 and (self.closed or sleeping[#sleeping].wake_at <= now) do
      make_ready(self, table.remove(sleeping))
    end
  end
  while self.changed do
    local task = self.tasks[self.driver:finished()]
    if task then
      self.waiting = self.waiting - 1
      make_ready(self, task)
    else
      self.changed = false
    end
  end
end

local function poll(self, seconds)
  if not self.closed and self.driver:wait(seconds) ~= 0 then
    self.changed = true
  end
end

-- Seconds until the next task wakes or, if that is sooner, until the time given. One of
-- both there is.
local function seconds_left(self, wake_at)
  local soonest = self.sleeping[#self.sleeping]
  if soonest and not (wake_at and wake_at < soonest.wake_at) then
    wake_at = soonest.wake_at
  end
  return math.min(math.max(wake_at - self.driver:now(), 0), LONGEST_WAIT)
end

-- Steps until finished(self, what) holds. `wake_at`: when it will, if that depends on the clock
-- alone. Returns false when tasks are the only hope and none is left that could move.
local function run_until(self, finished, what, wake_at, needs_tasks)
  local room
  local ready, sleeping = self.ready, self.sleeping
  while not finished(self, what) do
    if self.changed or sleeping[1] then wake(self) end
    if self.depth >= DEEPEST and not needs_tasks then
      -- Wait for our own event only: others' times may be over, and nobody resumes them
      -- here.
      poll(self, wake_at and math.max(wake_at - self.driver:now(), 0) or LONGEST_WAIT)
    elseif ready.first <= ready.last then
      room = room or yieldable.room()
      run_ready(self, room)
      if self.changed or sleeping[1] then wake(self) end
      if ready.first <= ready.last and not finished(self, what) then
        poll(self, 0) -- answers come in although somebody always has something to do
      end
    elseif needs_tasks and self.waiting == 0 and #sleeping == 0 then
      return false
    else
      poll(self, (wake_at or sleeping[1]) and seconds_left(self, wake_at) or LONGEST_WAIT)
    end
  end
  return true
end

-- Waits for a ticket where there are no tasks: nothing else can move meanwhile.
local function wait_alone(self, ticket)
  local driver = self.driver
  if driver.await then
    while not driver:await(ticket, LONGEST_WAIT) do end
    return
  end
  while not driver:done(ticket) do
    driver:wait(LONGEST_WAIT)
  end
end

-- What code that steps waits for: a ticket, a time, a task.

local function answered(self, ticket)
  return self.driver:done(ticket)
end

local function awake(self, wake_at)
  return self.closed or self.driver:now() + CLOCK_ERROR >= wake_at
end

local function over(_, task)
  return task.state == "done"
end

local function take_out(list, task)
  for i, other in ipairs(list) do
    if other == task then
      table.remove(list, i)
      return
    end
  end
end

--- Sends one request and returns when its answer is there, which the driver's ticket holds.
---@param request table   may be used again when this returns
---@return any? ticket
---@return table? failure
function Loop:carry(request)
  local owner = self.active
  if self.closed then
    return nil, cancelled("the client is closed")
  elseif owner and owner.cancelled then
    return nil, cancelled("the task was cancelled")
  end
  local driver = self.driver
  local task = owner and yielding(self)
  local ticket, failure, at_once = driver:start(request, task and task.number)
  if not ticket then
    return nil, failure
  elseif #self.spare == self.highest then
    wait_alone(self, ticket)
  elseif not task then
    run_until(self, answered, ticket)
  else
    task.ticket = ticket
    if at_once then
      make_ready(self, task)
    else
      task.state = "waiting"
      self.waiting = self.waiting + 1
    end
    coroutine.yield()
    task.ticket = nil
  end
  return ticket
end

--- The same, with the answer as a table.
---@param request table
---@return table? response
---@return table? failure
function Loop:send(request)
  local ticket, failure = self:carry(request)
  if not ticket then return nil, failure end
  return self.driver:result(ticket)
end

local function insert_sleeper(list, task)
  local at = #list + 1
  while at > 1 and list[at - 1].wake_at <= task.wake_at do
    at = at - 1
  end
  table.insert(list, at, task)
end

--- Waits. On a clock of the driver's own (the sandbox's), time passes when nothing else
--- can run.
---@param seconds number   0 or less only lets others go first
---@return true?
---@return table? failure   kind cancelled
function Loop:sleep(seconds)
  local owner = self.active
  if self.closed or owner and owner.cancelled then
    return nil, cancelled("the wait was cancelled")
  end
  seconds = seconds > 0 and seconds or 0
  local wake_at = self.driver:now() + seconds
  local task = yielding(self)
  if task then
    task.state, task.wake_at = "sleeping", wake_at
    insert_sleeper(self.sleeping, task)
    coroutine.yield()
  else
    run_until(self, awake, wake_at, wake_at)
  end
  if self.closed or owner and owner.cancelled then
    return nil, cancelled("the wait was cancelled")
  end
  return true
end

--- Makes a task of a function; it starts when somebody waits (a send, sleep or await).
---@param fn function
---@param ... any   its arguments
---@return sendcloud.Task
function Loop:spawn(fn, ...)
  local number = table.remove(self.spare)
  if not number then
    number = self.highest + 1
    self.highest = number
  end
  local task = {
    number = number,
    state = "ready",
    arguments = pack(...),
    waiters = {},
    fresh = true,
  }
  family.join(task, self.active)
  task.co = coroutine.create(function(...) -- 5.1 takes no C function
    task.fresh = nil
    return fn(...)
  end)
  self.tasks[number] = task
  make_ready(self, task)
  return task
end

--- Waits for the end of a task; returns as pcall does: true and its results, or false and
--- what it raised. May be asked again.
---@param task sendcloud.Task
---@return boolean ok
---@return any ...
function Loop:await(task)
  if task.state ~= "done" then
    local me = yielding(self)
    if task == self.active then
      return false, "a task cannot wait for itself"
    elseif me then
      task.waiters[#task.waiters + 1] = me
      me.state, me.joined = "joining", task
      coroutine.yield()
      me.joined = nil
      if task.state ~= "done" then
        return false, cancelled("the task was cancelled")
      end
    elseif not run_until(self, over, task, nil, true) then
      return false, "the task waits for the code that waits for it"
    end
  end
  return unpack(task.results, 1, task.results.n)
end

--- Cancels a task and the tasks it spawned: what it waits for returns at once with a
--- failure of kind cancelled, and so does whatever it asks for after that. One that has
--- not begun never does.
---@param task sendcloud.Task
function Loop:cancel(task)
  if task.state == "done" or task.cancelled then
    return
  end
  task.cancelled = true
  for child in pairs(task.children) do
    self:cancel(child)
  end
  if task.fresh then
    finish(self, task, pack(false, cancelled("the task was cancelled")))
  elseif task.state == "waiting" then
    self.driver:cancel(task.ticket)
    self.changed = true
  elseif task.state == "sleeping" then
    take_out(self.sleeping, task)
    make_ready(self, task)
  elseif task.state == "joining" then
    take_out(task.joined.waiters, task)
    make_ready(self, task)
  end
end

--- The task whose code is running, if any: what cancel takes.
---@return sendcloud.Task?
function Loop:running()
  return self.active
end

--- Seconds on a clock that never goes back.
---@return number
function Loop:now()
  return self.driver:now()
end

--- Seconds since 1970.
---@return number
function Loop:time()
  return self.driver:time()
end

--- Cancels everything on its way; calls after that fail with kind cancelled. Idempotent.
function Loop:close()
  if self.closed then
    return
  end
  self.closed = true
  if self.driver.close then
    self.driver:close()
  end
  self.changed, self.waiting = false, 0
  for number = 1, self.highest do
    local task = self.tasks[number]
    if task and task.state == "waiting" then
      make_ready(self, task)
    end
  end
end

return loop
