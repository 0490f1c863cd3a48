--- Syncs of the journal in a worker of nginx, which serves others meanwhile.
--
-- A sync is done by the helper thread that makes the calls too, or by one of nginx's where a
-- thread pool is named. Those who add while one is under way make a party that shares the
-- next: nobody's `add` returns before a sync that began after the entry was written. A party
-- belongs to no request: one of those who wait sits at the thread's door, and when its
-- visitor leaves and nginx ends it, the others see for themselves.

local core = require "sendcloud.core"
local door = require "sendcloud.transport.ngx_door"
local nginx = require "sendcloud.transport.ngx"
local pool = require "sendcloud.transport.ngx_pool"

local group = {}

local PATIENCE = 0.1 -- s until one who waits has a look
-- On a slow disk those who shared a sync come back together, and the first of them does not
-- go ahead of the others.
local SLOW, SOON, GATHERING = 0.005, 0.01, 0.001 -- s
local LONGEST = 3600 -- s
local TRY_AGAIN = 10 -- s after which a helper thread that could not start is tried again

---@class sendcloud.SyncParty
---@field package file userdata     the journal's
---@field package job userdata|nil  the sync, once it is under way
---@field package pooled boolean?   its thread is one of nginx's
---@field package attended boolean? somebody waits for it to be told
---@field package size integer      all who share it
---@field package waiting integer   those who wait for somebody else
---@field package begun_at number|nil
---@field package gate table|nil    a semaphore, where they do
---@field package over boolean?
---@field package ok true|nil
---@field package reason string?
---@field package closes boolean?   nothing more is added to the file

---@class sendcloud.SyncGroup
---@field package running sendcloud.SyncParty|nil  the one begun last
---@field package next sendcloud.SyncParty|nil     those who came after that
---@field package gather_until number
---@field package thread_pool string|nil
local Group = {}
Group.__index = Group

--- Groups syncs of one writer.
---@param thread_pool string? of nginx's
---@return sendcloud.SyncGroup
function group.new(thread_pool)
  return setmetatable({ thread_pool = thread_pool, gather_until = -math.huge }, Group)
end

--- Whether the code that runs can wait for others.
---@return boolean
function group.possible()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.get_phase) == "function"
    and nginx.choose() == "ngx" and core.is_yieldable() ~= false
end

local alone_until = -math.huge -- there is no helper thread

local function helper()
  if core.now() < alone_until then return nil end
  local thread = core.http_thread()
  if not thread then alone_until = core.now() + TRY_AGAIN end
  return thread
end

--- A sync by the helper thread, for which nobody waits: so it goes in every phase. Never in
--- nginx's master, where that thread must not be.
---@param file userdata  may be closed at once
---@return userdata|nil job   nil: there is no thread to do it
function group.hand_over(file)
  local ngx = rawget(_G, "ngx")
  if type(ngx) ~= "table" or type(ngx.get_phase) ~= "function" or nginx.choose() == "curl" then
    return nil
  end
  local thread = helper()
  return thread and file:sync_by(thread) or nil
end

local start

-- The sync is over: all are told, and those who came meanwhile have theirs.
local function settle(self, party)
  if party.over then return end
  party.over = true
  if party.job then party.ok, party.reason = party.job:result() end
  if party.closes then party.file:close() end
  if party.gate and party.waiting > 0 then party.gate:post(party.waiting) end
  if self.running == party then
    self.running = nil
    local now = core.now()
    if party.size > 1 and now - party.begun_at > SLOW then self.gather_until = now + SOON end
    local after = self.next
    if after and now < self.gather_until and after.gate then
      after.gate:post(1) -- somebody shall begin soon
    elseif after then
      start(self, after)
    end
  end
end

-- Begins the party's sync. Yields to nobody.
function start(self, party)
  self.next, self.running, party.begun_at = nil, party, core.now()
  local thread = helper()
  if not thread and self.thread_pool then
    thread = pool.open()
    party.pooled = thread ~= nil
  end
  party.job = thread and party.file:sync_by(thread) or nil
  if party.job then
    if party.gate and party.waiting > 0 then party.gate:post(1) end -- somebody shall attend
  else
    party.ok, party.reason = party.file:sync()
    settle(self, party)
  end
end

-- Waits at the thread's door, or lends a thread of the pool.
local function attend(self, party)
  party.attended = true
  if not party.pooled then
    local _, socket = door.open()
    door.wait(socket, party.job, LONGEST)
  elseif pool.wait(self.thread_pool, party.job, LONGEST) then
    local ok, reason = party.file:sync() -- none could be had
    if not party.over then party.job, party.ok, party.reason = nil, ok, reason end
    return settle(self, party)
  end
  if party.job:done() then settle(self, party) end
end

-- Waits until somebody says that there is something to do, or has a look when nobody does.
local function stand_by(self, party)
  if not party.gate then party.gate = require("ngx.semaphore").new(0) end
  party.waiting = party.waiting + 1
  local told = party.gate:wait(self.running and PATIENCE or GATHERING)
  party.waiting = party.waiting - 1
  if told then return end
  local running = self.running
  if party.job then
    if party.job:done() then settle(self, party) end
    party.attended = party.attended and not party.pooled -- may have gone before it began
  elseif not running then
    if not party.over then start(self, party) end
  elseif running.job:done() then
    settle(self, running)
  end
end

--- Returns when what was added before lasts.
---@param file userdata the journal's, which it was added to
---@return true|nil
---@return string? reason
function Group:wait(file)
  local party = self.next
  if not party then
    party = { file = file, size = 0, waiting = 0 }
    self.next = party
  end
  party.size = party.size + 1
  if not self.running and core.now() >= self.gather_until then start(self, party) end
  while not party.over do
    if party.job and not party.attended then attend(self, party) else stand_by(self, party) end
  end
  return party.ok, party.reason
end

--- Closes a file that nothing more is added to, when those who wait for it have their sync.
---@param file userdata
function Group:let_go(file)
  if self.next and self.next.file == file then start(self, self.next) end
  local running = self.running
  if running and running.file == file then
    running.closes = true
  else
    file:close()
  end
end

return group
