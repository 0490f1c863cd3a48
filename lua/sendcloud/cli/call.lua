--- `sendcloud call OPERATION …`: any operation by its name, from JSON or from key=value.

local cjson = require "cjson"
local sendcloud = require "sendcloud"
local common = require "sendcloud.cli.common"
local output = require "sendcloud.cli.output"

local json = cjson.new()

-- What a plain text means under these names; under all others it is a text.
local NUMBER = { offset = true, count = true }
local BOOLEAN = { update_existing = true }
local LIST = { members = true, member_ids = true, tags = true, fields = true }
local TRUTH = { ["true"] = true, ["false"] = false }

local function decode(name, text)
  local ok, value = pcall(json.decode, text)
  if ok then return value end
  return nil, common.invalid(name, "is no JSON: "
    .. (tostring(value):gsub("^.-: ", "", 1)))
end

local function listed(name, text)
  if text:find("^%s*[%[{]") then return decode(name, text) end
  local list = {}
  for part in text:gmatch("[^,]+") do list[#list + 1] = part end
  return list
end

-- The value of `name=text`.
local function value_of(name, text)
  if name == "where" then return sendcloud.where.parse(text) end
  if NUMBER[name] then return tonumber(text) or text end
  if BOOLEAN[name] and TRUTH[text] ~= nil then return TRUTH[text] end
  if LIST[name] then return listed(name, text) end
  return text
end

-- One argument into the parameters: a JSON object, `name=text` or `name:=JSON`.
local function take(parameters, argument)
  if argument == "-" then argument = io.read("*a") end
  if argument:find("^%s*{") then
    local object, err = decode("parameters", argument)
    if not object then return err end
    for name, value in pairs(object) do parameters[name] = value end
    return nil
  end
  local name, raw, text = argument:match("^([%w_]+)(:?)=(.*)$")
  if not name then
    return common.invalid("parameters", "must be a JSON object, name=text or name:=JSON")
  end
  local err
  if raw == ":" then
    parameters[name], err = decode(name, text)
  else
    parameters[name], err = value_of(name, text)
  end
  return err
end

local function show(options, operation, result)
  if type(result) ~= "table" then return output.values(options, { { "result", result } }) end
  if getmetatable(result) ~= "sendcloud.page" then return output.record(options, result) end
  local room = operation:find("members$") and "members" or operation:match("^%a+")
  local at = 0
  output.records(options, common.COLUMNS[room], function()
    at = at + 1
    return result[at]
  end)
end

return function(client, options)
  local parameters = {}
  for _, argument in ipairs(options.parameter) do
    local err = take(parameters, argument)
    if err then return nil, err end
  end
  if type(parameters.where) == "string" then
    local err
    parameters.where, err = sendcloud.where.parse(parameters.where)
    if err then return nil, err end
  end
  local result, err = client:call(options.operation, parameters)
  if result == nil then return nil, err end
  show(options, options.operation, result)
  return type(result) == "table" and (result.error_count or 0) > 0 and "refused" or true
end
