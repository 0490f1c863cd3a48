-- What the specs of the rules share: requests in either dialect against one box, bodies as tables.

local cjson = require("cjson").new()
local tools = require "spec.sandbox.tools"

local rules = { null = cjson.null, list = setmetatable({}, { __name = "empty list" }) }

-- Lists that are empty, marked so that json() can write what lua-cjson cannot say.
local function replace_lists(value)
  if value == rules.list then return "\1[]" end
  if type(value) ~= "table" then return value end
  local copy = {}
  for k, v in pairs(value) do copy[k] = replace_lists(v) end
  return copy
end

-- JSON of a body; a text goes as it is.
local function json(body)
  if body == nil or type(body) == "string" then return body end
  return (cjson.encode(replace_lists(body)):gsub('"\\u0001%[%]"', "[]"))
end

local function decode(body)
  local ok, value = pcall(cjson.decode, body)
  if ok then return value end
  return body
end

-- SendCloud: status, decoded body (or text), headers.
function rules.sc(box, method, path, body)
  local status, text, headers = tools.ask(box, method, "/marketing/lists/" .. path, json(body))
  return status, decode(text), headers
end

-- EngageLab, the same.
function rules.el(box, method, path, body)
  local status, text, headers = tools.ask(box, method, "/v1/marketing/lists/" .. path, json(body),
    { "Authorization: Basic " .. tools.token(box) })
  return status, decode(text), headers
end

-- Upserts members through SendCloud's dialect; the answer.
function rules.upsert(box, members, flag, update_existing)
  if update_existing == nil then update_existing = true end
  local status, answer = rules.sc(box, "POST", "members",
    { members = members, tagFlag = flag or 1, updateExisting = update_existing })
  assert(status == 200, tostring(status) .. " " .. json(answer))
  return answer
end

-- One contact through SendCloud's dialect, by address.
function rules.find(box, email)
  local _, answer = rules.sc(box, "POST", "listMembers", { condition = { relation = "and",
    items = { { fieldName = "Email", op = "==", value = email } } } })
  return answer.list[1]
end

-- Names before the @ of who matches { field, op, value } … ("and"), in alphabetical order.
function rules.match(box, relation, ...)
  local items = {}
  for i, item in ipairs { ... } do items[i] = { fieldName = item[1], op = item[2], value = item[3] } end
  local status, answer = rules.sc(box, "POST", "listMembers?count=100",
    { condition = { relation = relation, items = items } })
  if status ~= 200 then return ("%d %s: %s"):format(status, answer.error.parameter, answer.error.message) end
  local names = {}
  for i, member in ipairs(answer.list) do names[i] = member.email:match("^[^@]*") end
  assert(#names == answer.total)
  table.sort(names)
  return table.concat(names, " ")
end

-- Switches the box to the choice for the rest of the test.
function rules.switch(box, name, value)
  assert(box.core:switch(name, value))
end

return rules
