--- The file that an export grows in, until it is whole.
--
-- Lines go into `PATH.part`, which takes the place of PATH when all are there: nobody ever
-- sees half a file. The header is written with the columns known after the first page; when
-- fields turn up later the lines before them are filled up at the end. What shall not end in
-- a file of that name is passed on when it is whole.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local place = require "sendcloud.place"

local spool = {}

local PIECE = 65536
local GATHERED = 131072 -- bytes that are written at a time
local MARK = "\239\187\191" -- byte order mark: a spreadsheet takes the text for UTF-8 then

---@class sendcloud.Spool
---@field path string|nil       where it shall end
---@field sink function|file*|nil   or whom it is passed on to
---@field owned boolean         the sink was opened here
---@field temporary string|nil
---@field file file*|nil
---@field gathered userdata     what is not written yet
---@field size integer          bytes
---@field stretches table[]     { bytes, columns }: lines with the same number of columns
---@field layout sendcloud.Layout

local function failed(path, reason)
  return errors.new { kind = "invalid", parameter = "sink",
    message = "sink: cannot be written: " .. place.trouble(path, reason) }
end

local function open(self, mode)
  local reason
  -- What a killed run left there is nothing to write into, least of all when it is a link.
  if mode == "wb" and self.path then os.remove(self.temporary) end
  self.file, reason = io.open(self.temporary, mode)
  if not self.file then return nil, failed(self.temporary, reason) end
  self.file:setvbuf("no")
  self.gathered = self.gathered or core.buffer()
  self.gathered:clear()
  return true
end

-- The first count bytes, all where it is nil.
local function write(self, bytes, count)
  count = count or #bytes
  local ok, reason = core.gather(self.file, self.gathered, bytes, count, GATHERED)
  if not ok then return nil, failed(self.temporary, reason) end
  self.size = self.size + count
  return true
end

-- The line of column names, with the mark before it where a spreadsheet shall read it.
local function header_line(self)
  local layout = self.layout
  local line = core.buffer()
  local count, fields = layout.lines:columns()
  local parts = { layout.spreadsheet and MARK or "" }
  for index, name in ipairs(layout:header(fields)) do
    line:clear()
    layout.lines:cell(name, line)
    parts[#parts + 1] = (index > 1 and layout.separator or "") .. tostring(line)
  end
  parts[#parts + 1] = layout.spreadsheet and "\r\n" or "\n"
  return table.concat(parts), count
end

--- A spool for a sink, still without a file.
---@param sink string|function|file*
---@param layout sendcloud.Layout
---@return sendcloud.Spool
function spool.new(sink, layout)
  local path = type(sink) == "string" and sink or nil
  return { path = path, sink = not path and sink or nil, owned = false, layout = layout,
    size = 0, stretches = {}, header = 0 }
end

--- Makes its file.
---@param self sendcloud.Spool
---@return true|nil
---@return sendcloud.Error? err
function spool.open(self)
  local path = self.path
  if path and place.is_stream(path) then
    local file, reason = io.open(path, "wb")
    if not file then return nil, failed(path, reason) end
    self.path, self.sink, self.owned = nil, file, true
  end
  self.temporary = self.path and self.path .. ".part" or os.tmpname()
  return open(self, "wb")
end

--- Opens the spool of an earlier run that goes on.
---@param path string
---@param layout sendcloud.Layout
---@param size integer          bytes of it that count
---@param header integer        bytes of its header
---@param stretches table[]
---@return sendcloud.Spool|nil
---@return sendcloud.Error? err
function spool.resume(path, layout, size, header, stretches)
  local self = { path = path, temporary = path .. ".part", layout = layout, size = size,
    header = header, begun = true, stretches = stretches }
  local ok, reason = core.truncate(self.temporary, size)
  if not ok then return nil, failed(self.temporary, reason) end
  local err
  ok, err = open(self, "ab")
  if not ok then return nil, err end
  return self
end

--- Begins the text: its header. Later calls do nothing.
---@param self sendcloud.Spool
---@return true|nil
---@return sendcloud.Error? err
function spool.begin(self)
  if self.begun then return true end
  self.begun = true
  if self.layout.separator == "" then return true end
  local line = header_line(self)
  self.header = #line
  return write(self, line)
end

-- So many bytes more are lines with so many cells.
local function note_stretch(self, count, columns)
  local last = self.stretches[#self.stretches]
  if last and last.columns == columns then
    last.bytes = last.bytes + count
  else
    self.stretches[#self.stretches + 1] = { bytes = count, columns = columns }
  end
end

--- Adds the lines of a page.
---@param self sendcloud.Spool
---@param lines userdata   a buffer
---@param count integer    bytes of it that are meant
---@param columns integer  how many cells each line has
---@return true|nil
---@return sendcloud.Error? err
function spool.add(self, lines, count, columns)
  note_stretch(self, count, columns)
  return write(self, lines, count)
end

--- The buffer that lines may be put into, behind what is there; spool.added follows.
---@param self sendcloud.Spool
---@return userdata
function spool.tail(self)
  return self.gathered
end

--- Takes in the lines that were put there.
---@param self sendcloud.Spool
---@param count integer    bytes
---@param columns integer  how many cells each line has
---@return true|nil
---@return sendcloud.Error? err
function spool.added(self, count, columns)
  local last = self.stretches[#self.stretches]
  if last.columns == columns then
    last.bytes = last.bytes + count
  else
    note_stretch(self, count, columns)
  end
  self.size = self.size + count
  local ok, reason = core.gather(self.file, self.gathered, "", 0, GATHERED)
  if not ok then return nil, failed(self.temporary, reason) end
  return true
end

--- Hands what was added to the system.
---@param self sendcloud.Spool
---@return true|nil
---@return sendcloud.Error? err
function spool.flush(self)
  local ok, reason = core.gather(self.file, self.gathered, "", 0, 0)
  if not ok then return nil, failed(self.temporary, reason) end
  return true
end

-- Writes the text anew, every line with as many cells as the header has in the end.
local function fill_up(self, count)
  local old, reason = io.open(self.temporary, "rb")
  if not old then return nil, failed(self.temporary, reason) end
  local from = self.temporary
  self.temporary, self.old, self.size = from .. "2", from, 0
  local ok, err = open(self, "wb")
  if not ok then
    old:close()
    return nil, err
  end
  ok, err = write(self, (header_line(self)))
  old:seek("set", self.header)
  local padded = core.buffer()
  for _, stretch in ipairs(self.stretches) do
    local left = stretch.bytes
    while ok and left > 0 do
      local piece = old:read(math.min(left, PIECE))
      if not piece then
        ok, err = nil, failed(from, "it is shorter than it was")
        break
      end
      left = left - #piece
      padded:clear()
      self.layout.lines:pad(piece, count - stretch.columns, padded)
      ok, err = write(self, padded)
    end
  end
  old:close()
  return ok, err
end

-- Gives one piece to a sink that is no path; nil and a reason where it was not taken.
local function give(sink, piece)
  if type(sink) == "function" then
    local ok, reason = sink(piece)
    return ok or reason == nil, reason
  end
  if io.type(sink) ~= "file" then return nil, "the file was closed" end
  return sink:write(piece)
end

-- Passes the whole text on to a sink that is no path. A function of the user's may raise:
-- the temporary file has no name any more by then.
local function pass_on(self)
  local file, reason = io.open(self.temporary, "rb")
  os.remove(self.temporary)
  if self.old then os.remove(self.old) end
  if not file then return nil, failed(self.temporary, reason) end
  local sink, ok = self.sink, true
  while ok do
    local piece, problem = file:read(PIECE)
    if not piece then
      ok, reason = problem == nil, problem
      break
    end
    ok, reason = give(sink, piece)
  end
  file:close()
  if ok and io.type(sink) == "file" then ok, reason = sink:flush() end
  if self.owned then
    local closed, problem = sink:close()
    if ok then ok, reason = closed, problem end
  end
  if not ok then
    return nil, failed(type(sink) == "function" and "the function" or "the open file", reason)
  end
  return true
end

--- All lines are there: the text takes its place.
---@param self sendcloud.Spool
---@return true|nil
---@return sendcloud.Error? err
function spool.finish(self)
  local ok, err = spool.begin(self)
  if ok and self.layout.separator ~= "" then
    local count = self.layout.lines:columns()
    for _, stretch in ipairs(self.stretches) do
      if ok and stretch.columns < count then
        ok, err = spool.flush(self)
        self.file:close()
        if ok then ok, err = fill_up(self, count) end
        break
      end
    end
  end
  if ok then ok, err = spool.flush(self) end
  if not ok then return nil, err end
  local reason
  ok, reason = self.file:close()
  if not ok then return nil, failed(self.temporary, reason) end
  self.file = nil
  if not self.path then return pass_on(self) end
  ok, reason = core.replace(self.path, self.temporary)
  if not ok then return nil, failed(self.path, reason) end
  self.whole = true
  if self.old then os.remove(self.old) end
  return true
end

--- The export stops here.
---@param self sendcloud.Spool
---@param keep any a later run goes on with what there is
function spool.abandon(self, keep)
  if self.whole then return end
  if self.file and io.type(self.file) == "file" then self.file:close() end
  self.file = nil
  if self.owned and io.type(self.sink) == "file" then self.sink:close() end
  if keep or not self.temporary then return end
  os.remove(self.temporary)
  if self.old then os.remove(self.old) end
end

return spool
