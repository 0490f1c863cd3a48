-- A user's own function as a transport: request -> response.

local core = require "sendcloud.core"
local loop = require "sendcloud.loop"

local func = {}

---@class sendcloud.FunctionRequest
---@field operation string?         "members.upsert"
---@field method string
---@field url string                complete, query included
---@field path string?
---@field query string?
---@field headers table<string, string>  any spelling finds a header; Authorization
---  answers
---   when asked for by name and does not show when the table is walked or printed
---@field body string?
---@field timeout number?           seconds

local function to_text(body)
  return body ~= nil and tostring(body) or nil
end

-- The plain headers by their names; the credential's through __index only.
local function view_headers(headers, credential)
  local shown, lower = {}, {}
  for name, value in pairs(headers or {}) do
    shown[name] = value
    lower[name:lower()] = value
  end
  return setmetatable(shown, {
    __index = function(_, name)
      name = tostring(name):lower()
      if name == "authorization" and credential then
        return credential:header()
      end
      return lower[name]
    end,
    __metatable = false,
  })
end

local function view_request(request)
  return {
    operation = request.operation,
    method = request.method,
    url = request.url,
    path = request.path,
    query = request.query,
    headers = view_headers(request.headers, request.credential),
    body = to_text(request.body),
    timeout = request.timeout,
  }
end

-- What the function says went wrong can quote the header it was given.
local function hide(text, credential)
  local secret = credential and credential:header()
  for _, part in ipairs { secret or "", secret and secret:match "%S+$" or "" } do
    local from, to = text:find(part, 1, true)
    while from and to >= from do
      text = text:sub(1, from - 1) .. "(hidden)" .. text:sub(to + 1)
      from, to = text:find(part, from, true)
    end
  end
  return text
end

local KINDS = {
  network = true,
  timeout = true,
  tls = true,
  cancelled = true,
  protocol = true,
  config = true,
}

local function failure_of(reason, credential)
  local given = type(reason) == "table" and reason or {}
  local message = given.message or type(reason) ~= "table" and reason
  return {
    kind = KINDS[given.kind] and given.kind or "network",
    message = hide(tostring(message or "the transport gave no reason"), credential),
    outcome = given.outcome == "not_sent" and "not_sent" or "unknown",
    place = type(given.place) == "string" and given.place or "receive",
  }
end

local function bad_answer(message)
  return { kind = "protocol", message = message, outcome = "unknown", place = "receive" }
end

-- Checks what the function answered and gives it the form that every transport's answers
-- have.
local function response_of(answer)
  local status = answer.status
  if type(status) ~= "number" or status % 1 ~= 0 or status < 100 or status > 999 then
    return nil, bad_answer "the transport's answer has no status from 100 to 999"
  elseif answer.headers ~= nil and type(answer.headers) ~= "table" then
    return nil, bad_answer "the headers of the transport's answer are not a table"
  elseif answer.body ~= nil and type(answer.body) ~= "string" then
    return nil, bad_answer "the body of the transport's answer is not a string"
  end
  local headers = {}
  for name, value in pairs(answer.headers or {}) do
    headers[tostring(name):lower()] = tostring(value)
  end
  return { status = status, headers = headers, body = answer.body or "" }
end

-- What the function returned, or raised, made of it what every transport gives.
local function read(credential, ok, answer, reason)
  if not ok then
    return nil, failure_of(type(answer) == "table" and answer.message or tostring(answer),
      credential)
  elseif type(answer) == "table" then
    return response_of(answer)
  elseif answer == nil then
    return nil, failure_of(reason, credential)
  end
  return nil, bad_answer("the transport answered with a " .. type(answer))
end

local function exchange(fn, request)
  local ok, answer, reason = pcall(fn, view_request(request))
  -- Reading it can raise too, where its tables have metatables.
  local can_be_read, response, failure = pcall(read, request.credential, ok, answer, reason)
  if can_be_read then return response, failure end
  return nil, bad_answer "the transport's answer cannot be read"
end

-- A ticket is the finished exchange: the function runs where the call is made.
local Driver = {}
Driver.__index = Driver

function Driver:start(request)
  local response, failure = exchange(self.fn, request)
  return { response = response, failure = failure }, nil, true
end

function Driver:done()
  return true
end

function Driver:result(ticket)
  return ticket.response, ticket.failure
end

function Driver:finished() end

function Driver:cancel() end

function Driver:wait(seconds)
  return self.sleeper:step(seconds)
end

function Driver:now()
  return core.now()
end

function Driver:time()
  return core.time()
end

function Driver:close()
  self.sleeper:close()
end

--- A transport that asks a function. It gets a `sendcloud.FunctionRequest` and returns `{
--- status, headers?, body? }`, or nil and a message or failure (`{ kind, message, outcome
--- = "not_sent" | "unknown" }`). What it raises counts as a network failure of unknown
--- outcome.
---@param fn fun(request: sendcloud.FunctionRequest): table?, any
---@param clock? { now: fun(): number, time: fun(): number, wait: fun(seconds: number) }
---   instead of the real one, for tests that must not sleep
---@return sendcloud.Loop transport
function func.new(fn, clock)
  local driver = setmetatable({ fn = fn, sleeper = core.http() }, Driver)
  for name, method in pairs(clock or {}) do
    driver[name] = function(_, ...)
      return method(...)
    end
  end
  return loop.new(driver)
end

return func
