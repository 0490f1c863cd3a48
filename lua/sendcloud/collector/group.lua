--- One sync of the journal for all requests that a worker of nginx has in hand.
--
-- A sync holds the worker up. The first one is made at once; whoever adds shortly after it
-- waits a moment, so that those who come meanwhile share the next. Nobody's `add` returns
-- before a sync that began after the entry was written.

local core = require "sendcloud.core"
local nginx = require "sendcloud.transport.ngx"

local group = {}

local BUSY = 0.01    -- s after a sync that the next is shared
local PAUSE = 0.001  -- s that others have to join
local PATIENCE = 0.1 -- s; a visitor who leaves can take the request along that was to sync

---@class sendcloud.SyncGroup
---@field package last number
---@field package open table|nil   those who wait for the next sync
local Group = {}
Group.__index = Group

--- Groups syncs that somebody else makes.
---@return sendcloud.SyncGroup
function group.new()
  return setmetatable({ last = -math.huge }, Group)
end

--- Whether the code that runs can wait for others.
---@return boolean
function group.possible()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.get_phase) == "function"
    and nginx.choose() == "ngx" and core.is_yieldable() ~= false
end

--- What is written now was lost on the way to the disk: those who wait are told.
---@param reason string
function Group:fail(reason)
  if self.open then self.open.reason = reason end
end

-- The sync, by whoever comes to it first.
local function finish(self, party, sync)
  if party.over then return end
  party.over = true
  if self.open == party then self.open = nil end
  local ok, reason = sync()
  if not ok then party.reason = party.reason or reason end
  self.last = core.now()
  if party.waiting > 0 then party.gate:post(party.waiting) end
end

--- Returns when what was written before lasts.
---@param sync fun(): true|nil, string?
---@return true|nil
---@return string? reason
function Group:wait(sync)
  local party = self.open
  if party then
    party.waiting = party.waiting + 1
    if not party.gate then party.gate = require("ngx.semaphore").new(0) end
    party.gate:wait(PATIENCE)
  else
    party = { waiting = 0 }
    self.open = party
    if core.now() - self.last < BUSY then ngx.sleep(PAUSE) end
  end
  finish(self, party, sync)
  if party.reason then return nil, party.reason end
  return true
end

return group
