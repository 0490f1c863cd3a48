--- The transport that needs no socket: requests go straight to a sandbox in this process.
--
-- Its clock is the sandbox's. Waiting, for an answer that a fault delays or because a
-- call sleeps, moves that clock and takes no time; a Retry-After of ten minutes passes at
-- once.

local core = require "sendcloud.sandbox.core"
local loop = require "sendcloud.loop"

local sandbox = {}

---@class sendcloud.SandboxDriver: sendcloud.Driver
local Driver = {}
Driver.__index = Driver

-- "Name: value" lines, in an order that does not depend on the run.
local function header_lines(request)
  local lines = {}
  for name, value in pairs(request.headers or {}) do
    lines[#lines + 1] = name .. ": " .. tostring(value)
  end
  table.sort(lines)
  if request.user_agent then lines[#lines + 1] = "User-Agent: " .. request.user_agent end
  if request.credential then
    lines[#lines + 1] = "Authorization: " .. request.credential:header()
  end
  return lines
end

local function target_of(request)
  if request.url then
    local target = request.url:gsub("^%a[%w+.-]*://[^/?#]*", "", 1)
    return target:sub(1, 1) == "/" and target or "/" .. target
  end
  local query = request.query
  return request.path .. (query and query ~= "" and "?" .. query or "")
end

--- Has the sandbox answer; what a fault delays is on its way until then.
---@param request table
---@param tag integer?
---@return table ticket
---@return nil
---@return boolean at_once   nothing delays the answer
function Driver:start(request, tag)
  local body = request.body
  local response, failure, seconds, came = self.core:handle(request.method, target_of(request),
    header_lines(request), body and tostring(body) or nil, request.timeout)
  local ticket = { response = response, failure = failure, tag = tag }
  if seconds > 0 then
    self.serial = self.serial + 1
    ticket.due, ticket.serial = came + seconds, self.serial
    self.waiting[ticket] = true
  end
  return ticket, nil, not ticket.due
end

--- Whether the answer's time has come.
---@param ticket table
---@return boolean
function Driver:done(ticket)
  return not ticket.due or ticket.due <= self:now()
end

--- What came of it.
---@param ticket table
---@return table? response
---@return table? failure
function Driver:result(ticket)
  self.waiting[ticket] = nil
  return ticket.response, ticket.failure
end

--- An answer has come.
---@param ticket table
function Driver:finish(ticket)
  ticket.due = nil
  self.waiting[ticket] = nil
  self.told[#self.told + 1] = ticket.tag
end

--- The tag of an answer that has come and was not told yet.
---@return integer?
function Driver:finished()
  return table.remove(self.told, 1)
end

--- Lets go of an answer that is still on its way.
---@param ticket table
function Driver:cancel(ticket)
  if self:done(ticket) then return end
  self:finish(ticket)
  ticket.response = nil
  ticket.failure = {
    kind = "cancelled", message = "the request was cancelled", outcome = "unknown",
    place = "receive",
  }
end

local function earlier(one, other)
  if one.due ~= other.due then return one.due < other.due end
  return one.serial < other.serial
end

--- Moves the clock to the first answer that comes within the time, or by all of it.
---@param seconds number
---@return integer done   answers that have come
function Driver:wait(seconds)
  local now = self:now()
  local till = now + seconds
  for ticket in pairs(self.waiting) do
    if ticket.due < till then till = ticket.due end
  end
  if till > now then self:move(till - now) end
  now = self:now()
  local done = {}
  for ticket in pairs(self.waiting) do
    if ticket.due <= now then done[#done + 1] = ticket end
  end
  table.sort(done, earlier)
  for _, ticket in ipairs(done) do self:finish(ticket) end
  return #done
end

--- Moves the clock. A sandbox that was stopped has none: what still waits goes on with
--- its own.
---@param seconds number
function Driver:move(seconds)
  if self.core:is_open() then
    self.core:advance(seconds)
  else
    self.last = self.last + seconds
  end
end

--- Seconds on the sandbox's clock.
---@return number
function Driver:now()
  if self.core:is_open() then
    local now = self.core:now()
    if now > self.last then self.last = now end
  end
  return self.last
end

--- The sandbox's time in seconds since 1970.
---@return number
function Driver:time()
  return self.core:is_open() and self.core:time() or os.time()
end

--- Lets go of every answer on its way; stops a sandbox of its own.
function Driver:close()
  for ticket in pairs(self.waiting) do self:cancel(ticket) end
  if self.owned then self.core:close() end
end

--- A transport to a sandbox, which it does not stop; without one to an empty one of its
--- own, which takes any credentials and goes when the transport is closed.
---@param box table?   what sendcloud.sandbox's start gives
---@return sendcloud.Loop transport
function sandbox.new(box)
  local engine = box and box.core
  if not engine then
    engine = assert(core.open {})
    engine:switch("auth", "open")
  end
  return loop.new(setmetatable({
    core = engine, owned = not box, waiting = {}, told = {}, serial = 0, last = 0,
  }, Driver))
end

return sandbox
