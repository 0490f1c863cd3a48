--- Conditions as text: `Email contain "qq.com" and Age >= 18`.
--
--   condition = item { "and" item } | item { "or" item }
--   item      = field operator value | field "exist" [value]
--             | "campaign" "(" id ")" ( outcome | operator value )
--   operator  = "==" "!=" ">" ">=" "<" "<=" "contain" "does not contain" "exist"
--
-- A field or value is a word, or a string in double or single quotes with the escapes
-- \n \r \t \\ \" \'. A word ends at white space and at any of " ' ( ) & | = ! < > ~.
-- What `format` writes, `parse` reads back as the same items; `parse` also takes the
-- spellings that are easily mixed up (= ~= contains "not contain" exists && || AND).

local nearest = require "sendcloud.nearest"

local unpack = table.unpack or unpack

local text = {}

--- Every spelling of an operator that is taken, and the one that is told back.
---@type table<string, string>
text.operators = {
  ["=="] = "==", ["="] = "==", eq = "==",
  ["!="] = "!=", ["~="] = "!=", ["<>"] = "!=", ne = "!=",
  [">"] = ">", gt = ">", [">="] = ">=", ge = ">=",
  ["<"] = "<", lt = "<", ["<="] = "<=", le = "<=",
  exist = "exist", exists = "exist",
  contain = "contain", contains = "contain",
  ["does not contain"] = "does not contain", ["not contain"] = "does not contain",
  ["not contains"] = "does not contain", not_contains = "does not contain",
}

local ESCAPES = { n = "\n", r = "\r", t = "\t", ["\\"] = "\\", ['"'] = '"', ["'"] = "'" }
local ESCAPED = {
  ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"',
}
local JOINERS = {
  ["and"] = "and", ["&"] = "and", ["&&"] = "and",
  ["or"] = "or", ["|"] = "or", ["||"] = "or",
}

-- Writing -------------------------------------------------------------------------------

local function quoted(value)
  return '"' .. value:gsub('[\n\r\t\\"]', ESCAPED) .. '"'
end

local function field_text(field)
  local bare = field:find("^[A-Za-z0-9_\128-\255]+$") and not JOINERS[field:lower()]
  return bare and field or quoted(field)
end

local function value_text(value)
  local number = value:find("^%-?%d+$") or value:find("^%-?%d+%.%d+$")
  return number and value or quoted(value)
end

local function item_text(item)
  local op, value = tostring(item.op), tostring(item.value)
  local field = field_text(tostring(item.field))
  if item.campaign ~= nil then
    field = ("campaign(%s)"):format(tostring(item.campaign))
    if op == "==" and value:find("^[a-z_]+$") then return field .. " " .. value end
  end
  if op == "exist" and value == "true" then return field .. " exist" end
  return field .. " " .. op .. " " .. value_text(value)
end

--- The text of a condition.
---@param relation? "and"|"or"
---@param items sendcloud.ConditionItem[] values as text already
---@return string
function text.format(relation, items)
  local parts = {}
  for index, item in ipairs(items) do parts[index] = item_text(item) end
  return table.concat(parts, " " .. (relation or "and") .. " ")
end

-- Reading -------------------------------------------------------------------------------

-- Problems travel as this, raised and caught inside `parse`.
local Problem = {}

local function fail(place, format, ...)
  local shown = {}
  for index, word in ipairs { ... } do shown[index] = nearest.shown(word) end
  error(setmetatable({ reason = format:format(unpack(shown)), place = place }, Problem), 0)
end

local function read_string(source, start)
  local quote, parts, at = source:sub(start, start), {}, start + 1
  while true do
    local plain, stop = source:match("^([^\\\"']*)()", at)
    parts[#parts + 1] = plain
    local char = source:sub(stop, stop)
    if char == "" then fail(start, "the string that begins here does not end") end
    if char == quote then return table.concat(parts), stop + 1 end
    if char == "\\" then
      local escape = ESCAPES[source:sub(stop + 1, stop + 1)]
      if not escape then fail(stop, [[an escape is one of \n \r \t \\ \" \']]) end
      parts[#parts + 1], at = escape, stop + 2
    else
      parts[#parts + 1], at = char, stop + 1
    end
  end
end

-- Tokens: { kind = "word"|"string"|"symbol"|"end", text =, place = }.
local function tokens_of(source)
  local tokens, at = {}, 1
  while true do
    at = source:match("^%s*()", at)
    local char = source:sub(at, at)
    local token = { place = at }
    if char == "" then
      token.kind, token.text = "end", "the end"
    elseif char == '"' or char == "'" then
      token.kind = "string"
      token.text, at = read_string(source, at)
    else
      token.kind = "word"
      token.text = source:match("^[^%s\"'()&|=!<>~]+", at)
      if not token.text then
        token.kind = "symbol"
        token.text = source:match("^[=!<>~]+", at) or source:match("^[&|]+", at) or char
      end
      at = at + #token.text
    end
    tokens[#tokens + 1] = token
    if token.kind == "end" then return tokens end
  end
end

local Reader = {}
Reader.__index = Reader

function Reader:peek()
  return self.tokens[self.at]
end

function Reader:take()
  local token = self.tokens[self.at]
  if token.kind ~= "end" then self.at = self.at + 1 end
  return token
end

function Reader:joiner()
  local token = self:peek()
  return token.kind ~= "string" and JOINERS[token.text:lower()] or nil
end

function Reader:name(what)
  local token = self:take()
  if token.kind == "symbol" and token.text == "(" then
    fail(token.place, "parentheses are not known: one relation joins all the items")
  end
  if token.kind ~= "word" and token.kind ~= "string" then
    fail(token.place, "expected %s, found %s", what, token.text)
  end
  return token.text, token
end

-- An operator of one to three words.
function Reader:operator(field)
  local token = self:take()
  local spelling = token.text:lower()
  if token.kind == "word" and (spelling == "does" or spelling == "not") then
    while self:peek().kind == "word" and not text.operators[spelling]
      and #spelling < #"does not contain" do
      spelling = spelling .. " " .. self:take().text:lower()
    end
  end
  local op = token.kind ~= "string" and text.operators[spelling]
  if not op then
    fail(token.place, "expected an operator after %s, found %s", field, spelling)
  end
  return op
end

function Reader:campaign()
  local open = self.tokens[self.at + 1]
  local token = self:peek()
  if token.kind ~= "word" or token.text:lower() ~= "campaign" or open.text ~= "("
    or open.kind ~= "symbol" then
    return nil
  end
  self.at = self.at + 2
  local id, id_token = self:name("the campaign's id")
  if not id:find("^%d+$") then fail(id_token.place, "a campaign's id is an integer") end
  local close = self:take()
  if close.text ~= ")" or close.kind ~= "symbol" then
    fail(close.place, "expected ) after the campaign's id")
  end
  return id
end

function Reader:item()
  local id = self:campaign()
  local item = { field = "campaign", campaign = id }
  local after = "campaign"
  if id then
    local token = self:peek()
    if token.kind == "word" and not text.operators[token.text:lower()]
      and token.text:lower() ~= "does" and token.text:lower() ~= "not" then
      item.op, item.value = "==", self:take().text
      return item
    end
  else
    item.field = self:name("a field")
    after = item.field
  end
  item.op = self:operator(after)
  local next_token = self:peek()
  if item.op == "exist" and (next_token.kind == "end" or self:joiner()) then
    return item
  end
  if self:joiner() then
    fail(next_token.place, "expected a value, found %s", next_token.text)
  end
  item.value = self:name("a value")
  return item
end

local function read(source)
  local reader = setmetatable({ tokens = tokens_of(source), at = 1 }, Reader)
  local items, relation = { reader:item() }, nil
  while reader:peek().kind ~= "end" do
    local token = reader:peek()
    local joiner = reader:joiner()
    if not joiner then fail(token.place, "expected and, or, or the end") end
    if relation and joiner ~= relation then
      fail(token.place, "`and` and `or` cannot be mixed in one condition")
    end
    relation = joiner
    reader:take()
    items[#items + 1] = reader:item()
  end
  return { relation = relation, items = items }
end

--- The items of a text.
---@param source string
---@return { relation?: "and"|"or", items: sendcloud.ConditionItem[] }|nil
---@return string? reason names the place, counted in bytes from 1
function text.parse(source)
  local ok, result = pcall(read, source)
  if ok then return result end
  if getmetatable(result) ~= Problem then error(result, 0) end
  return nil, ("%s (at byte %d)"):format(result.reason, result.place)
end

return text
