--- Puts the contacts of a CSV file into a sandbox, past its faults and its log.
--
-- The reader is the sandbox's own and a plain one: RFC 4180, a byte order mark, any line
-- ends. Columns Email, Name, Phone and Tags (separated by ; or |) are what they say, in
-- any letter case; other columns become fields. Rows that the service would refuse are
-- counted, not loaded.

local load = {}

local BATCH = 1000

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return ESCAPES[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

-- The cell that begins at `at`, and where the next one does; nil where the row ends.
local function read_cell(text, at)
  if text:sub(at, at) ~= '"' then
    local cell, stop = text:match("^([^,\r\n]*)()", at)
    return cell, stop
  end
  local parts = {}
  at = at + 1
  while true do
    local part, stop = text:match('^([^"]*)()', at)
    parts[#parts + 1] = part
    if text:sub(stop, stop + 1) ~= '""' then return table.concat(parts), stop + 1 end
    parts[#parts + 1] = '"'
    at = stop + 2
  end
end

-- An iterator over the rows, each an array of cells.
local function rows(text)
  local at, length = 1, #text
  if text:sub(1, 3) == "\239\187\191" then at = 4 end
  return function()
    while text:match("^[\r\n]", at) do at = at + 1 end
    if at > length then return nil end
    local row = {}
    repeat
      local cell, stop = read_cell(text, at)
      row[#row + 1] = cell
      local comma = text:sub(stop, stop) == ","
      at = comma and stop + 1 or stop
    until not comma
    -- Bytes between a closing quote and the end of the line belong to nothing.
    at = text:match("^[^\r\n]*()", at)
    return row
  end
end

local KNOWN = { email = "email", name = "name", phone = "phone", tags = "tags" }

local function tag_list(cell)
  local names = {}
  for name in cell:gmatch("[^;|]+") do
    name = name:match("^%s*(.-)%s*$")
    if name ~= "" then names[#names + 1] = quote(name) end
  end
  return "[" .. table.concat(names, ",") .. "]"
end

local function member(columns, row)
  local parts, fields = {}, {}
  for i, column in ipairs(columns) do
    local cell, known = row[i] or "", KNOWN[column:lower()]
    if known == "tags" then
      parts[#parts + 1] = '"tags":' .. tag_list(cell)
    elseif known == "email" then
      parts[#parts + 1] = '"email":' .. quote(cell:match("^%s*(.-)%s*$"))
    elseif cell ~= "" and known then
      parts[#parts + 1] = quote(known) .. ":" .. quote(cell)
    elseif cell ~= "" and column ~= "" then
      fields[#fields + 1] = quote(column) .. ":" .. quote(cell)
    end
  end
  parts[#parts + 1] = '"fields":{' .. table.concat(fields, ",") .. "}"
  return "{" .. table.concat(parts, ",") .. "}"
end

-- One batch. A row that makes the service refuse all of them (bytes that are not UTF-8)
-- is found by halving.
local function send(upsert, members, first, last, report)
  local inserted, updated, rejected = upsert("["
    .. table.concat(members, ",", first, last) .. "]")
  if inserted then
    report.inserted = report.inserted + inserted
    report.updated = report.updated + updated
    report.rejected = report.rejected + rejected
  elseif first == last then
    report.rejected = report.rejected + 1
  else
    local middle = math.floor((first + last) / 2)
    send(upsert, members, first, middle, report)
    send(upsert, members, middle + 1, last, report)
  end
end

--- An array of strings as a JSON list.
---@param texts string[]
---@return string
function load.list(texts)
  local quoted = {}
  for i, text in ipairs(texts) do quoted[i] = quote(text) end
  return "[" .. table.concat(quoted, ",") .. "]"
end

--- Loads a whole file's text.
---@param text string
---@param upsert fun(members: string): integer?, integer?, integer? takes a JSON list;
---  inserted, updated, refused, or nil where all were refused
---@return { rows: integer, inserted: integer, updated: integer, rejected: integer }?
---  report
---@return string? reason   no column is called Email
function load.contacts(text, upsert)
  local report = { rows = 0, inserted = 0, updated = 0, rejected = 0 }
  local next_row = rows(text)
  local columns = next_row() or {}
  local addresses = false
  for _, column in ipairs(columns) do addresses = addresses or KNOWN[column:lower()] == "email" end
  if not addresses then return nil, "no column of the first line is Email" end
  local batch = {}
  for row in next_row do
    report.rows = report.rows + 1
    batch[#batch + 1] = member(columns, row)
    if #batch == BATCH then
      send(upsert, batch, 1, #batch, report)
      batch = {}
    end
  end
  if #batch > 0 then send(upsert, batch, 1, #batch, report) end
  return report
end

return load
