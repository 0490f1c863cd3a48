--- Which column of a file is what: headers matched to the parts of a member.
--
-- English and Chinese headers are known without regard to case, spaces and punctuation;
-- `map` says otherwise. A column that is nothing else becomes a field of its own name, one
-- without a name is left out.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local nearest = require "sendcloud.nearest"
local space = require "sendcloud.space"

local columns = {}

-- Headers as they are after `plain`.
local KNOWN = {
  email = {
    "email", "emails", "mail", "emailaddress", "mailaddress", "emailid",
    "邮箱", "邮箱地址", "电子邮箱", "电子邮件", "电子邮件地址", "邮件", "邮件地址", "email地址",
    "信箱", "電子郵件", "電子郵件地址", "電子信箱", "郵箱", "郵件地址",
  },
  phone = {
    "phone", "phonenumber", "phoneno", "mobile", "mobilephone", "mobilenumber", "tel",
    "telephone", "telephonenumber", "cell", "cellphone",
    "电话", "电话号码", "手机", "手机号", "手机号码", "联系电话", "移动电话",
    "電話", "電話號碼", "手機", "手機號", "手機號碼", "聯絡電話",
  },
  name = {
    "name", "fullname", "nickname", "displayname", "contactname",
    "姓名", "名字", "名称", "昵称", "联系人", "名稱", "暱稱", "聯絡人",
  },
  tags = {
    "tags", "tag", "tagnames", "label", "labels",
    "标签", "标签名", "标签名称", "標籤", "標籤名稱",
  },
}

local PART = {} -- plain header -> part
for part, headers in pairs(KNOWN) do
  for _, header in ipairs(headers) do PART[header] = part end
end

local FIELD = "^fields%.(.+)$"
-- What a file of refused rows begins with: such a file is read back as it was.
local REJECTS = { "line", "address", "reason" }

local LONGEST_SHOWN = 200 -- bytes of the list of columns in a message

-- A header without what people write differently.
local function plain(header)
  return (header:lower():gsub("[%s_%-.:*()]+", ""):gsub("\239\188\154$", ""))
end

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
  if KNOWN[value] then return { part = value } end
  local field = value:match(FIELD)
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
    by_name[plain(header[index])] = index
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
      index = by_name[key] or by_name[plain(key)]
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
    if taken[target.part] and KNOWN[target.part] and target.part ~= "tags" then
      return nil, ("columns %d and %d are both %s"):format(
        math.min(index, taken[target.part]), math.max(index, taken[target.part]),
        target.part)
    end
    taken[target.part] = index
  end
  for index, name in ipairs(header) do
    if not targets[index] then
      local part = PART[plain(name)]
      if part and not taken[part] then
        taken[part] = index
        targets[index] = { part = part }
      elseif name:find("^%s*$") then
        targets[index] = { part = "none" }
      else
        targets[index] = { part = "field", field = name:match(FIELD) or name }
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

-- Keys of a member as the library gives it: read back they say nothing new.
local OWN = {
  id = true, tag_ids = true, list_id = true, user_id = true, create_time = true,
  update_time = true, unsubscribe_time = true, create_time_fmt = true,
  update_time_fmt = true, unsubscribe_time_fmt = true,
}

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
  elseif OWN[key] then
    return
  else
    local part = PART[plain(key)]
    target = part and member[part] == nil and { part = part }
      or { part = "field", field = key:match(FIELD) or key }
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
    if not KNOWN[key] then place(member, key, object[key], map) end
  end
  local fields = object.fields
  if not (map and map.fields ~= nil) and fields ~= nil and fields ~= core.null
    and type(fields) ~= "table" then
    member.fields = fields -- the codec says what is wrong with it
  end
  return member
end

--- The field that a column of an export shows: `fields.X` or plainly its name.
---@param name string
---@return string
function columns.field_of(name)
  return name:match(FIELD) or name
end

--- The header of a field's column, such that it is read back as that field.
---@param field string
---@return string
function columns.header_of(field)
  local taken = PART[plain(field)] or OWN[field] or field:find("^fields%.")
    or field ~= space.trim(field)
  return taken and "fields." .. field or field
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
