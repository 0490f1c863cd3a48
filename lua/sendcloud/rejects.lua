--- The file of refused rows: line number, address, reason, then the row itself.
--
-- Rows of a CSV or TSV text are copied as they stand, under their own header, so that the
-- file can be mended in a spreadsheet and imported again. Rows that never were text, and
-- those of JSONL, are written as JSONL.

local cjson = require "cjson"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local place = require "sendcloud.place"

local rejects = {}

local json = cjson.new()
local COLUMNS = { "line", "address", "reason" }

---@class sendcloud.Rejects
---@field path string
---@field file file*
---@field lines boolean    JSONL
---@field size integer     bytes written so far
---@field buffer userdata

local function failed(path, reason)
  return errors.new { kind = "invalid", operation = "members.upsert", parameter = "rejects",
    message = "rejects: cannot be written: " .. place.trouble(path, reason) }
end

local function write(self, bytes)
  local ok, reason = self.file:write(bytes)
  if ok then ok, reason = self.file:flush() end
  if not ok then return nil, failed(self.path, reason) end
  self.size = self.size + #bytes
  return true
end

-- A cell in quotes where it needs them.
local function cell(text, separator)
  if text:find('[\r\n"' .. (separator == "|" and "%|" or separator) .. "]") then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

local function header_line(rows, header)
  local separator, eol, crlf, marked = rows:dialect()
  local cells, first = {}, 1
  for index, name in ipairs(COLUMNS) do
    cells[index] = name
    -- Rows that were refused before: their old reasons stay where they are, unnamed.
    if header[index] ~= name then first = 0 end
  end
  for index, name in ipairs(header) do
    cells[#cells + 1] = first == 1 and index <= #COLUMNS and "" or cell(name, separator)
  end
  -- With its mark the file is read as the text was, and a spreadsheet knows it for UTF-8.
  local mark = marked and "\239\187\191" or ""
  return mark .. table.concat(cells, separator) .. (crlf and "\r\n" or eol)
end

--- Opens the file; what an earlier run left in it is gone, unless this one goes on where
--- that stopped.
---@param path string
---@param rows userdata core.rows
---@param header string[]|nil of the text; nil: JSONL
---@param size integer|nil    bytes of it that count, when a run goes on
---@return sendcloud.Rejects|nil
---@return sendcloud.Error? err
function rejects.open(path, rows, header, size)
  if size then
    local ok, reason = core.truncate(path, size)
    if not ok then return nil, failed(path, reason) end
  end
  local file, reason = io.open(path, size and "ab" or "wb")
  if not file then return nil, failed(path, reason) end
  local self = { path = path, file = file, lines = header == nil, size = size or 0,
    buffer = core.buffer() }
  if header and not size then
    local ok, err = write(self, header_line(rows, header))
    if not ok then return nil, err end
  end
  return self
end

-- What of a text can be shown in JSON.
local function clean(text)
  if core.utf8_length(text) then return text end
  return (text:gsub("[\128-\255]", "?"))
end

local function json_lines(refused, members, before)
  local lines = {}
  for _, row in ipairs(refused) do
    local text, origin = row.raw, members and members[before + row.entry]
    if origin ~= nil then
      local ok, encoded = pcall(json.encode, origin)
      text = ok and encoded or nil
    elseif not (text and pcall(json.decode, text)) then
      text = json.encode(clean(text or ""))
    end
    lines[#lines + 1] = ('{"line":%d,"address":%s,"reason":%s,"row":%s}\n'):format(row.line,
      json.encode(clean(row.address)), json.encode(clean(row.reason)), text or "null")
  end
  return table.concat(lines)
end

--- Adds the refused rows of a batch that was settled.
---@param self sendcloud.Rejects
---@param rows userdata  core.rows
---@param batch table   as batches.lua makes it
---@return true|nil
---@return sendcloud.Error? err
function rejects.add(self, rows, batch)
  if self.lines then
    local refused = batch.rows:refused(rows, batch.body)
    return write(self, json_lines(refused, batch.members, batch.before))
  end
  local buffer = self.buffer
  buffer:clear()
  batch.rows:rejects(rows, batch.body, buffer)
  return write(self, tostring(buffer))
end

--- Makes what was written last.
---@param self sendcloud.Rejects
---@return true|nil
---@return sendcloud.Error? err
function rejects.sync(self)
  local ok, reason = core.sync(self.path)
  if not ok then return nil, failed(self.path, reason) end
  return true
end

--- Closes the file.
---@param self sendcloud.Rejects
function rejects.close(self)
  self.file:close()
end

return rejects
