--- Rows that Lua has to see on their way into a batch: those of an array, of an iterator, of
-- JSONL, and all that a transform changes.
--
-- They pass through a table and the codec. batches.lua owns the batches and calls in here.

local columns = require "sendcloud.columns"
local core = require "sendcloud.core"
local source = require "sendcloud.source"

local tables = {}

local RECORD = "sendcloud.member"

local any_shape

-- A copy with the tags for all; the table is the caller's.
local function with_tags(member, more)
  if not more or type(member) ~= "table" then return member end
  local copy, tags, seen = {}, {}, {}
  for key, value in pairs(member) do copy[key] = value end
  for _, list in ipairs { type(member.tags) == "table" and member.tags or {}, more } do
    for _, name in ipairs(list) do
      if not seen[name] then tags[#tags + 1] = name end
      seen[name] = true
    end
  end
  copy.tags = tags
  return copy
end

-- A member that came from the service, perhaps from another account, as it is put in.
local function as_new(member)
  return getmetatable(member) == RECORD and columns.member(member) or member
end

-- An array of records of the service as members to put in; any other one as it is.
local function all_as_new(list)
  if getmetatable(list[1]) ~= RECORD then return list end
  local new = {}
  for index, member in ipairs(list) do new[index] = as_new(member) end
  return new
end

-- The members that are written next: the array itself, or as many as a batch takes out of an
-- iterator.
local function refill(self)
  local from, list, count = self.source, {}, 0
  if from.list then
    self.chunk, self.at, self.chunk_ends = all_as_new(from.list), self.at or 1, true
    return
  end
  local take, most = from.next, math.min(self.most, self.left)
  while count < most do
    local member = take()
    if member == nil then
      self.chunk_ends = true
      break
    end
    count = count + 1
    list[count] = as_new(member)
  end
  self.chunk, self.at = list, 1
end

-- The tags for all make copies of the tables, which are the caller's.
local function with_more(self, first, last)
  local more = self.options.add_tags
  if not more then return self.chunk, first, last end
  local list = {}
  for index = first, math.min(last, first + self.most - 1) do
    local member = self.chunk[index]
    if member == nil then break end
    list[index - first + 1] = with_tags(member, more)
  end
  return list, 1, #list
end

-- What a line of JSONL says, or nil and why it says nothing.
local function parse(line, map)
  -- The core's own reader: lua-cjson would round the 18 digits of an identity card.
  any_shape = any_shape or core.shape { type = "any" }
  local object = any_shape:read(line)
  if type(object) ~= "table" or object[1] ~= nil then
    return nil, core.utf8_length(line) and "not a JSON object" or "bytes that are not UTF-8"
  end
  if object.row ~= nil and object.reason ~= nil and object.line ~= nil then
    object = object.row -- a row refused before, mended
    if type(object) ~= "table" then return nil, "not a JSON object" end
  end
  return columns.member(object, map)
end

-- A row that Lua has to see before it is written. Returns whether there still is one.
local function pass(self, batch, member, line)
  local entries, options = batch.rows, self.options
  if self.format == "jsonl" then
    local reason
    member, reason = parse(member, options.map)
    if not member then
      entries:refuse(reason)
      return true
    end
  end
  if options.transform then
    member = options.transform(member, line)
    if member == nil then
      entries:drop()
      return false
    end
  end
  if options.add_tags then member = with_tags(member, options.add_tags) end
  entries:put(self.rows, batch.body, self.shape, member)
  return true
end

-- Rows that a transform has to see first, one by one. What it was given is what the file of
-- refused rows shows.
local function fill_transformed(self, batch)
  local given = {}
  batch.members, batch.before = given, 0
  while #given < self.most and #batch.body < self.most_bytes do
    if self.left <= 0 then return "end" end
    if not self.chunk or (self.chunk[self.at] == nil and not self.chunk_ends) then
      refill(self)
    end
    local member = self.chunk[self.at]
    if member == nil then return "end" end
    self.at, self.line, self.left = self.at + 1, self.line + 1, self.left - 1
    batch.rows:entry(self.line)
    if pass(self, batch, member, self.line) then given[#given + 1] = member end
  end
  return "full"
end

local function fill_from_tables(self, batch)
  if self.left <= 0 then return "end" end
  if not self.chunk or (self.chunk[self.at] == nil and not self.chunk_ends) then
    refill(self)
  end
  local first = self.at
  local members, from, to = with_more(self, first, first + math.min(self.most, self.left) - 1)
  local taken = batch.rows:write(self.rows, batch.body, self.shape, members, from, to,
    self.line + 1)
  batch.members, batch.before = self.chunk, first - 1
  self.at, self.line, self.left = first + taken, self.line + taken, self.left - taken
  return (self.left <= 0 or (self.chunk_ends and self.chunk[self.at] == nil)) and "end"
    or "full"
end

-- Rows of a text that a transform has to see: some at a time, for a call into the core costs
-- as much as the row.
local function fill_shown(self, batch)
  local rows, entries, body = self.rows, batch.rows, batch.body
  local transform, more = self.options.transform, self.options.add_tags
  local members, lines = self.shown, self.lines
  while true do
    local count, status = entries:show(rows, body, members, lines)
    for index = 1, count do
      local member = transform(members[index], lines[index])
      if more then member = with_tags(member, more) end
      members[index] = member
    end
    entries:take(rows, body, self.shape, members)
    if status == "more" then
      local ok, err = source.feed(self.source, rows)
      if not ok then return nil, err end
    elseif status == "end" or status and count == 0 then
      return status -- a batch that was full when rows were shown may have lost some since
    end
  end
end

-- Lines of JSON, each of them parsed by itself.
local function fill_from_lines(self, batch)
  local rows, entries, body = self.rows, batch.rows, batch.body
  while true do
    local line, status = entries:next(rows, body)
    if line then
      pass(self, batch, line, status)
    elseif status == "more" then
      local ok, err = source.feed(self.source, rows)
      if not ok then return nil, err end
    else
      return status
    end
  end
end

--- Adds rows to a batch until it is full or the source is at its end.
---@param self sendcloud.Encoder
---@param batch table
---@return "full"|"end"|nil status
---@return sendcloud.Error? err
function tables.fill(self, batch)
  if self.format == "jsonl" then return fill_from_lines(self, batch) end
  if self.header then return fill_shown(self, batch) end
  if self.options.transform then return fill_transformed(self, batch) end
  return fill_from_tables(self, batch)
end

return tables
