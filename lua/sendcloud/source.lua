--- Where the rows of an import come from: a file, an open file, an array, an iterator.
--
-- A text is read in pieces that the scanner of the core takes; tables come one by one.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local place = require "sendcloud.place"
local space = require "sendcloud.space"

local source = {}

local PIECE = 65536 -- bytes
local FORMATS = { csv = "csv", tsv = "tsv", tab = "tsv", jsonl = "jsonl", ndjson = "jsonl" }

---@class sendcloud.Source
---@field format "csv"|"tsv"|"jsonl"|nil what its name says
---@field path string?
---@field size integer?   bytes from `start` on, where that can be known
---@field start integer?  place in the file where reading began
---@field file file*?
---@field next (fun(): table|nil)? gives tables in place of a text
---@field list table[]?             or has them all

local function invalid(reason)
  return nil, errors.invalid("members.upsert", "source", reason)
end

-- Where an open file stands and how much of it is left; nil where it is a pipe.
local function measure(file)
  local start = file:seek("cur", 0)
  local size = start and file:seek("end", 0)
  if not size then return nil end
  file:seek("set", start)
  return start, size - start
end

local function open_path(path)
  local wrong = place.check(path)
  if wrong then return invalid(wrong) end
  local file, reason = io.open(path, "rb")
  if not file then return invalid("cannot be opened: " .. tostring(reason)) end
  local _, problem, code = file:read(0)
  if code and code ~= 0 then
    file:close()
    return invalid(("cannot be read: %s: %s"):format(path, tostring(problem)))
  end
  local start, size = measure(file)
  local ending = path:match("%.(%w+)$")
  return { path = path, file = file, owned = true, start = start or 0, size = size,
    format = ending and FORMATS[ending:lower()] }
end

-- The entries of an array are counted: what stands behind a hole would be lost, and so would
-- a member that was given without the braces around it.
local function open_list(list)
  local count, last, name = core.entries(list)
  if last > count then
    return invalid(("is an array with holes: %.0f entries up to [%.0f]"):format(count, last))
  end
  if count == 0 and name ~= nil then
    return invalid("must be an array of members, { { email = … }, … }")
  end
  return { list = list }
end

--- Opens a source.
---@param given string|table|function|file*
---@return sendcloud.Source|nil
---@return sendcloud.Error? err kind `invalid`
function source.open(given)
  if type(given) == "string" then return open_path(given) end
  if type(given) == "function" then return { next = given } end
  local kind = io.type(given)
  if kind == "closed file" then return invalid("the file is closed") end
  if kind == "file" then
    local start, size = measure(given)
    return { file = given, start = start or 0, size = size }
  end
  if type(given) == "table" then return open_list(given) end
  errors.misuse("the source must be a path, an open file, an array or a function, got "
    .. type(given), 5)
end

--- Feeds the scanner with the next piece of the text.
---@param self sendcloud.Source
---@param rows userdata core.rows
---@return true|nil
---@return sendcloud.Error? err
function source.feed(self, rows)
  local fed, reason = rows:feed_from(self.file, PIECE)
  if not fed then
    return nil, errors.new { kind = "invalid", operation = "members.upsert",
      parameter = "source", message = "source: cannot be read: " .. tostring(reason) }
  end
  if fed == 0 then rows:finish() end
  return true
end

local WRONG = {
  ["utf-16"] = 'is UTF-16; save it as "CSV UTF-8"',
  zip = "is a workbook or an archive; save it as CSV",
}

-- The first bytes say whether it is JSONL when the name does not.
local function sniff(self, rows, format)
  local piece, reason = self.file:read(PIECE)
  if not piece and reason then return invalid("cannot be read: " .. tostring(reason)) end
  piece = piece or ""
  rows:feed(piece)
  if piece == "" then rows:finish() end
  format = format or self.format
  if piece:find("^\31\139") then return invalid("is compressed; unpack it first") end
  if not format and piece:find("^\239?\187?\191?%s*%[%s*{") then
    return invalid("is a JSON array; give one object a line (JSONL), without [ , ]")
  end
  if not format then
    format = piece:find("^\239?\187?\191?%s*{") and "jsonl" or "csv"
  end
  local wanted = format == "tsv" and "\t" or format == "jsonl" and "" or nil
  local separator, problem = rows:sniff(wanted)
  if not separator then return invalid(WRONG[problem] or problem) end
  return format
end

-- The header: the first row that is not empty.
local function header(self, rows)
  while true do
    local cells, status = rows:read()
    if cells then
      if #cells > 1 or cells[1] ~= "" then return cells end
    elseif status == "more" then
      local ok, err = source.feed(self, rows)
      if not ok then return nil, err end
    elseif status == "end" then
      return invalid("is empty: there is no header")
    else
      return invalid("the header cannot be read: " .. ({
        unclosed = "a quote is opened and never closed", long = "it is too long",
        wide = "it has too many columns",
      })[status])
    end
  end
end

--- Begins to read a text: its format, its separator, its header.
---@param self sendcloud.Source
---@param rows userdata core.rows
---@param format "csv"|"tsv"|"jsonl"|nil
---@return string|nil format
---@return sendcloud.Error|string[]|nil err_or_header a JSONL text has no header
function source.begin(self, rows, format)
  rows:seek(0, 1)
  local found, err = sniff(self, rows, format)
  if not found then return nil, err end
  if found == "jsonl" then return found end
  local cells
  cells, err = header(self, rows)
  if not cells then return nil, err end
  for index, name in ipairs(cells) do
    if not core.utf8_length(name) then
      return invalid(("the header's column %d is not UTF-8; save the file as UTF-8")
        :format(index))
    end
    if not name:find("^fields%.") then cells[index] = space.trim(name) end
  end
  return found, cells
end

--- Goes to a place in the text.
---@param self sendcloud.Source
---@param rows userdata core.rows
---@param offset integer bytes from where reading began
---@param line integer   its physical line
---@return true|nil
---@return sendcloud.Error? err
function source.seek(self, rows, offset, line)
  local at, reason = self.file:seek("set", self.start + offset)
  if not at then return invalid("cannot go on in the middle: " .. tostring(reason)) end
  rows:seek(offset, line)
  return true
end

--- Closes what was opened here.
---@param self sendcloud.Source
function source.close(self)
  if self.owned then self.file:close() end
end

return source
