-- The transport of plain Lua: one libcurl engine that the caller drives.

local core = require "sendcloud.core"
local loop = require "sendcloud.loop"

local curl = {}

---@class sendcloud.CurlDriver: sendcloud.Driver
---@field package lost integer[]   tags of what a fork cut off
local Driver = {}
Driver.__index = Driver

-- After a fork the parent's connections are not ours to speak on. The old engine fails what
-- was on its way and is dropped, not closed.
local function renew(self)
  local old = self.engine
  old:step(0)
  for tag in old.finished, old do self.lost[#self.lost + 1] = tag end
  self.engine = core.http(self.options)
end

function Driver:start(request, tag)
  local ticket, failure = self.engine:add(request, tag)
  if ticket or not self.engine:foreign() then return ticket, failure end
  renew(self)
  return self.engine:add(request, tag)
end

function Driver:finished()
  if self.lost[1] then return table.remove(self.lost, 1) end
  return self.engine:finished()
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
  if self.lost[1] then return #self.lost end
  return self.engine:step(seconds)
end

function Driver:await(ticket, seconds)
  return self.engine:await(seconds, ticket)
end

Driver.now, Driver.time = core.now, core.time -- functions of C, which ignore what they get

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
  local driver = { engine = core.http(options), options = options, lost = {} }
  local transport = loop.new(setmetatable(driver, Driver))
  transport.now, transport.time = core.now, core.time -- asked twice a call: the short way
  return transport
end

return curl
