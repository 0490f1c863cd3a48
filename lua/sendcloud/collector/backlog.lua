--- The side of a journal that sends: what waits in all its files, in the order it came,
--- one item an address.
--
-- Files of living writers are read as far as they are whole, those of dead ones to their
-- end. Entries go into a window of limited size, where later ones of an address join the
-- earlier. An entry is answered for when its item is settled; a file's mark in the ledger
-- moves behind the last entry before which all are, so that a kill at any moment repeats
-- upserts, and loses none. A file that is sealed and answered for goes; one with damage in
-- it is kept under another name.

local core = require "sendcloud.core"
local ledger = require "sendcloud.collector.ledger"
local merge = require "sendcloud.collector.merge"

local backlog = {}

local MOST_BATCHES = 32       -- that the window has room for
local MOST_BYTES = 16 * 1048576
local MOST_OPEN = 256         -- files; nginx has other uses for its descriptors
local OURS = "^%x+%-%d+%-%d+%.journal$" -- as the writer calls them
local CLUES = { foreign = "left alone: ", damaged = "damaged: " }

---@class sendcloud.BacklogItem
---@field address string        letter case aside; nil for what is no contact
---@field contact table|nil
---@field bytes integer
---@field seen number           when it came into the window
---@field settled boolean
---@field after sendcloud.BacklogItem? of the same address, to be sent before
---@field reason string?        why it cannot be sent
---@field text string?          of what is no contact

---@class sendcloud.Backlog
---@field count integer items in the window
---@field bytes integer
---@field items table<integer, sendcloud.BacklogItem>
local Backlog = {}
Backlog.__index = Backlog

--- A backlog. Reads nothing yet.
---@param options table             as options.check gives them
---@param fits fun(contact: table): boolean  whether an upsert takes a contact
---@param say fun(message: string)  tells a person
---@return sendcloud.Backlog
function backlog.new(options, fits, say)
  local self = setmetatable({
    options = options, folder = options.journal, fits = fits, say = say,
    any = core.shape { type = "any" },
    files = {}, strangers = {}, items = {}, first = 1, last = 0, latest = {},
    open = 0, count = 0, bytes = 0, most = options.batch * MOST_BATCHES,
  }, Backlog)
  local problem
  self.ledger, problem = ledger.read(self.folder)
  if problem then
    say(problem .. "; set aside, some contacts will be sent again")
    ledger.set_aside(self.folder)
  end
  return self
end

-- Files -----------------------------------------------------------------------------------

local function tell_once(self, name, clue, reason)
  if self.strangers[name] then return end
  self.strangers[name] = true
  self.say(("%s%s/%s %s"):format(CLUES[clue] or "", self.folder, name, reason))
end

-- A file that was read to its end for ever needs no descriptor.
local function shut(self, file)
  file.reader:close()
  self.open = self.open - 1
end

local function open(self, name)
  local known = self.ledger[name] or { offset = 0, damaged = 0 }
  local reader, reason, word = core.journal_reader(self.folder .. "/" .. name, known.offset)
  if not reader then return tell_once(self, name, word, reason) end
  self.open = self.open + 1
  self.files[name] = {
    name = name, reader = reader, entries = {}, first = 1, last = 0,
    done = known.offset, damaged = known.damaged, before = known.damaged,
  }
end

-- Opens what is new, forgets what is gone. Names begin with the time: where there are more
-- files than are opened at a time, as after many short lives, the oldest come first.
local function look(self)
  local found, reason = core.folder(self.folder)
  if not found then return nil, reason end
  local fresh = {}
  for name, size in pairs(found) do
    if size == 0 and name:find(OURS) then
      os.remove(self.folder .. "/" .. name) -- the machine died before its first sync
    elseif name:find("%.journal$") and not self.files[name] then
      fresh[#fresh + 1] = name
    elseif name:find("%.journal%.new$") then
      os.remove(self.folder .. "/" .. name) -- of one that died; a living one begins another
    end
  end
  table.sort(fresh)
  self.left = false
  for _, name in ipairs(fresh) do
    self.left = self.open >= MOST_OPEN
    if self.left then break end
    open(self, name)
  end
  for _, list in ipairs { self.strangers, self.ledger } do
    for name in pairs(list) do
      if not found[name] then list[name] = nil end
    end
  end
  return true
end

-- The next entry of a file, kept until it is its turn. Whether a file is sealed is asked
-- before it is read: what is its end then is its end for ever.
local function peek(self, file)
  if file.head or file.over then return file.head end
  local sealed = file.reader:is_sealed()
  local bytes, stamp, stop = file.reader:next()
  if bytes then
    file.head = { bytes = bytes, stamp = stamp, stop = stop }
  elseif stamp then
    tell_once(self, file.name, nil, stamp) -- cannot be read just now
  else
    file.over = sealed
  end
  file.damaged = file.before + file.reader:damaged()
  if file.over then shut(self, file) end
  return file.head
end

-- Which file has the earliest entry.
local function earliest(self, waiting)
  local found
  for file in pairs(waiting) do
    if not peek(self, file) then
      waiting[file] = nil
    elseif not found or file.head.stamp < found.head.stamp
      or file.head.stamp == found.head.stamp and file.name < found.name
    then
      found = file
    end
  end
  return found
end

-- Items -----------------------------------------------------------------------------------

local function push(self, item)
  self.last = self.last + 1
  self.items[self.last] = item
  self.count, self.bytes = self.count + 1, self.bytes + item.bytes
  if item.address then self.latest[item.address] = item end
  return item
end

-- The item that an entry belongs to.
local function insert(self, text, now)
  local contact = self.any:read(text)
  local email = type(contact) == "table" and contact.email
  if type(email) ~= "string" then
    return push(self, { bytes = #text, seen = now, text = text, reason = "not a contact" })
  end
  local address = email:lower()
  local before = self.latest[address]
  if before and before.bytes + #text <= self.options.batch_bytes then
    local merged = merge.contacts(before.contact, contact, self.options)
    if self.fits(merged) then -- it may have too much of something now
      before.contact, before.bytes = merged, before.bytes + #text
      self.bytes = self.bytes + #text
      return before
    end
  end
  return push(self, {
    address = address, contact = contact, bytes = #text, seen = now, after = before,
  })
end

--- Reads what has come, until the window is full.
---@param now number to date it
---@param most integer entries at a time
---@return true|nil
---@return string|boolean|nil reason where the folder cannot be read; or whether there is more
function Backlog:refill(now, most)
  local ok, reason = look(self)
  if not ok then return nil, reason end
  local waiting = {}
  for _, file in pairs(self.files) do waiting[file] = true end
  while self.count < self.most and self.bytes < MOST_BYTES do
    local file = earliest(self, waiting)
    if not file then break end
    if most == 0 then return true, true end
    local head = file.head
    file.head = nil
    file.last, most = file.last + 1, most - 1
    file.entries[file.last] = {
      item = insert(self, head.bytes, now), stop = head.stop, damaged = file.damaged,
    }
  end
  return true, self.left and self.open < MOST_OPEN
end

--- The oldest items, as many as go into a request. While they are on their way the window
--- must not be refilled: what came later would join them and not be sent.
---@return sendcloud.BacklogItem[]
function Backlog:take()
  local list, bytes = {}, 0
  for index = self.first, self.last do
    local item = self.items[index]
    if not item.settled then
      local waits = item.after and not item.after.settled
      if #list >= self.options.batch or waits
        or #list > 0 and bytes + item.bytes > self.options.batch_bytes
      then
        break
      end
      list[#list + 1], bytes = item, bytes + item.bytes
    end
  end
  return list
end

--- When the oldest item came; nil where there is none.
---@return number|nil
function Backlog:since()
  local item = self.items[self.first]
  return item and item.seen
end

--- The service has answered for an item, or it stands among the refused.
---@param item sendcloud.BacklogItem
function Backlog:settle(item)
  if item.settled then return end
  item.settled = true
  self.count, self.bytes = self.count - 1, self.bytes - item.bytes
  if self.latest[item.address] == item then self.latest[item.address] = nil end
  while self.first <= self.last and self.items[self.first].settled do
    self.items[self.first] = nil
    self.first = self.first + 1
  end
end

-- Answering for -----------------------------------------------------------------------------

-- Moves a file's mark. Whether it moved.
local function advance(file)
  local moved = false
  while file.first <= file.last and file.entries[file.first].item.settled do
    file.done, file.through = file.entries[file.first].stop, file.entries[file.first].damaged
    file.entries[file.first] = nil
    file.first = file.first + 1
    moved = true
  end
  return moved
end

local function is_finished(file)
  return file.over and not file.head and file.first > file.last
end

-- Lets a file go that nothing is left to do with.
local function drop(self, file)
  local path = self.folder .. "/" .. file.name
  if file.damaged > 0 then
    tell_once(self, file.name, "damaged", ("has %d bytes that are no entry; what is whole was "
      .. "sent, the file is kept as %s.damaged"):format(file.damaged, file.name))
    if not core.replace(path .. ".damaged", path) then return end
  elseif not os.remove(path) then
    return
  end
  self.files[file.name], self.ledger[file.name] = nil, nil
end

--- Writes down what has been answered for, and lets files go that are through.
---@return true|nil
---@return string? reason
function Backlog:acknowledge()
  local moved = false
  for name, file in pairs(self.files) do
    if advance(file) then
      moved = true
      self.ledger[name] = { offset = file.done, damaged = file.through }
    end
  end
  if moved then
    local ok, reason = ledger.write(self.folder, self.ledger)
    if not ok then return nil, reason end
  end
  local finished = {}
  for _, file in pairs(self.files) do
    if is_finished(file) then finished[#finished + 1] = file end
  end
  for _, file in ipairs(finished) do drop(self, file) end
  return true
end

--- Closes all files.
function Backlog:close()
  for _, file in pairs(self.files) do file.reader:close() end
  self.files = {}
end

return backlog
