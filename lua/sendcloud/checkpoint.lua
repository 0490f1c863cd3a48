--- How far a long run came, in a file that survives a kill at any moment.
--
-- The file is replaced as a whole (temporary file, fsync, rename) after every batch that was
-- answered, and carries a checksum: what is torn, empty or somebody else's is an error. It
-- names the input by size, time and its first bytes, and the options; another input or other
-- options are an error too, unless the run it tells of was complete.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"

local checkpoint = {}

local TITLE = "sendcloud checkpoint 1"
local HEAD = 65536 -- bytes of the input that are looked at
local LONGEST = 1048576
-- Fields that stay text: a digest may look like a number.
local TEXTS = { job = true, input = true, options = true, columns = true, stretches = true }

-- Parts of a text
-- ---------------------------------------------------------------------------

---@class sendcloud.Ranges
---@field private starts table<integer, table>
---@field private stops table<integer, table>
local Ranges = {}
Ranges.__index = Ranges

local function new_ranges()
  return setmetatable({ starts = {}, stops = {} }, Ranges)
end

-- Adds a part that is done; parts that touch become one.
function Ranges:add(start, stop, line, rows)
  local range = { start = start, stop = stop, line = line, rows = rows }
  local before, after = self.stops[start], self.starts[stop]
  if before then
    self:forget(before)
    range.start, range.rows = before.start, range.rows + before.rows
  end
  if after then
    self:forget(after)
    range.stop, range.line, range.rows = after.stop, after.line, range.rows + after.rows
  end
  self.starts[range.start], self.stops[range.stop] = range, range
end

-- The part that begins at a place.
function Ranges:starting(offset)
  return self.starts[offset]
end

function Ranges:forget(range)
  self.starts[range.start], self.stops[range.stop] = nil, nil
end

function Ranges:sorted()
  local list = {}
  for _, range in pairs(self.starts) do list[#list + 1] = range end
  table.sort(list, function(a, b) return a.start < b.start end)
  return list
end

-- Bytes that are done.
local function bytes_of(ranges)
  local sum = 0
  for _, range in pairs(ranges.starts) do sum = sum + range.stop - range.start end
  return sum
end

-- What a run is, in words that do not change
-- -----------------------------------------------

-- A value as text: the same for the same content.
local function canonical(value)
  if type(value) ~= "table" then
    if type(value) == "number" then return ("%.14g"):format(value) end
    return type(value) == "function" and "function" or type(value) .. ":" .. tostring(value)
  end
  local parts = {}
  for key, entry in pairs(value) do
    parts[#parts + 1] = canonical(key) .. "=" .. canonical(entry)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A digest of options.
---@param options table
---@return string
function checkpoint.fingerprint(options)
  return core.digest(canonical(options))
end

local function failure(path, reason)
  return errors.new { kind = "invalid", parameter = "checkpoint",
    message = ("checkpoint: %s: %s"):format(path, reason) }
end

-- The file
-- ---------------------------------------------------------------------------------

-- `name=value` lines under a title, the checksum of all before it last.
local function encode(fields, ranges)
  local lines = { TITLE }
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = fields[name]
    if type(value) == "number" then
      value = value % 1 == 0 and ("%d"):format(value) or ("%.6f"):format(value)
    end
    lines[#lines + 1] = name .. "=" .. tostring(value)
  end
  for _, range in ipairs(ranges and ranges:sorted() or {}) do
    lines[#lines + 1] = ("done=%d %d %d %d"):format(range.start, range.stop, range.line,
      range.rows)
  end
  local text = table.concat(lines, "\n") .. "\n"
  return text .. "checksum=" .. core.digest(text) .. "\n"
end

local function decode(text)
  local body, sum = text:match("^(.*\n)checksum=(%x+)\n$")
  if text:sub(1, #TITLE + 1) ~= TITLE .. "\n" then
    return nil, text == "" and "is empty" or "is not a checkpoint of this library"
  end
  if not body or core.digest(body) ~= sum then return nil, "is torn or was changed" end
  local fields, ranges = {}, new_ranges()
  for line in body:gmatch("[^\n]+") do
    local start, stop, number, rows = line:match("^done=(%d+) (%d+) (%d+) (%d+)$")
    if start then
      ranges:add(tonumber(start), tonumber(stop), tonumber(number), tonumber(rows))
    else
      local name, value = line:match("^([%w_.]+)=(.*)$")
      if name then fields[name] = TEXTS[name] and value or tonumber(value) or value end
    end
  end
  return fields, ranges
end

--- Reads a checkpoint.
---@param path string
---@return table|nil fields   nil where there is no such file
---@return sendcloud.Ranges|sendcloud.Error|nil ranges_or_err
function checkpoint.read(path)
  local info = core.file_info(path)
  if not info then return nil end
  if info.kind ~= "file" then return nil, failure(path, "is no file") end
  local file, reason = io.open(path, "rb")
  local text = file and file:read(LONGEST)
  if file then file:close() end
  if file and info.size == 0 then text = "" end
  if not text then return nil, failure(path, tostring(reason or "cannot be read")) end
  local fields, ranges = decode(text)
  if not fields then
    return nil, failure(path, ranges .. "; remove it to begin anew, or name another file")
  end
  return fields, ranges
end

--- Replaces a checkpoint.
---@param path string
---@param fields table<string, string|number>
---@param ranges sendcloud.Ranges|nil
---@return true|nil
---@return sendcloud.Error? err
function checkpoint.write(path, fields, ranges)
  local ok, reason = core.replace(path, path .. ".tmp", encode(fields, ranges))
  if not ok then return nil, failure(path, "cannot be written: " .. tostring(reason)) end
  return true
end

--- Whether a checkpoint found tells of this very run.
---@param path string
---@param found table
---@param wanted table<string, string> what has to be the same, name -> value
---@param what table<string, string>   name -> what differs, in words
---@return boolean|nil same      false: it was complete, and another one
---@return sendcloud.Error? err  it was not complete, and another one
function checkpoint.same(path, found, wanted, what)
  for _, name in ipairs { "job", "input", "options" } do
    if found[name] ~= wanted[name] then
      if found.complete == 1 then return false end
      return nil, failure(path, what[name]
        .. "; go on as before, or remove it to begin anew")
    end
  end
  return true
end

-- Import
-- -----------------------------------------------------------------------------------

local COUNTS = { "rows", "sent", "inserted", "updated", "rejected", "unknown", "folded", "ragged",
  "batches", "requests", "retries", "bytes", "seconds" }

local WHAT = {
  job = "belongs to another kind of run",
  input = "belongs to another input, or the input has changed since",
  options = "belongs to a run with other options",
}

---@class sendcloud.Checkpoint
---@field path string
---@field same table            job, input and options
---@field ranges sendcloud.Ranges
---@field rejects integer|nil   bytes of the file of refused rows that count
---@field done_bytes integer
---@field complete boolean      nothing is left to do

-- Size, time and first bytes of the input.
local function identity(from)
  local head
  local place = from.file:seek("cur", 0)
  if place and from.file:seek("set", from.start) then
    head = from.file:read(HEAD) or ""
    from.file:seek("set", place)
  end
  if not head then return nil end
  local info = from.path and core.file_info(from.path)
  return ("%d %s %s"):format(from.size or -1, info and info.mtime or "-", core.digest(head))
end

local IMPORT_OPTIONS = { "map", "tag_mode", "update_existing", "add_tags", "transform",
  "batch", "limit", "rejects" }

local function import_options(encoder, options)
  local chosen = { format = encoder.format, most = encoder.most }
  for _, name in ipairs(IMPORT_OPTIONS) do chosen[name] = options[name] end
  return checkpoint.fingerprint(chosen)
end

local function save(self, report, size, complete)
  local fields = { complete = complete and 1 or 0, rejects = size or -1 }
  for name, value in pairs(self.same) do fields[name] = value end
  for _, name in ipairs(COUNTS) do fields[name] = report[name] end
  return checkpoint.write(self.path, fields, self.ranges)
end

--- Opens the checkpoint of an import; where it tells of an earlier run, the encoder goes on
--- behind it and the report takes its counts.
---@param path string
---@param encoder sendcloud.Encoder
---@param options sendcloud.ImportOptions
---@param report sendcloud.ImportReport
---@return sendcloud.Checkpoint|nil
---@return sendcloud.Error? err
function checkpoint.open(path, encoder, options, report)
  local input = encoder.source.file and identity(encoder.source)
  if not input then
    return nil, failure(path, "only a file can be gone on with, not a table or a pipe")
  end
  local self = {
    path = path, ranges = new_ranges(), done_bytes = 0, complete = false,
    same = { job = "import", input = input, options = import_options(encoder, options) },
  }
  local found, ranges = checkpoint.read(path)
  if not found and ranges then return nil, ranges end
  local same, err = false, nil
  -- Nothing is lost of a run that was stopped before its first answer, whatever it was.
  if found and found.batches ~= 0 then
    same, err = checkpoint.same(path, found, self.same, WHAT)
  end
  if err then return nil, err end
  if not same then -- it is there, and can be written, before anything is sent
    same, err = save(self, report, nil, false)
    return same and self, err
  end

  for _, name in ipairs(COUNTS) do report[name] = found[name] or 0 end
  self.ranges, self.done_bytes = ranges, bytes_of(ranges)
  self.complete = found.complete == 1
  self.rejects = found.rejects ~= -1 and found.rejects or nil
  local left = new_ranges() -- the encoder uses its own up
  for _, range in ipairs(ranges:sorted()) do
    left:add(range.start, range.stop, range.line, range.rows)
  end
  encoder.done = left
  return self
end

--- A batch was answered. The rejects must have been written.
---@param self sendcloud.Checkpoint
---@param batch table
---@param report sendcloud.ImportReport
---@param size integer|nil bytes of the file of refused rows
---@return true|nil
---@return sendcloud.Error? err
function checkpoint.record(self, batch, report, size)
  self.ranges:add(batch.offset, batch.end_offset, batch.end_line, batch.count)
  return save(self, report, size, false)
end

--- The run is complete.
---@param self sendcloud.Checkpoint
---@param report sendcloud.ImportReport
---@param size integer|nil
---@return true|nil
---@return sendcloud.Error? err
function checkpoint.finish(self, report, size)
  return save(self, report, size, true)
end

return checkpoint
