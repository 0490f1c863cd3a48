--- The verdict on what came back: a result, or an error that says what happened.
--
-- The HTTP status alone does not tell. EngageLab documents error bodies under 200, plain
-- text under 404; a body may be an HTML page of something in between. So a 2xx answer
-- must be what the operation promises, and what is not is held against the provider's
-- error shape first.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local plan = require "sendcloud.plan"
local space = require "sendcloud.space"

local condition = lazy.require "sendcloud.condition"
local policy = lazy.require "sendcloud.policy"

local answer = {}

local LONGEST_ERROR = 64 * 1024 -- bytes; a longer body under 2xx is no error body
local LONGEST_TEXT = 200        -- bytes of a plain text that becomes a message

local KINDS = {
  [401] = "auth", [403] = "auth", [407] = "auth",
  [404] = "not_found", [410] = "not_found",
  [408] = "timeout", [409] = "conflict", [429] = "rate_limited",
}

local function kind_of(status)
  if status >= 500 then return "server" end
  if status >= 400 then return KINDS[status] or "rejected" end
  return "protocol"
end

local function length(body)
  return body == nil and 0 or #body
end

-- A short plain text, as it is; of anything longer or marked up only that it came.
local function text_message(status, body)
  if status >= 300 and status < 400 then
    return ("HTTP %d: it redirects, which is not followed; see base_url"):format(status)
  end
  local size = length(body)
  if size == 0 then return ("HTTP %d without a body"):format(status) end
  local text = size <= 4096 and space.trim(tostring(body)) or ""
  local plain = not text:find("^[<{%[]") and core.utf8_length(text)
  if plain and #text > 0 and #text <= LONGEST_TEXT then return text end
  return ("HTTP %d with a body that is no message of the service"):format(status)
end

-- What an error body says, or nil where it is none.
local function error_body(self, body)
  local size = length(body)
  if size == 0 or size > LONGEST_ERROR then return nil end
  local said = plan.error_shape(self.provider):read(body)
  if not said then return nil end
  local detail = said.detail or said
  -- Where the documents promise a number the service can still write anything.
  local code = type(said.code) == "number" and said.code or nil
  return { code = code, parameter = detail.parameter, message = detail.message }
end

-- The error of an answer that says it failed.
local function failed(self, status, said, body)
  local provider = self.provider
  local kind = said and provider.error.kinds[said.code]
  if status >= 500 or not kind then
    kind = status >= 300 and kind_of(status) or kind or "rejected"
  end
  local message = said and said.message or ""
  if message == "" then
    message = said and ("HTTP %d without a reason"):format(status) or text_message(status, body)
  end
  local parameter = said and said.parameter
  if parameter and parameter ~= "" then
    parameter = self.row and plan.parameter_name(self, parameter) or parameter
    message = parameter .. ": " .. message
  else
    parameter = nil
  end
  local hint = provider.hints and provider.hints[kind]
  if hint then message = message .. "; " .. hint end
  local as_if = status >= 300 and status or kind == "server" and 500 or 400
  return errors.new {
    kind = kind, message = message, operation = self.operation, status = status,
    code = said and said.code, parameter = parameter, outcome = policy.outcome(as_if),
  }
end

local function protocol(self, status, reason)
  return errors.new {
    kind = "protocol", operation = self.operation, status = status, message = reason,
    outcome = "unknown",
  }
end

-- Reads a good answer by the first of the operation's shapes that fits.
local function read(self, body, marks)
  local answers = self.answers
  local value, path, reason = answers[1].shape:read(body, marks)
  if value ~= nil then return value, answers[1] end
  for index = 2, #answers do
    value = answers[index].shape:read(body, marks)
    if value ~= nil then return value, answers[index] end
  end
  return nil, path, reason
end

-- Whether a body begins like a page: a proxy's, or a portal's that wants a login.
local function is_page(body)
  return length(body) > 0 and tostring(body):find("^%s*<") ~= nil
end

local function promised(self, status, body, path, reason)
  local said = error_body(self, body)
  if said then return failed(self, status, said, body) end
  local where = path and path ~= "" and path .. ": " or ""
  if is_page(body) then
    where, reason = "", "it is a page, not JSON; are base_url and proxy right?"
  end
  return protocol(self, status,
    "the answer is not what the operation promises: " .. where .. tostring(reason))
end

--- Whether a response is an error, without reading a good answer: for work that reads it
--- elsewhere.
---@param self sendcloud.Plan
---@param response table { status, headers, body }
---@return sendcloud.Error|nil
function answer.check(self, response)
  local status, body = response.status, response.body
  if status < 200 or status >= 300 then
    return failed(self, status, error_body(self, body), body)
  end
  local said = status ~= 204 and error_body(self, body)
  return said and failed(self, status, said, body) or nil
end

--- The result in a good answer that could not be read as promised.
---@param self sendcloud.Plan
---@param response table
---@param path string?   where reading stopped
---@param reason string? why
---@return sendcloud.Error kind `protocol`, or what the error body in it says
function answer.unreadable(self, response, path, reason)
  return promised(self, response.status, response.body, path, reason)
end

-- The larger of a count and the length of its list is told: the documents' samples
-- contradict themselves.
local function settle_counts(value, counts)
  for count, list in pairs(counts) do
    local rows = value[list] or {}
    value[list] = rows
    value[count] = math.max(tonumber(value[count]) or 0, #rows)
  end
end

-- Refusals that no document describes: whatever one is, it has a message, and a null in it
-- is nothing.
local function settle_refusals(list)
  for index, entry in ipairs(list) do
    local known = type(entry) == "table" and entry or { message = entry }
    for key, value in pairs(known) do
      if value == core.null then known[key] = nil end
    end
    local said = known.message
    local told = said ~= nil and type(said) ~= "table"
    known.message = told and tostring(said) or "refused by the service"
    list[index] = known
  end
end

--- The verdict on a response of an operation.
---@param self sendcloud.Plan
---@param response table { status, headers, body }
---@param marks table record metatables
---@param sent table the table written as body, for what the answer leaves out
---@param parameters table
---@return any result nil on error
---@return sendcloud.Error? err without attempts and retry_after
function answer.judge(self, response, marks, sent, parameters)
  local status, body, row = response.status, response.body, self.row
  if not self.answers or status < 200 or status >= 300 then
    local err = answer.check(self, response)
    if not err and status ~= 204 and is_page(body) then
      err = promised(self, status, body)
    end
    if err then return nil, err end
    return row.result == nil and true or row.result
  end
  if body == nil or #body == 0 then
    return nil, protocol(self, status, "the answer is empty")
  end

  local value, way, reason = read(self, body, marks)
  if value == nil then return nil, promised(self, status, body, way, reason) end
  if self.plain then return value end
  if way.pick == "number" and type(value.number) ~= "number" then
    return nil, promised(self, status, body, "number", "must be a number")
  elseif row.zero and value[way.pick] == 0 then
    return nil, errors.new {
      kind = row.zero, operation = self.operation, status = status, outcome = "rejected",
      message = "the service found nothing to do it to",
    }
  end
  if row.result ~= nil then return row.result end

  if row.counts then settle_counts(value, row.counts) end
  if way.refusals then settle_refusals(value[way.refusals]) end
  local result = value
  if way.made then
    result = setmetatable({}, marks[row.record])
  elseif way.pick then
    result = value[way.pick]
  end
  if row.record == "segment" then
    -- The answer to its making is an id: the rest is as it was asked for.
    if sent.where and #(result.conditions or {}) == 0 then
      result.relation, result.conditions = sent.where.relation, sent.where.items
    end
    for _, segment in ipairs(row.page and result.list or { result }) do
      condition.read_segment(segment, self.provider.where_values)
    end
  end
  for _, name in ipairs(row.echo or {}) do
    if result[name] == nil then result[name] = parameters[name] or sent[name] end
  end
  return result
end

return answer
