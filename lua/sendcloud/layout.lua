--- What an export writes of a member: columns, their names, the format.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local headers = require "sendcloud.headers"

local layout = {}

local FORMATS = { csv = "csv", tsv = "tsv", tab = "tsv", jsonl = "jsonl", ndjson = "jsonl" }
local SEPARATORS = { csv = ",", tsv = "\t", jsonl = "" }
local FOUND = { "email", "phone", "name", "tags" } -- in front of the fields that are found
-- What a column may be called, and the part it shows.
local ALIASES = { tags = "tag_names" }

---@class sendcloud.Layout
---@field format "csv"|"tsv"|"jsonl"
---@field separator string    "" for JSONL
---@field spreadsheet boolean
---@field lines userdata      core.lines
---@field names string[]      of the columns chosen
local Layout = {}
Layout.__index = Layout

local function wires(node)
  local spelt = node.wire or node.name
  return type(spelt) == "table" and spelt or { spelt }
end

local function field(node, name)
  for _, found in ipairs(node) do
    if found.name == name then return found end
  end
end

local text_shape
local function quote(text)
  text_shape = text_shape or core.shape { type = "string" }
  return text_shape:write(text)
end

-- The parts a member's node has, and their numbers by name.
local function parts_of(node)
  local parts, numbers = {}, {}
  for index, part in ipairs(node) do
    parts[index] = { keys = wires(part), json = quote(part.name) .. ":" }
    numbers[part.name] = index
  end
  return parts, numbers
end

-- A column by the name it was asked for.
local function column(name, numbers)
  local part = numbers[ALIASES[name] or name]
  if name == "fields" then part = nil end
  local json = quote(name)
  if not json then return nil end
  return { name = part and name or headers.field(name) or name, part = part, json = json .. ":" }
end

local function chosen(names, numbers)
  local list = {}
  for index, name in ipairs(names) do
    local made = type(name) == "string" and name ~= "" and column(name, numbers)
    if not made then
      return nil, errors.invalid(nil, ("columns[%d]"):format(index),
        "must be the name of a part of a member, or of a field")
    end
    list[index] = made
  end
  if #list == 0 then return nil, errors.invalid(nil, "columns", "must not be empty") end
  return list
end

--- The format of an export: as options say, or as the ending of a path does.
---@param sink any
---@param options sendcloud.ExportOptions
---@return "csv"|"tsv"|"jsonl"
function layout.format(sink, options)
  local ending = type(sink) == "string" and sink:match("%.(%w+)$")
  return options.format or ending and FORMATS[ending:lower()] or "csv"
end

--- The layout of an export.
---@param page table     node of a page of members
---@param sink any
---@param options sendcloud.ExportOptions
---@param found string[]? fields that an earlier run has found
---@return sendcloud.Layout|nil
---@return sendcloud.Error? err
function layout.new(page, sink, options, found)
  local format = layout.format(sink, options)
  local list = field(page, "list")
  local parts, numbers = parts_of(list.of)
  local names, finding = options.columns, false
  if not names and format ~= "jsonl" then names, finding = FOUND, true end
  local picked, err = {}, nil
  if names then picked, err = chosen(names, numbers) end
  if not picked then return nil, err end
  for _, name in ipairs(finding and found or {}) do picked[#picked + 1] = { name = name } end
  return setmetatable({
    format = format, separator = SEPARATORS[format], names = names or {},
    spreadsheet = options.spreadsheet or false, finding = finding,
    lines = core.lines {
      separator = SEPARATORS[format], guard = options.spreadsheet, crlf = options.spreadsheet,
      finding = finding, list = wires(list), total = wires(field(page, "total")),
      parts = parts, id = numbers.id, fields = numbers.fields, columns = picked,
      folder = type(sink) == "string" and (sink:match("^(.*/)") or ".") or nil,
    },
  }, Layout)
end

--- The names of all columns.
---@param fields string[] that the lines have now, those that were found included
---@return string[]
function Layout:header(fields)
  local names = {}
  for index, name in ipairs(self.names) do names[index] = name end
  if self.finding then
    for _, name in ipairs(fields) do names[#names + 1] = headers.of_field(name) end
  end
  return names
end

return layout
