--- What the command line prints: a table for a person, JSON or CSV for a program.

local core = require "sendcloud.core"

local output = {}

-- JSON knows lists from objects, Lua tables do not: the lists of a record are named here.
local ANY = { type = "any" }
local LISTS = { tag_ids = true, tag_names = true, conditions = true, inserted = true,
  updated = true, errors = true }

-- What is raised when nobody reads on: `sendcloud members list | head -1`.
output.GONE = "nobody reads standard output any more"

local shapes = {}

local function encode(node, value)
  shapes[node] = shapes[node] or core.shape(node)
  local json, path, reason = shapes[node]:write(value)
  return json or error(("%s: %s"):format(path, reason), 0)
end

-- Writes to standard output, whose disk may be full and whose reader may be gone.
local function put(...)
  local ok, reason = io.stdout:write(...)
  if ok then return end
  reason = tostring(reason)
  error(reason:find("Broken pipe", 1, true) and output.GONE or "standard output: " .. reason, 0)
end

--- Sends on what was printed; raises where that fails.
function output.flush()
  local ok, reason = io.stdout:flush()
  if ok then return end
  reason = tostring(reason)
  error(reason:find("Broken pipe", 1, true) and output.GONE or "standard output: " .. reason, 0)
end

-- The names of a record's values, sorted.
local function keys_of(record)
  local keys = {}
  for key, value in pairs(record) do
    if type(value) ~= "function" then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- A value of a record: of a list of records, or of what is free in form.
local function to_json(value, name)
  if type(value) ~= "table" then return encode(ANY, value) end
  local parts = {}
  if #value > 0 or LISTS[name] then
    for i, part in ipairs(value) do parts[i] = to_json(part) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for i, key in ipairs(keys_of(value)) do
    parts[i] = ("%s:%s"):format(encode(ANY, tostring(key)), to_json(value[key], key))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- `Age` of `fields.Age`, in a record as the library gives it.
local function value_of(record, column)
  local value = record[column]
  if value == nil and type(record.fields) == "table" then
    value = record.fields[column:match("^fields%.(.+)$") or column]
  end
  return value
end

-- Text of the service's must not steer the terminal: control characters show as ?.
local function cell(value)
  if type(value) == "table" then
    local parts = {}
    for _, part in ipairs(value) do
      parts[#parts + 1] = type(part) == "table" and to_json(part) or tostring(part)
    end
    for key, part in pairs(value) do
      if type(key) == "string" then
        parts[#parts + 1] = key .. "=" .. (type(part) == "table" and to_json(part, key)
          or tostring(part))
      end
    end
    if #value == 0 then table.sort(parts) end
    value = table.concat(parts, ", ")
  end
  if value == nil then return "" end
  return (tostring(value):gsub("\194[\128-\159]", "?"):gsub("[%z\1-\31\127]", "?"))
end

-- Characters that a terminal shows two columns wide: those of East Asia, and pictures.
local WIDE = {
  { 0x1100, 0x115F }, { 0x2E80, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF },
  { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1FAFF },
  { 0x20000, 0x3FFFD },
}

local function is_wide(point)
  for _, range in ipairs(WIDE) do
    if point >= range[1] and point <= range[2] then return true end
  end
  return false
end

-- The columns that a text takes on a terminal.
local function width(text)
  local columns = core.utf8_length(text)
  if not columns then return #text end
  for lead, rest in text:gmatch "([\225-\244])([\128-\191]+)" do
    local point = lead:byte() % (#rest == 2 and 16 or 8)
    for byte in rest:gmatch "." do point = point * 64 + byte:byte() % 64 end
    if is_wide(point) then columns = columns + 1 end
  end
  return columns
end

local function csv_cell(value)
  if type(value) == "table" then
    local plain = #value > 0
    for _, part in ipairs(value) do plain = plain and type(part) ~= "table" end
    value = plain and table.concat(value, ";") or cell(value)
  end
  value = value == nil and "" or tostring(value)
  if value:find('[,"\r\n]') then return '"' .. value:gsub('"', '""') .. '"' end
  return value
end

local function csv_line(values)
  put(table.concat(values, ","), "\r\n")
end

local function as_table(columns, next_record)
  local rows, widths = { {} }, {}
  for i, column in ipairs(columns) do rows[1][i] = cell(column:upper()) end
  for record in next_record do
    local row = {}
    for i, column in ipairs(columns) do row[i] = cell(value_of(record, column)) end
    rows[#rows + 1] = row
  end
  for _, row in ipairs(rows) do
    for i, value in ipairs(row) do widths[i] = math.max(widths[i] or 0, width(value)) end
  end
  for _, row in ipairs(rows) do
    local parts = {}
    for i, value in ipairs(row) do
      parts[i] = i == #row and value or value .. (" "):rep(widths[i] - width(value) + 2)
    end
    put((table.concat(parts):gsub(" +$", "")), "\n")
  end
end

local function as_csv(columns, next_record)
  local names = {}
  for i, column in ipairs(columns) do names[i] = csv_cell(column) end
  csv_line(names)
  for record in next_record do
    local row = {}
    for i, column in ipairs(columns) do row[i] = csv_cell(value_of(record, column)) end
    csv_line(row)
  end
end

-- Only the columns asked for, where some were.
local function chosen(columns, record)
  local part = {}
  for _, column in ipairs(columns) do part[column] = value_of(record, column) end
  return part
end

-- Nothing is printed when the first page fails, and a whole document when a later one does.
local function as_json(columns, next_record)
  local record, ok, problem = next_record(), true, nil
  put("[")
  local before = "\n"
  while ok and record ~= nil do
    put(before, to_json(columns and chosen(columns, record) or record))
    before = ",\n"
    ok, problem = pcall(next_record)
    record = problem
  end
  put(before == "\n" and "]\n" or "\n]\n")
  if not ok then error(problem, 0) end
end

--- Prints records as they come.
---@param options table         json or csv, else a table for a person; columns
---@param columns string[]      of the table and of CSV, where none are asked for
---@param next_record fun(): table|nil
function output.records(options, columns, next_record)
  local wanted = options.columns
  if options.json then return as_json(wanted, next_record) end
  if options.csv then return as_csv(wanted or columns, next_record) end
  return as_table(wanted or columns, next_record)
end

--- Prints one record, one name and value a line.
---@param options table
---@param record table
function output.record(options, record)
  if options.columns then record = chosen(options.columns, record) end
  if options.json then return put(to_json(record), "\n") end
  local keys, widest = keys_of(record), 0
  for _, key in ipairs(keys) do widest = math.max(widest, #tostring(key)) end
  if options.csv then
    local values, names = {}, {}
    for i, key in ipairs(keys) do
      names[i], values[i] = csv_cell(key), csv_cell(record[key])
    end
    csv_line(names)
    return csv_line(values)
  end
  for _, key in ipairs(keys) do
    local name = cell(key)
    put(name, (" "):rep(widest - #name + 2), cell(record[key]), "\n")
  end
end

--- Prints the values of an answer that is no record: counts, a report.
---@param options table
---@param pairs_in_order {[1]: string, [2]: any}[]
function output.values(options, pairs_in_order)
  local names, values, parts = {}, {}, {}
  for i, pair in ipairs(pairs_in_order) do
    names[i], values[i] = pair[1], csv_cell(pair[2])
    parts[i] = ("%s:%s"):format(encode(ANY, pair[1]), to_json(pair[2], pair[1]))
  end
  if options.json then
    put("{", table.concat(parts, ","), "}\n")
  elseif options.csv then
    csv_line(names)
    csv_line(values)
  else
    for _, pair in ipairs(pairs_in_order) do
      put(("%-12s  %s\n"):format(pair[1], cell(pair[2])))
    end
  end
end

return output
