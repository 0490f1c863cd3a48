-- The transport of plain Lua: one libcurl engine that the caller drives.

local core = require "sendcloud.core"
local loop = require "sendcloud.loop"

local curl = {}

---@class sendcloud.CurlDriver: sendcloud.Driver
local Driver = {}
Driver.__index = Driver

-- After a fork the parent's connections are not ours to speak on. The old engine fails
-- what was on its way and is dropped, not closed.
local function own_engine(self)
  if self.engine:foreign() then
    self.engine:step(0)
    self.engine = core.http(self.options)
  end
  return self.engine
end

function Driver:start(request)
  return own_engine(self):add(request)
end

function Driver:done(ticket)
  return ticket:done()
end

function Driver:result(ticket)
  return ticket:result()
end

function Driver:cancel(ticket)
  ticket:cancel()
end

function Driver:wait(seconds)
  local before = self.engine
  if own_engine(self) ~= before then
    return nil -- everything that was on its way has failed
  end
  return before:step(seconds)
end

function Driver:now()
  return core.now()
end

function Driver:time()
  return core.time()
end

function Driver:close()
  self.engine:close()
end

---@class sendcloud.CurlOptions
---@field max_connections? integer   1 to 65535, kept open at most; default 256

--- A transport over libcurl. Its requests have: method, url, headers (name to value),
--- credential, body and into (string or buffer; buffer), timeout and connect_timeout
--- (seconds), max_body (bytes), ca_file, proxy, user_agent, once (over a connection of its own),
--- no_repeat (fails where libcurl would send it again because a kept connection broke).
---@param options? sendcloud.CurlOptions
---@return sendcloud.Loop transport
function curl.new(options)
  local driver = { engine = core.http(options), options = options }
  return loop.new(setmetatable(driver, Driver))
end

return curl
