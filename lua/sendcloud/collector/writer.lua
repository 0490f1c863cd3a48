--- The side of a journal that adds: one file a process at a time, which nobody else writes.
--
-- A file that has grown long enough is closed, so that it can go when it is sent. After a
-- fork the child begins a file of its own. Nothing is opened before the first entry.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local group = require "sendcloud.collector.group"
local ledger = require "sendcloud.collector.ledger"

local writer = {}

local LONGEST_FILE = 8 * 1048576
local OLDEST = 600  -- s; an idle file's damage shows only when it is closed
local MEASURED = 1  -- s that a measurement of the folder holds
local AGAIN = 5     -- s after which it is worth asking again where there is no room
local ATTEMPTS = 3  -- names that are tried

---@class sendcloud.JournalWriter
---@field folder string
---@field file userdata|nil
---@field used number        bytes that wait in the folder, as far as is known
---@field package options table
local Writer = {}
Writer.__index = Writer

--- A writer. Opens nothing.
---@param options table as options.check gives them
---@param thread_pool string? of nginx's, for where the helper thread cannot start
---@return sendcloud.JournalWriter
function writer.new(options, thread_pool)
  return setmetatable({
    options = options, folder = options.journal, always = options.sync == "always",
    longest = math.min(LONGEST_FILE, math.floor(options.max_bytes / 8)),
    pid = core.pid(), stamp = 0, files = 0, used = 0, measured_at = -math.huge,
    group = group.new(thread_pool), syncs = {}, thread_pool = thread_pool,
  }, Writer)
end

-- The handles of a process that forked are not ours: closing the copies leaves its locks.
local function after_fork(self)
  if self.pid == core.pid() then return end
  if self.file then self.file:close() end
  self.file, self.dirty, self.pid, self.measured_at = nil, false, core.pid(), -math.huge
  self.group, self.syncs = group.new(self.thread_pool), {}
end

--- Bytes that wait to be sent.
---@param folder string
---@return number bytes
---@return integer files
function writer.waiting(folder)
  local acknowledged, bytes, files = ledger.read(folder), 0, 0
  for name, size in pairs(core.folder(folder) or {}) do
    if name:find("%.journal$") then
      local known = acknowledged[name]
      bytes, files = bytes + math.max(0, size - (known and known.offset or 0)), files + 1
    end
  end
  return bytes, files
end

local function no_room(reason)
  return errors.new {
    kind = "rate_limited", operation = "collector.add", outcome = "not_sent",
    retry_after = AGAIN, message = reason,
  }
end

local function cannot(self, reason)
  return errors.new {
    kind = "config", operation = "collector.add", outcome = "not_sent", parameter = "journal",
    message = ("journal: %s: %s"):format(self.folder, tostring(reason)),
  }
end

-- What others added meanwhile is known once a second: together they can pass the limit by
-- what they add in that time.
local function has_room(self, size)
  local now, most = core.now(), self.options.max_bytes
  if now - self.measured_at >= MEASURED then
    self.used, self.measured_at = writer.waiting(self.folder), now
  end
  if self.used + size <= most then return true end
  self:close() -- so that it can go when it is sent
  return false
end

-- Begins a file. Its name tells when, and by whom; no other process makes the same.
local function begin(self)
  local ok, reason = core.make_folder(self.folder)
  local file, word
  for _ = 1, ok and ATTEMPTS or 0 do
    self.files = self.files + 1
    local name = ("%016x-%d-%d.journal"):format(math.floor(core.time() * 1e6), self.pid, self.files)
    file, reason, word = core.journal_writer(self.folder, name)
    if file or word then break end
  end
  if not file then return nil, reason, word end
  self.file, self.begun_at, self.dirty, self.synced_at = file, core.now(), false, core.now()
  return file
end

-- Moments of one writer only rise, whatever the clock does.
local function next_stamp(self)
  self.stamp = math.max(self.stamp + 1, math.floor(core.time() * 1e6))
  return self.stamp
end

-- The file's size, or nil, why and a word. A file that failed is not used again.
local function append(self, bytes, sync)
  local file, reason, word = self.file, nil, nil
  if not file then file, reason, word = begin(self) end
  if not file then return nil, reason, word end
  local size
  size, reason, word = file:append(bytes, next_stamp(self), sync)
  if not size and word ~= "full" then self:close() end
  return size, reason, word
end

local function failed(self, reason, word)
  if word == "full" then return nil, no_room("the journal's disk is full") end
  return nil, cannot(self, reason)
end

-- The policy `interval` -------------------------------------------------------------------

-- Begins to make what was written last, or does it where nobody else can. True, or nil and
-- the reason.
local function begin_sync(self)
  self.dirty, self.synced_at = false, core.now()
  local job = group.hand_over(self.file)
  if not job then return self.file:sync() end
  self.syncs[#self.syncs + 1] = { job = job, file = self.file }
  return true
end

-- Why one of the syncs that were begun failed.
local function look_at_syncs(self)
  local left, problem = {}, nil
  for _, sync in ipairs(self.syncs) do
    if not sync.job:done() then
      left[#left + 1] = sync
    else
      local ok, reason = sync.job:result()
      if not ok then
        problem = reason
        if self.file == sync.file then self.file:close() end
      end
    end
  end
  self.syncs = left
  return problem
end

--- Makes what was added last, where the policy is `interval` and its time has come. Tells
--- what became of it the next time, where that takes a while.
---@param now number
---@return string? problem
function Writer:sync_when_due(now)
  if self.always or self.pid ~= core.pid() then return nil end
  local problem = look_at_syncs(self)
  if self.file and not self.file:is_open() then self.file, self.dirty = nil, false end
  if self.dirty and #self.syncs == 0 and now - self.synced_at >= self.options.sync_interval then
    local ok, reason = begin_sync(self)
    if not ok then
      problem = reason
      self.file:close()
      self.file = nil
    end
  end
  return problem and ("journal: %s: what was added last may not outlive the machine: %s"):format(
    self.folder, problem)
end

-- Adding ----------------------------------------------------------------------------------

-- Returns when what was added to a file lasts. A file that did not keep what it took is not
-- trusted again.
local function make_last(self, file)
  local ok, reason = self.group:wait(file)
  if not ok and self.file == file then self:close() end
  return ok, reason
end

--- Adds an entry: when this returns true it lasts, as far as the policy says. In nginx,
--- others may run meanwhile.
---@param bytes string
---@return true|nil
---@return sendcloud.Error|string|nil err `rate_limited` where there is no room; or, with
---  true, what else a person should know
function Writer:add(bytes)
  after_fork(self)
  if not has_room(self, #bytes) then
    return nil, no_room(("the journal is full: %d bytes wait to be sent"):format(self.used))
  end
  local together = self.always and group.possible()
  local at_once = self.always and not together
  local size, reason, word = append(self, bytes, at_once)
  if not size and not word then size, reason, word = append(self, bytes, at_once) end
  if not size then return failed(self, reason, word) end
  local file = self.file
  self.used, self.dirty = self.used + #bytes, not self.always
  if together then
    local ok
    ok, reason = make_last(self, file)
    if not ok then return failed(self, reason) end
  end
  local now = core.now()
  if self.file == file and (size >= self.longest or now - self.begun_at >= OLDEST) then
    self:close()
  end
  return true, self:sync_when_due(now)
end

--- Closes the file; the next entry begins another one.
function Writer:close()
  local file = self.file
  if not file then return end
  if self.pid == core.pid() then
    if self.dirty then begin_sync(self) end
    self.group:let_go(file)
  else
    file:close()
  end
  self.file, self.dirty = nil, false
end

return writer
