--- Rows into requests: the batches of an import, one after the other.
--
-- A row of a CSV or TSV text goes from the file's bytes into the request's body in C. Rows
-- that Lua has to see pass through a table and the codec (tables.lua); both ways end in the
-- same batch, with the same checks.

local columns = require "sendcloud.columns"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local plan = require "sendcloud.plan"
local source = require "sendcloud.source"

local tables = lazy.require "sendcloud.tables"

local batches = {}

local jit = package.loaded.jit
if jit then jit.off(true, true) end -- for the reason that loop.lua gives

local MOST_BYTES = 1048576 -- of a body before its last row

local OPERATION = "members.upsert"
local SAMPLE = "a@b" -- an address to see where the members of a request go

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
local function teach(rows, upsert, used, around, options, header)
  local node = field(upsert.row.body, "members").of
  rows:plan {
    head = around.head, tail = around.tail,
    fields = "," .. quote(wire(field(node, "fields"))) .. ":{",
    tags = "," .. quote(wire(field(node, "tags"))) .. ":[",
    more_tags = more_tags(options.add_tags), columns = header and #header,
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
    most_bytes = MOST_BYTES,
    free = {}, by_slot = {}, shown = {}, lines = {}, line = 0, left = options.limit or math.huge,
    ended = false, busy = false, start_offset = 0,
  }
  local used
  used, err = begin(self, options)
  if not used then return nil, err end
  teach(self.rows, upsert, used, around, options, self.header)
  if options.limit then self.rows:limit(options.limit) end
  self.whole = self.header ~= nil and not options.transform
  return self
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

local function fill_from_text(self, batch)
  while true do
    local status = batch.rows:fill(self.rows, batch.body)
    if status ~= "more" then return status end
    local ok, err = source.feed(self.source, self.rows)
    if not ok then return nil, err end
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
  batch.ragged = info.ragged
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
  local status, err = (self.whole and fill_from_text or tables.fill)(self, batch)
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
