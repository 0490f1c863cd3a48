--- Free-form requests: what the library does not know yet, with its patience and its
--- errors.
--
-- Bodies are JSON by lua-cjson, through an encoder of our own: settings of the program's
-- do not change ours, nor ours theirs.

local answer = require "sendcloud.answer"
local call = require "sendcloud.call"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local options = require "sendcloud.options"

local request = {}

local OPERATION = "request"
local METHODS = {
  GET = "read", HEAD = "read", PUT = "convergent", DELETE = "convergent",
  POST = "additive", PATCH = "additive",
}
local CLASSES = { read = true, convergent = true, additive = true }
local KEYS = { method = true, path = true, query = true, body = true, class = true,
  deadline = true, timeout = true }

-- Provider -> what makes a kind of request -> its plan: what requests share is laid out once
-- for each of them.
local plans = setmetatable({}, { __mode = "k" })

local json -- made when it is first needed

local function codec()
  if not json then
    json = require("cjson").new()
    json.encode_max_depth(64)
    json.decode_max_depth(64)
    json.encode_sparse_array(false)
    json.encode_number_precision(14)
  end
  return json
end

local function invalid(parameter, reason)
  return errors.invalid(OPERATION, parameter, reason)
end

-- `a=1&b=2` in the order of the alphabet.
local function query_text(query)
  if query == nil then return "" end
  if type(query) ~= "table" then return nil, invalid("query", "must be a table") end
  local pairs_of = {}
  for name, value in pairs(query) do
    local kind = type(value)
    if type(name) ~= "string" or name == "" then
      return nil, invalid("query", "has a name that is no text")
    end
    if kind == "number" and (value ~= value or math.abs(value) == math.huge) then
      return nil, invalid("query." .. name, "must be a finite number")
    elseif kind == "number" and value % 1 == 0 and value > -2 ^ 53 and value < 2 ^ 53 then
      value = ("%d"):format(value)
    elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      return nil, invalid("query." .. name, "must be a text, a number or a boolean")
    end
    value = core.encode_path(tostring(value))
    pairs_of[#pairs_of + 1] = core.encode_path(name) .. "=" .. value
  end
  table.sort(pairs_of)
  return table.concat(pairs_of, "&")
end

local function body_text(body)
  if body == nil or type(body) == "string" then return body end
  if type(body) ~= "table" then
    return nil, invalid("body", "must be a table, or a text that is sent as it is")
  end
  local ok, text = pcall(codec().encode, body)
  if not ok then
    return nil, invalid("body", "cannot be written as JSON: " .. tostring(text))
  end
  if not core.utf8_length(text) then return nil, invalid("body", "is not UTF-8") end
  return text
end

local function check_path(path)
  if type(path) ~= "string" then
    return path == nil and "required" or "must be a text"
  end
  if path:sub(1, 1) ~= "/" then return "must begin with /" end
  if path:find("[%c%s]") then return "must not hold a space or a control character" end
  if path:find("[?#]") then return "must not hold ? or #: a query goes into query" end
  for part in path:gmatch("[^/]+") do
    if part == "." or part == ".." then return "must not hold . or .. as a part" end
  end
end

-- lua-cjson makes every number a float: whole ones become integers again, where there are
-- any.
local function with_integers(value)
  if type(value) == "table" then
    for key, inner in pairs(value) do
      if type(inner) == "table" or type(inner) == "number" then
        value[key] = with_integers(inner)
      end
    end
  elseif type(value) == "number" and value > -2 ^ 53 and value < 2 ^ 53 then
    return math.tointeger(value) or value
  end
  return value
end

-- The body of a good answer: decoded JSON, or true where there is none.
local function read(plan, response)
  local err = answer.check(plan, response)
  if err then return nil, err end
  local text = tostring(response.body or "")
  if text:find("^%s*$") then return { value = true, response = response } end
  local ok, value = pcall(codec().decode, text)
  if not ok then return nil, answer.unreadable(plan, response, nil, "no JSON") end
  if math.tointeger then value = with_integers(value) end
  return { value = value, response = response }
end

local function check(given)
  local err = options.unknown(OPERATION, given, KEYS)
    or options.seconds(OPERATION, given, "deadline", "timeout")
  if err then return err end
  local method = given.method == nil and "GET" or given.method
  if type(method) ~= "string" or not METHODS[method:upper()] then
    return invalid("method", "must be GET, POST, PUT, PATCH, DELETE or HEAD")
  end
  if given.class ~= nil and not CLASSES[given.class] then
    return invalid("class", 'must be "read", "convergent" or "additive"')
  end
  local wrong_path = check_path(given.path)
  if wrong_path then return invalid("path", wrong_path) end
end

local function plan_of(provider, method, class, has_body)
  local made = plans[provider]
  if not made then
    made = {}
    plans[provider] = made
  end
  local key = method .. " " .. class .. (has_body and " body" or "")
  local found = made[key]
  if not found then
    found = {
      operation = OPERATION, provider = provider, row = { method = method, class = class },
      content_type = has_body and provider.content_type or nil,
    }
    made[key] = found
  end
  return found
end

--- Sends a request that no operation describes.
---@param state table
---@param given sendcloud.RequestOptions POST and PATCH are repeated only if they were
---  not sent, unless `class` says that a repeat does no harm
---@return any body     the decoded answer (`sendcloud.null` for a JSON null), true for an
---  empty one
---@return sendcloud.Error|integer err_or_status
---@return table<string, string>? headers names in lower case
function request.run(state, given)
  local err = check(given)
  if err then return nil, err end
  local method = (given.method or "GET"):upper()
  local query, body
  query, err = query_text(given.query)
  if not query then return nil, err end
  body, err = body_text(given.body)
  if err then return nil, err end
  local plan = plan_of(state.config.provider, method, given.class or METHODS[method],
    body ~= nil)
  local result
  result, err = call.exchange(state, plan, {
    method = method, path = given.path, query = query, body = body,
  }, {
    deadline = given.deadline, timeout = given.timeout,
    read = function(response) return read(plan, response) end,
  }, type(given.body) == "table" and given.body or nil)
  if not result then return nil, err end
  return result.value, result.response.status, result.response.headers
end

return request
