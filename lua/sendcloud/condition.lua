--- Conditions: what the service filters members by, and what a segment is made of.
--
--   where.Email:contains "qq.com" * where.Age:ge(18)
--
-- A condition is 1 to 10 items, all joined by "and" or all by "or"; it looks like the
-- plain table that is taken in its place:
--
--   { relation = "and", items = { { field = "Age", op = ">=", value = 18 } } }
--
-- Building one never fails on data: `normalise` checks it, condition or plain table, when
-- a call uses it, under the rules of that operation. Which operator goes with which field
-- is the service's to say (its page on that is not public).

local errors = require "sendcloud.errors"
local nearest = require "sendcloud.nearest"
local text = require "sendcloud.condition_text"

local condition = {}

local MOST_ITEMS = 10
local OUTCOMES = { "sent", "opened", "clicked", "not_opened", "not_clicked", "not_sent" }
local MIXED = "`and` and `or` cannot be mixed in one condition"
local EMPTY = "a condition without items cannot be joined to others"

---@class sendcloud.ConditionItem
---@field field string
---@field op string           == != > >= < <= exist contain "does not contain"
---@field value string|number|boolean|nil
---@field campaign integer|string|nil

---@class sendcloud.Condition
---@field relation? "and"|"or"
---@field items sendcloud.ConditionItem[]
---@operator mul(sendcloud.Condition): sendcloud.Condition
---@operator add(sendcloud.Condition): sendcloud.Condition
---@operator band(sendcloud.Condition): sendcloud.Condition
---@operator bor(sendcloud.Condition): sendcloud.Condition
local Condition = {}

---@class sendcloud.Field
---@field eq fun(self, value: string|number|boolean): sendcloud.Condition
---@field ne fun(self, value: string|number|boolean): sendcloud.Condition
---@field gt fun(self, value: string|number): sendcloud.Condition
---@field ge fun(self, value: string|number): sendcloud.Condition
---@field lt fun(self, value: string|number): sendcloud.Condition
---@field le fun(self, value: string|number): sendcloud.Condition
---@field exists fun(self, value?: string|boolean): sendcloud.Condition not in segments
---@field contains fun(self, value: string|number): sendcloud.Condition
---@field not_contains fun(self, value: string|number): sendcloud.Condition
local Field = {}
Field.__index = Field
Field.__name = "sendcloud.field"

-- A table in the place of a condition, or of one item.
local function is_plain(value)
  if type(value) ~= "table" then return false end
  local meta = getmetatable(value)
  return meta ~= Condition and meta ~= Field
end

-- The length of a list, or nil and what is wrong with it. A hole must not shorten it:
-- that would make a condition wider than it was meant.
local function length(list)
  local count, highest = 0, 0
  for key in pairs(list) do
    if type(key) ~= "number" or key < 1 or key ~= math.floor(key) then
      return nil, "must be a list, it has the key " .. nearest.shown(key)
    end
    count, highest = count + 1, math.max(highest, key)
  end
  if highest > count then return nil, "must be a list without holes" end
  return count
end

-- Values --------------------------------------------------------------------------------

-- 1.5e-7 as 0.00000015: the service knows no exponents.
local function without_exponent(digits)
  local sign, whole, fraction, exponent = digits:match("^(%-?)(%d)%.?(%d*)e([+-]%d+)$")
  if not sign then return digits end
  exponent = tonumber(exponent)
  if exponent < 0 then
    return sign .. "0." .. ("0"):rep(-exponent - 1) .. whole .. fraction
  end
  local missing = exponent - #fraction
  if missing >= 0 then return sign .. whole .. fraction .. ("0"):rep(missing) end
  return sign .. whole .. fraction:sub(1, exponent) .. "." .. fraction:sub(exponent + 1)
end

local function number_text(value)
  if value ~= value or value == math.huge or value == -math.huge then
    return nil, "must be a finite number"
  end
  -- 2^53: up to there a double holds every integer, and %d takes it on every Lua.
  if math.type and math.type(value) == "integer"
    or value == math.floor(value) and math.abs(value) < 2 ^ 53 then
    return ("%d"):format(value)
  end
  local digits
  for precision = 14, 17 do
    digits = ("%." .. precision .. "g"):format(value):gsub(",", ".")
    if tonumber(digits) == value then break end
  end
  return without_exponent(digits)
end

local function value_text(item)
  local value = item.value
  if type(value) == "string" then return value end
  if type(value) == "number" then return number_text(value) end
  if type(value) == "boolean" then return tostring(value) end
  if value == nil then
    -- The service wants a value even here, and does not say which.
    if text.operators[item.op] == "exist" then return "true" end
    return nil, "required"
  end
  return nil, "must be a string, a number or a boolean, got " .. type(value)
end

-- Building ------------------------------------------------------------------------------

local function new(relation, items, fault)
  return setmetatable({ relation = relation, items = items, fault = fault }, Condition)
end

--- Everybody: what delete_where takes for a deletion without a condition.
---@type sendcloud.Condition
condition.everyone = setmetatable({ items = {} }, Condition)

-- Adds the items of part, a condition or a table like one; the reason that it cannot.
local function add(items, part, relation)
  if part == condition.everyone then return "everyone cannot be joined to a condition" end
  local count, reason = length(part.items)
  if not count then return "items " .. reason end
  -- An empty `any` fits nobody or everybody, whom one asks: left out without a word, it
  -- would make the rest wider than it was meant.
  if count == 0 and not part.fault then return EMPTY end
  for index = 1, count do items[#items + 1] = part.items[index] end
  if count > 1 and part.relation ~= relation then return MIXED end
  return part.fault
end

-- One condition of several: conditions, tables like them, or items; nil for what is none.
local function join(relation, list, count)
  local items, fault = {}, nil
  for index = 1, count do
    local part = list[index]
    if type(part) ~= "table" or getmetatable(part) == Field then return nil end
    if type(part.items) == "table" then
      fault = fault or add(items, part, relation)
    else
      items[#items + 1] = part
    end
  end
  return new(relation, items, fault)
end

local function operator(relation, sign)
  return function(left, right)
    local joined = join(relation, { left, right }, 2)
    if not joined then
      errors.misuse(("conditions stand on both sides of %s, like where.Age:ge(18)")
        :format(sign))
    end
    return joined
  end
end

Condition.__mul, Condition.__band = operator("and", "*"), operator("and", "&")
Condition.__add, Condition.__bor = operator("or", "+"), operator("or", "|")
Condition.__name = "sendcloud.condition"

--- The text that where.parse reads back.
function Condition:__tostring()
  if self == condition.everyone then return "everyone" end
  if self.fault then return "(no condition: " .. self.fault .. ")" end
  local items = {}
  for index, item in ipairs(self.items) do
    items[index] = is_plain(item) and {
      field = item.field, op = text.operators[item.op] or item.op,
      value = value_text(item) or tostring(item.value),
      campaign = type(item.campaign) == "number" and number_text(item.campaign)
        or item.campaign,
    } or {}
  end
  return text.format(self.relation, items)
end

local METHODS = {
  eq = "==", ne = "!=", gt = ">", ge = ">=", lt = "<", le = "<=",
  exists = "exist", contains = "contain", not_contains = "does not contain",
}
for method, op in pairs(METHODS) do
  Field[method] = function(self, value)
    errors.check_self(getmetatable(self) == Field,
      ("where.Email:%s(%s)"):format(method, op == "exist" and "" or "value"))
    return new(nil, {
      { field = self.name, op = op, value = value, campaign = self.campaign },
    })
  end
end

---@class sendcloud.Campaign: sendcloud.Field
---@field sent fun(self): sendcloud.Condition
---@field opened fun(self): sendcloud.Condition
---@field clicked fun(self): sendcloud.Condition
---@field not_opened fun(self): sendcloud.Condition
---@field not_clicked fun(self): sendcloud.Condition
---@field not_sent fun(self): sendcloud.Condition
for _, outcome in ipairs(OUTCOMES) do
  Field[outcome] = function(self)
    errors.check_self(getmetatable(self) == Field and self.campaign ~= nil,
      ("where.campaign(1234):%s()"):format(outcome))
    return new(nil, { { field = "campaign", op = "==", value = outcome,
      campaign = self.campaign } })
  end
end

---@class sendcloud.Where
---@field [string] sendcloud.Field
local where = {}

--- A field by any name: `where.field("0517"):contains "campaign-2022"`.
---@param name string Email, Name, Phone, tag … or the name of an own field
---@return sendcloud.Field
function where.field(name)
  errors.check_type(name, "string", "the field's name")
  return setmetatable({ name = name }, Field)
end

--- What became of a campaign: `where.campaign(1234):opened()`. Only in segments, and
-- there only beside other campaigns.
---@param id integer|string the campaign must be sending or finished
---@return sendcloud.Campaign
function where.campaign(id)
  if type(id) ~= "string" then errors.check_type(id, "number", "the campaign's id") end
  return setmetatable({ name = "campaign", campaign = id }, Field)
end

local function joiner(relation, name)
  return function(list)
    errors.check_type(list, "table", "the list of conditions")
    if not is_plain(list) then
      errors.misuse(("where.%s takes a list: where.%s{ a, b }"):format(name, name))
    end
    local count, reason = length(list)
    if not count then return new(relation, {}, reason) end
    local joined = join(relation, list, count)
    if not joined then
      errors.misuse(("where.%s takes a list of conditions"):format(name))
    end
    return joined
  end
end

--- All of the conditions in the list: relation "and".
---@type fun(list: sendcloud.Condition[]): sendcloud.Condition
where.all = joiner("and", "all")

--- Any of the conditions in the list: relation "or".
---@type fun(list: sendcloud.Condition[]): sendcloud.Condition
where.any = joiner("or", "any")

--- The condition that a text describes, for the command line and configuration:
-- `Email contain "qq.com" and Age >= 18`. condition_text.lua has the grammar.
---@param source string
---@return sendcloud.Condition|nil
---@return sendcloud.Error? err `invalid`, with the place
function where.parse(source)
  errors.check_type(source, "string", "the text of a condition")
  local parsed, reason = text.parse(source)
  if not parsed then return nil, errors.invalid(nil, "where", reason) end
  return new(parsed.relation, parsed.items)
end

condition.where = setmetatable(where, {
  __index = function(_, name)
    if type(name) ~= "string" then errors.misuse("where takes the name of a field") end
    return where.field(name)
  end,
  __newindex = function() errors.misuse("where cannot be changed") end,
  __name = "sendcloud.where",
})

-- Checking ------------------------------------------------------------------------------

local OPERATORS = [[must be one of == != > >= < <= exist contain "does not contain"]]
local ITEM_KEYS = { field = true, op = true, value = true, campaign = true }
local CONDITION_KEYS = { relation = true, items = true }

local function unknown_key(value, known)
  for key in pairs(value) do
    if not known[key] and not (key == "fault" and getmetatable(value) == Condition) then
      return key
    end
  end
end

-- A name for a message: keys can be anything.
local function key_path(path, key)
  if type(key) == "string" then return path .. "." .. nearest.shown(key) end
  return ("%s[%s]"):format(path, nearest.shown(key))
end

local function campaign_id(id)
  if type(id) == "string" and id:find("^%d+$") then
    -- Doubles end at 2^53; beyond it the id would silently be another.
    local number = math.tointeger and math.tointeger(tonumber(id)) or tonumber(id)
    if number and ("%d"):format(number) == id:gsub("^0+(%d)", "%1") then id = number end
  end
  local exact = type(id) == "number" and id >= 1 and id == math.floor(id)
    and (id < 2 ^ 53 or math.type and math.type(id) == "integer")
  return exact and id or nil, not exact and "must be the integer id of a campaign" or nil
end

-- The item of a campaign as it is sent.
local function check_campaign(item, op, rules)
  if not rules.campaign then
    return nil, "a campaign can be used only in the condition of a segment", "field"
  elseif item.field ~= nil and item.field ~= "campaign" then
    return nil, 'goes only with the field "campaign"', "campaign"
  elseif op ~= "==" then
    return nil, "the operator of a campaign must be ==", "op"
  elseif item.campaign == nil then
    return nil, "required with the field \"campaign\"", "campaign"
  end
  local id, reason = campaign_id(item.campaign)
  if not id then return nil, reason, "campaign" end
  for name, wire in pairs(rules.campaign) do
    if item.value == name or item.value == wire then
      return { field = "campaign", op = op, value = wire, campaign = id }
    end
  end
  return nil, "must be one of " .. table.concat(OUTCOMES, ", "), "value"
end

local function check_item(item, rules)
  if not is_plain(item) then
    if getmetatable(item) == Field then return nil, "an operator is missing" end
    return nil, "must be an item { field =, op =, value = }, got " .. type(item)
  end
  local key = unknown_key(item, ITEM_KEYS)
  if key ~= nil then return nil, nearest.unknown(key, ITEM_KEYS), key end
  if item.op == nil then return nil, "required", "op" end
  local op = text.operators[item.op]
  if not op then
    local guess = nearest.name(item.op, text.operators)
    return nil, guess and nearest.unknown(item.op, text.operators) or OPERATORS, "op"
  end
  if item.field == "campaign" or item.campaign ~= nil then
    return check_campaign(item, op, rules)
  end
  if type(item.field) ~= "string" or item.field == "" then
    return nil, item.field == nil and "required" or "must be the name of a field", "field"
  end
  if op == "exist" and not rules.exists then
    return nil, "`exists` cannot be used in a segment", "op"
  end
  local value, reason = value_text(item)
  if not value then return nil, reason, "value" end
  return { field = item.field, op = op, value = value }
end

local function check_items(items, rules)
  local path = "where.items"
  -- Why there must be a condition at all is worth telling to who gave an empty one.
  local why = type(rules.required) == "string" and ": " .. rules.required or ""
  if not is_plain(items) then
    return nil, items == nil and "required" .. why or "must be a list of items", path
  end
  local count, hole = length(items)
  if not count then
    return nil, hole, path
  elseif count > MOST_ITEMS then
    return nil, ("at most %d items, got %d"):format(MOST_ITEMS, count), path
  elseif count == 0 then
    return nil, "at least 1 item, got 0" .. why, path
  end
  local checked, campaigns = {}, 0
  for index = 1, count do
    local at = ("%s[%d]"):format(path, index)
    local item, reason, key = check_item(items[index], rules)
    if not item then return nil, reason, key ~= nil and key_path(at, key) or at end
    if item.campaign then campaigns = campaigns + 1 end
    checked[index] = item
  end
  if campaigns > 0 and campaigns < count then
    return nil, "campaigns and fields cannot be in one condition", path
  end
  return checked
end

local function not_a_condition(value)
  if getmetatable(value) == Field or value == where then
    return "an operator is missing, as in where.Email:eq(value)"
  elseif type(value) == "string" then
    return "must be a condition: sendcloud.where.parse makes one of a text"
  end
  return "must be a condition, got " .. type(value)
end

---@class sendcloud.WhereRules
---@field required? boolean|string  true, or why there must be a condition
---@field everyone? boolean         `everyone` is taken although a condition is required
---@field exists? boolean           the operator `exists` is known
---@field campaign? table<string, string> outcomes of a campaign, Lua name → wire

--- Checks a condition under an operation's rules and makes it ready for a request's body.
---@param value sendcloud.Condition|table|nil
---@param rules sendcloud.WhereRules
---@return { relation: "and"|"or", items: sendcloud.ConditionItem[] }|nil plain
---  nil without a reason: no condition is to be sent
---@return string? reason
---@return string? parameter its path, "where.items[2].op"
function condition.normalise(value, rules)
  if value == nil then
    local reason = rules.required
    if not reason then return nil end
    return nil, reason == true and "required" or "required: " .. reason, "where"
  elseif value == condition.everyone then
    if rules.required and not rules.everyone then
      return nil, "must have items, everyone has none", "where"
    end
    return nil
  elseif getmetatable(value) ~= Condition and not is_plain(value) or value == where then
    return nil, not_a_condition(value), "where"
  end
  if value.items == nil and (value.field or value.op or value[1]) ~= nil then
    return nil, 'must be { relation = "and", items = { … } }: an item goes into items', "where"
  end
  local key = unknown_key(value, CONDITION_KEYS)
  if key ~= nil then
    return nil, nearest.unknown(key, CONDITION_KEYS), key_path("where", key)
  end
  local fault = getmetatable(value) == Condition and value.fault
  if fault then return nil, fault, "where" end
  local items, reason, path = check_items(value.items, rules)
  if not items then return nil, reason, path end
  local relation = value.relation
  if relation == nil and #items == 1 then relation = "and" end
  if relation ~= "and" and relation ~= "or" then
    local wrong = relation == nil and "required" or 'must be "and" or "or"'
    return nil, wrong, "where.relation"
  end
  return { relation = relation, items = items }
end

--- Whether a segment of this condition is one by field or by campaign.
---@param plain { items: sendcloud.ConditionItem[] } what `normalise` gave
---@return "field"|"campaign"
function condition.kind(plain)
  return plain.items[1].campaign and "campaign" or "field"
end

-- Reading back --------------------------------------------------------------------------

--- Puts the outcomes of campaigns in a segment that was read into Lua's words, in place.
---@param segment table
---@param outcomes table<string, string> Lua name → wire
function condition.read_segment(segment, outcomes)
  for _, item in ipairs(segment.conditions or {}) do
    for name, wire in pairs(item.field == "campaign" and outcomes or {}) do
      if item.value == wire then
        item.value = name
        break
      end
    end
  end
end

--- The condition of a segment that was read: it can be sent back.
---@param segment table with `relation` and `conditions`
---@return sendcloud.Condition|nil condition nil when it has no items
function condition.from_segment(segment)
  local items = {}
  for index, item in ipairs(segment.conditions or {}) do
    items[index] = {
      field = item.field, op = item.op, value = item.value, campaign = item.campaign,
    }
  end
  if #items == 0 then return nil end
  return new(segment.relation, items)
end

return condition
