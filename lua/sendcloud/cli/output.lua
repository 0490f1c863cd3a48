--- What the command line prints: a table for a person, JSON or CSV for a program.

local core = require "sendcloud.core"

local output = {}

-- JSON knows lists from objects, Lua tables do not: the lists of a record are named here.
local ANY = { type = "any" }
local LIST = { type = "list", of = ANY }
local LISTS = { tag_ids = true, tag_names = true, conditions = true }

local shapes = {}

local function encode(node, value)
  shapes[node] = shapes[node] or core.shape(node)
  local json, path, reason = shapes[node]:write(value)
  return json or error(("%s: %s"):format(path, reason), 0)
end

-- The names of a record's values, sorted.
local function keys_of(record)
  local keys = {}
  for key, value in pairs(record) do
    if type(value) ~= "function" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

local function to_json(record)
  local parts = {}
  for i, key in ipairs(keys_of(record)) do
    parts[i] = ("%s:%s"):format(encode(ANY, key),
      encode(LISTS[key] and LIST or ANY, record[key]))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Text of the service's must not steer the terminal: control characters show as ?.
local function cell(value)
  if type(value) == "table" then
    local parts = {}
    for _, part in ipairs(value) do parts[#parts + 1] = tostring(part) end
    for key, part in pairs(value) do
      if type(key) == "string" then parts[#parts + 1] = key .. "=" .. tostring(part) end
    end
    if #value == 0 then table.sort(parts) end
    value = table.concat(parts, ", ")
  end
  if value == nil then return "" end
  return (tostring(value):gsub("\194[\128-\159]", "?"):gsub("[%z\1-\31\127]", "?"))
end

local function width(value)
  return core.utf8_length(value) or #value
end

local function csv_cell(value)
  if type(value) == "table" then
    value = #value > 0 and table.concat(value, ";") or cell(value)
  end
  value = value == nil and "" or tostring(value)
  if value:find('[,"\r\n]') then return '"' .. value:gsub('"', '""') .. '"' end
  return value
end

local function as_table(columns, next_record)
  local rows, widths = { {} }, {}
  for i, column in ipairs(columns) do rows[1][i] = column:upper() end
  for record in next_record do
    local row = {}
    for i, column in ipairs(columns) do row[i] = cell(record[column]) end
    rows[#rows + 1] = row
  end
  for _, row in ipairs(rows) do
    for i, value in ipairs(row) do widths[i] = math.max(widths[i] or 0, width(value)) end
  end
  for _, row in ipairs(rows) do
    for i, value in ipairs(row) do
      local last = i == #row
      io.write(value, last and "\n" or (" "):rep(widths[i] - width(value) + 2))
    end
  end
end

local function as_csv(columns, next_record)
  io.write(table.concat(columns, ","), "\r\n")
  for record in next_record do
    local row = {}
    for i, column in ipairs(columns) do row[i] = csv_cell(record[column]) end
    io.write(table.concat(row, ","), "\r\n")
  end
end

local function as_json(next_record)
  local first = true
  io.write("[")
  for record in next_record do
    io.write(first and "\n" or ",\n", to_json(record))
    first = false
  end
  io.write(first and "]\n" or "\n]\n")
end

--- Prints records as they come.
---@param options table         json or csv, else a table for a person
---@param columns string[]      of the table and of CSV
---@param next_record fun(): table|nil
function output.records(options, columns, next_record)
  if options.json then return as_json(next_record) end
  if options.csv then return as_csv(columns, next_record) end
  return as_table(columns, next_record)
end

--- Prints one record, one name and value a line.
---@param options table
---@param record table
function output.record(options, record)
  if options.json then
    io.write(to_json(record), "\n")
    return
  end
  local keys, widest = keys_of(record), 0
  for _, key in ipairs(keys) do widest = math.max(widest, #key) end
  if options.csv then
    local values = {}
    for i, key in ipairs(keys) do values[i] = csv_cell(record[key]) end
    io.write(table.concat(keys, ","), "\r\n", table.concat(values, ","), "\r\n")
    return
  end
  for _, key in ipairs(keys) do
    io.write(key, (" "):rep(widest - #key + 2), cell(record[key]), "\n")
  end
end

--- Prints the values of an answer that is no record: counts, a report.
---@param options table
---@param pairs_in_order {[1]: string, [2]: any}[]
function output.values(options, pairs_in_order)
  local names, values, parts = {}, {}, {}
  for i, pair in ipairs(pairs_in_order) do
    names[i], values[i] = pair[1], csv_cell(pair[2])
    parts[i] = ("%q:%s"):format(pair[1], encode(ANY, pair[2]))
  end
  if options.json then
    io.write("{", table.concat(parts, ","), "}\n")
  elseif options.csv then
    io.write(table.concat(names, ","), "\r\n", table.concat(values, ","), "\r\n")
  else
    for _, pair in ipairs(pairs_in_order) do
      io.write(("%-12s  %s\n"):format(pair[1], cell(pair[2])))
    end
  end
end

return output
