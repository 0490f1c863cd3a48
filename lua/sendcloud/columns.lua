--- Which column of a file is what: headers matched to the parts of a member.
--
-- English and Chinese headers are known without regard to case, spaces and punctuation;
-- `map` says otherwise. A column that is nothing else becomes a field of its own name, one
-- without a name is left out.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local headers = require "sendcloud.headers"
local lazy = require "sendcloud.lazy"
local space = require "sendcloud.space"

local nearest = lazy.require "sendcloud.nearest"

local columns = {}

-- What a file of refused rows begins with: such a file is read back as it was.
local REJECTS = { "line", "address", "reason" }

local LONGEST_SHOWN = 200 -- bytes of the list of columns in a message

local function listed(header)
  local names = {}
  for index, name in ipairs(header) do
    names[index] = core.utf8_length(name) and name or "?"
  end
  local text = table.concat(names, ", "):gsub("%c+", " ")
  if #text <= LONGEST_SHOWN then return text end
  text = text:sub(1, LONGEST_SHOWN)
  while not core.utf8_length(text) do text = text:sub(1, -2) end
  return text .. " …"
end

-- `email`, `fields.City`, false: what a value of map means; nil and a reason otherwise.
local function target_of(value)
  if value == false or value == "" then return { part = "none" } end
  if type(value) ~= "string" then
    return nil, "must be email, phone, name, tags, fields.X or false"
  end
  if headers.is_part(value) then return { part = value } end
  local field = headers.field(value)
  if field and not core.utf8_length(field) then return nil, "is not UTF-8" end
  if field then return { part = "field", field = field } end
  return nil, nearest.unknown(value, { "email", "phone", "name", "tags", "fields.X" })
    .. "; it can be email, phone, name, tags, fields.X or false"
end

local function invalid(parameter, reason)
  return nil, errors.invalid("members.upsert", parameter, reason)
end

--- What `map` says about the columns, by their number or by their header.
---@param map table<string|integer, string|false>
---@param header string[]
---@return table<integer, table>|nil targets by column
---@return sendcloud.Error? err
local function mapped(map, header)
  local by_name = {}
  for index = #header, 1, -1 do
    by_name[headers.plain(header[index])] = index
  end
  for index = #header, 1, -1 do by_name[header[index]] = index end
  local targets = {}
  for key, value in pairs(map) do
    local parameter = "map." .. tostring(key)
    local target, reason = target_of(value)
    if not target then return invalid(parameter, reason) end
    local index
    if type(key) == "number" then
      index = header[key] and key
    elseif type(key) == "string" then
      index = by_name[key] or by_name[headers.plain(key)]
    end
    if not index then
      return invalid(parameter, "no such column; there are: " .. listed(header))
    end
    if targets[index] then return invalid(parameter, "the column is mapped twice") end
    targets[index] = target
  end
  return targets
end

local function is_rejects(header)
  for index, name in ipairs(REJECTS) do
    if header[index] ~= name then return false end
  end
  return #header > #REJECTS
end

-- Shares the columns out: what map says first, then known headers in their order; a part
-- that is taken, and what nobody knows, become fields.
local function share(header, targets)
  local taken = {}
  for index, target in pairs(targets) do
    if taken[target.part] and headers.is_part(target.part) and target.part ~= "tags" then
      return nil, ("columns %d and %d are both %s"):format(
        math.min(index, taken[target.part]), math.max(index, taken[target.part]),
        target.part)
    end
    taken[target.part] = index
  end
  for index, name in ipairs(header) do
    if not targets[index] then
      local part = headers.part(name)
      if part and not taken[part] then
        taken[part] = index
        targets[index] = { part = part }
      elseif name:find("^%s*$") then
        targets[index] = { part = "none" }
      else
        targets[index] = { part = "field", field = headers.field(name) or name }
      end
    end
  end
  return taken
end

-- Two fields of one name would overwrite each other.
local function twice(targets, count)
  local seen = {}
  for index = 1, count do
    local target = targets[index]
    if target.part == "field" then
      if seen[target.field] then return seen[target.field], index, target.field end
      seen[target.field] = index
    end
  end
end

---@class sendcloud.Column
---@field cell integer   number of the column
---@field part "email"|"phone"|"name"|"tags"|"field"
---@field field string?  name of the field
---@field name string    its header

--- What each column of a header is.
---@param header string[]
---@param map? table<string|integer, string|false> column -> email, phone, name, tags,
---  fields.X, or false for what is left out
---@return sendcloud.Column[]|nil columns those that are used, the address first
---@return sendcloud.Error? err kind `invalid`
function columns.match(header, map)
  local targets, err = mapped(map or {}, header)
  if not targets then return nil, err end
  if is_rejects(header) then
    for index = 1, #REJECTS do targets[index] = targets[index] or { part = "none" } end
  end
  local taken, reason = share(header, targets)
  if not taken then return invalid("map", reason) end
  if not taken.email then
    -- Such a row is not shown: its addresses are private.
    if table.concat(header, ","):find("@", 1, true) then
      return invalid("source", "the first row is a contact; a header has to stand above it, "
        .. "e.g. email,name,phone,tags")
    end
    return invalid("map", "no column holds the address; say which one does with "
      .. 'map = { ["…"] = "email" }; there are: ' .. listed(header))
  end
  local first, second, field = twice(targets, #header)
  if first then
    return invalid("map", ("columns %d and %d are both the field %s"):format(first, second,
      listed { field }))
  end

  local used = {}
  for _, part in ipairs { "email", "phone", "name", "field", "tags" } do
    for index, name in ipairs(header) do
      if targets[index].part == part then
        used[#used + 1] = { cell = index, part = part, field = targets[index].field,
          name = name }
      end
    end
  end
  return used
end

local function split(text)
  local tags = {}
  for name in text:gmatch("[^;]+") do
    name = space.trim(name)
    if name ~= "" then tags[#tags + 1] = name end
  end
  return tags
end

-- Puts one value of an object where it belongs.
local function place(member, key, value, map)
  local target = map and map[key]
  if target ~= nil then
    target = target_of(target)
  elseif key == "fields" and type(value) == "table" then
    for name, field in pairs(value) do
      if field ~= core.null then member.fields[name] = field end
    end
    return
  elseif headers.is_own(key) then
    return
  else
    local part = headers.part(key)
    target = part and member[part] == nil and { part = part }
      or { part = "field", field = headers.field(key) or key }
  end
  if value == core.null or target.part == "none" then return end
  if target.part == "field" then
    member.fields[target.field] = value
  elseif target.part == "tags" and type(value) ~= "table" then
    member.tags = split(tostring(value))
  else
    member[target.part] = type(value) == "number" and ("%.14g"):format(value) or value
  end
end

--- A member out of the object of a JSONL line, whose keys are like the headers of a file.
---@param object table
---@param map? table<string, string|false>
---@return table member
function columns.member(object, map)
  local member, rest = { fields = {} }, {}
  for key in pairs(object) do rest[#rest + 1] = tostring(key) end
  table.sort(rest)
  -- The library's own keys first, so that `mail` does not take the place of `email`.
  for _, part in ipairs { "email", "phone", "name", "tags" } do
    if object[part] ~= nil then place(member, part, object[part], map) end
  end
  for _, key in ipairs(rest) do
    if not headers.is_part(key) then place(member, key, object[key], map) end
  end
  local fields = object.fields
  if not (map and map.fields ~= nil) and fields ~= nil and fields ~= core.null
    and type(fields) ~= "table" then
    member.fields = fields -- the codec says what is wrong with it
  end
  return member
end

--- Checks a map without a header to hold it against.
---@param map any
---@return sendcloud.Error|nil err
function columns.check_map(map)
  if map == nil then return nil end
  if type(map) ~= "table" then
    return errors.invalid("members.upsert", "map", "must be a table, column -> part")
  end
  for key, value in pairs(map) do
    local target, reason = target_of(value)
    if not target then
      return errors.invalid("members.upsert", "map." .. tostring(key), reason)
    end
  end
  return nil
end

return columns
