--- Rows into requests: the batches of an import, one after the other.
--
-- A row of a CSV or TSV text goes from the file's bytes into the request's body in C. Rows
-- that Lua has to see (a transform, an array, an iterator, JSONL) pass through a table and
-- the codec; both ways end in the same batch, with the same checks.

local columns = require "sendcloud.columns"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local plan = require "sendcloud.plan"
local source = require "sendcloud.source"

local batches = {}

local OPERATION = "members.upsert"
local MOST_BYTES = 1048576 -- of a body before its last row
local SAMPLE = "a@b"       -- an address to see where the members of a request go
local RECORD = "sendcloud.member"

local any_shape

---@class sendcloud.Encoder
---@field rows userdata             core.rows: the scanner and the plan of a member
---@field source sendcloud.Source
---@field format string             "csv", "tsv", "jsonl" or "tables"
---@field header string[]|nil       of a text with columns
---@field ended boolean
---@field busy boolean              a batch is being made
---@field start_offset integer      of the first row in the text
---@field done sendcloud.Ranges?    parts that an earlier run has behind it

-- Where a name stands in a record's node.
local function field(node, name)
  for _, found in ipairs(node) do
    if found.name == name then return found end
  end
end

local function wire(node)
  local spelt = node.wire or node.name
  return type(spelt) == "table" and spelt[1] or spelt
end

local function wires(node)
  if not node then return {} end
  local spelt = node.wire or node.name
  return type(spelt) == "table" and spelt or { spelt }
end

local text_shape
local function quote(text)
  text_shape = text_shape or core.shape { type = "string" }
  return (text_shape:write(text))
end

-- The JSON around the members of a request, from a request with one.
local function envelope(upsert, member_shape, options)
  local sample = { email = SAMPLE, tags = options.add_tags }
  local written, path, reason = upsert.body:write {
    members = { sample }, tag_mode = options.tag_mode,
    update_existing = options.update_existing,
  }
  if not written then
    local parameter = path:gsub("^members%[1%]%.tags", "add_tags")
    return nil, errors.invalid(OPERATION, parameter, reason)
  end
  local member = member_shape:write(sample)
  local first, last = written:find(member, 1, true)
  local bare = member_shape:write { email = SAMPLE }
  return {
    head = written:sub(1, first - 1), tail = written:sub(last + 1),
    address = bare:sub(1, bare:find(SAMPLE, 1, true) - 1),
  }
end

-- The JSON of the tags for all, each with a comma behind it.
local function more_tags(list)
  local parts = {}
  for index, name in ipairs(list or {}) do parts[index] = quote(name) .. "," end
  return table.concat(parts)
end

local function steps(node, address, used)
  local list = {}
  for index, column in ipairs(used) do
    local step = { cell = column.cell, name = column.name, target = column.part }
    if column.part == "email" then
      step.use, step.key, step.max = "address", address, field(node, "email").max
    elseif column.part == "tags" then
      step.use, step.key, step.max = "tags", "", field(node, "tags").of.max
    elseif column.part == "field" then
      step.use, step.target = "field", column.field
      step.key = quote(column.field) .. ':"'
    else
      local known = field(node, column.part)
      step.use, step.key, step.max = "text", quote(wire(known)) .. ':"', known.max
    end
    list[index] = step
  end
  return list
end

-- Tells the core how a member is written and what an answer means.
local function teach(rows, upsert, used, around, options)
  local node = field(upsert.row.body, "members").of
  rows:plan {
    head = around.head, tail = around.tail,
    fields = "," .. quote(wire(field(node, "fields"))) .. ":{",
    tags = "," .. quote(wire(field(node, "tags"))) .. ":[",
    more_tags = more_tags(options.add_tags),
    steps = steps(node, around.address, used),
  }
  local answer = upsert.row.answer
  local refusal = field(answer, "errors").of
  rows:answers {
    inserted = wires(field(answer, "inserted")), updated = wires(field(answer, "updated")),
    errors = wires(field(answer, "errors")),
    inserted_count = wires(field(answer, "inserted_count")),
    updated_count = wires(field(answer, "updated_count")),
    address = wires(field(refusal, "email")), message = wires(field(refusal, "message")),
    unlisted_taken = options.update_existing == false,
  }
end

-- Reads what comes before the rows. Returns the columns.
local function begin(self, options)
  local from = self.source
  if from.next or from.list then
    self.format = "tables"
    if options.map then
      return nil, errors.invalid(OPERATION, "map",
        "is for the columns of a file; a transform changes what a table holds")
    end
    return { { cell = 1, part = "email", name = "email" } }
  end
  local format, header = source.begin(from, self.rows, options.format)
  if not format then return nil, header end
  self.format, self.header = format, header
  self.start_offset = self.rows:position()
  if format == "jsonl" then return { { cell = 1, part = "email", name = "email" } } end
  return columns.match(header, options.map)
end

--- An encoder of a source.
---@param state table   the client's inner state
---@param from sendcloud.Source
---@param options sendcloud.ImportOptions
---@return sendcloud.Encoder|nil
---@return sendcloud.Error? err
function batches.encoder(state, from, options)
  local upsert, err = plan.of(state.config.provider, OPERATION)
  if not upsert then return nil, err end
  local node = field(upsert.row.body, "members")
  local most = math.min(options.batch or node.max, node.max)
  local member_shape = core.shape(node.of)
  local around
  around, err = envelope(upsert, member_shape, options)
  if not around then return nil, err end

  local live = (options.concurrency or state.config.concurrency) + 3
  local self = {
    rows = core.rows {
      batch = most, batch_bytes = MOST_BYTES, live = math.min(live, 64),
      forgetful = not options.rejects,
    },
    source = from, shape = member_shape, options = options, most = most,
    free = {}, by_slot = {}, shown = {}, lines = {}, line = 0, left = options.limit or math.huge,
    ended = false, busy = false, start_offset = 0,
  }
  local used
  used, err = begin(self, options)
  if not used then return nil, err end
  teach(self.rows, upsert, used, around, options)
  if options.limit then self.rows:limit(options.limit) end
  self.whole = self.header ~= nil and not options.transform
  return self
end

-- Tables
-- -----------------------------------------------------------------------------------

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

-- Rows that a transform has to see first, one by one. What it was given is what the file of
-- refused rows shows.
local function fill_transformed(self, batch, pass)
  local given = {}
  batch.members, batch.before = given, 0
  while #given < self.most and #batch.body < MOST_BYTES do
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

-- The text
-- ---------------------------------------------------------------------------------

-- Jumps over what an earlier run has behind it.
local function skip_done(self)
  local done = self.done
  while done do
    local range = done:starting(self.rows:position())
    if not range then return true end
    local ok, err = source.seek(self.source, self.rows, range.stop, range.line)
    if not ok then return nil, err end
    self.left = self.left - range.rows
    if self.options.limit then self.rows:limit(math.max(self.left, 0)) end
    done:forget(range)
  end
  return true
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
    elseif status then
      return status
    end
  end
end

local function fill_from_text(self, batch)
  local rows, entries, body = self.rows, batch.rows, batch.body
  while true do
    local status, member, line
    if self.whole then
      status = entries:fill(rows, body)
    else
      member, line = entries:next(rows, body)
      status = line
    end
    if member then
      pass(self, batch, member, line)
    elseif status == "more" then
      local ok, err = source.feed(self.source, rows)
      if not ok then return nil, err end
    else
      return status
    end
  end
end

-- Batches
-- ----------------------------------------------------------------------------------

-- A batch that nobody uses, or a new one.
local function fresh(self)
  local batch = table.remove(self.free)
  if not batch then
    batch = { rows = core.batch(), body = core.buffer(), answer = core.buffer(), serial = 0 }
  end
  batch.serial = batch.serial + 1
  batch.live, batch.trouble = true, 0
  return batch
end

-- Which batches on their way hold an address of this one.
local function blockers(self, batch)
  local list = {}
  for _, slot in ipairs(batch.rows:blockers() or {}) do
    local other = self.by_slot[slot]
    if other and other ~= batch then
      list[#list + 1] = { batch = other, serial = other.serial }
    end
  end
  return list
end

local function describe(self, batch)
  local info = batch.rows:info()
  batch.count, batch.sent, batch.refused = info.rows, info.sent, info.refused
  batch.offset, batch.end_offset = info.offset, info.end_offset
  batch.end_line = info.end_line
  batch.blockers = blockers(self, batch)
  self.left = self.format == "tables" and self.left or self.left - info.rows
end

local function make(self)
  if self.done then
    local ok, err = skip_done(self)
    if not ok then return nil, err end
  end
  local batch = fresh(self)
  local slot = batch.rows:begin(self.rows, batch.body)
  self.by_slot[slot] = batch
  local status, err
  if self.format == "tables" then
    if self.options.transform then
      status = fill_transformed(self, batch, pass)
    else
      status = fill_from_tables(self, batch)
    end
  elseif self.header and not self.whole then
    status, err = fill_shown(self, batch)
  else
    status, err = fill_from_text(self, batch)
  end
  if not status then
    batches.release(self, batch)
    return nil, err
  end
  self.ended = status == "end"
  batch.rows:close(self.rows, batch.body)
  describe(self, batch)
  return batch
end

--- The next batch that has rows.
---@param self sendcloud.Encoder
---@return table|nil batch
---@return sendcloud.Error? err
function batches.next(self)
  self.busy = true
  local batch, err
  while not self.ended do
    batch, err = make(self)
    if err or batch.count > 0 then break end
    batches.release(self, batch)
    batch = nil
  end
  self.busy = false
  return batch, err
end

--- Whether a batch on its way holds an address of this one: it would be undone.
---@param batch table
---@return boolean
function batches.is_blocked(batch)
  for _, blocker in ipairs(batch.blockers) do
    if blocker.batch.live and blocker.batch.serial == blocker.serial then return true end
  end
  return false
end

--- The batch is done with: its addresses are free, its buffers serve another one.
---@param self sendcloud.Encoder
---@param batch table
function batches.release(self, batch)
  batch.live = false
  batch.rows:release(self.rows)
  self.free[#self.free + 1] = batch
end

return batches
