--- Lists longer than one request takes, sent piece by piece.

local answer = require "sendcloud.answer"
local call = require "sendcloud.call"
local errors = require "sendcloud.errors"
local plan = require "sendcloud.plan"

local chunks = {}

-- How many elements a table has, and whether they make a list. What it inherits is not
-- looked at, nor where its elements are written.
local function measure(list)
  local count = 0
  for _ in pairs(list) do count = count + 1 end
  for index = 1, count do
    if rawget(list, index) == nil then return count, false end
  end
  return count, true
end

local function with_list(parameters, name, list, first, last)
  local copy = {}
  for key, value in pairs(parameters) do copy[key] = value end
  copy[name] = {}
  for index = first, last do copy[name][index - first + 1] = list[index] end
  return copy
end

-- Moves `member_ids[3]` of a piece to where it stands in the whole list.
local function shift(err, name, by)
  if by == 0 or not err.parameter then return err end
  local index, rest = err.parameter:match("^" .. name .. "%[(%d+)%](.*)$")
  if not index then return err end
  local moved = ("%s[%d]%s"):format(name, index + by, rest)
  err.message = moved .. err.message:sub(#err.parameter + 1)
  err.parameter = moved
  return err
end

--- Runs an operation on a list of any length. All of it is checked before anything is
--- sent.
---@param state table
---@param operation string
---@param parameters table
---@param options sendcloud.CallOptions? for each piece
---@return integer|nil number what the service counted, in all
---@return sendcloud.Error? err with `report` { number, sent, total }: the first `sent`
---  elements of the list went through
function chunks.run(state, operation, parameters, options)
  local self, err = plan.of(state.config.provider, operation)
  if not self then return nil, err end
  local name, size = self.row.chunk[1], self.row.chunk[2]
  local list = parameters[name]
  local total, whole = 0, true
  if type(list) == "table" then total, whole = measure(list) end
  -- A short list is checked where it is written.
  if total <= size then return call.run(state, operation, parameters, options) end
  if not whole then
    err = errors.invalid(operation, name, "must be a list without holes")
    err.outcome = "not_sent"
    return nil, err
  end

  options = options or {}
  local pieces = {}
  for first = 1, total, size do
    local last = math.min(first + size - 1, total)
    local part = with_list(parameters, name, list, first, last)
    local request, sent = plan.request(self, part)
    if not request then return nil, shift(sent, name, first - 1) end
    pieces[#pieces + 1] = { request = request, sent = sent, parameters = part, last = last }
  end

  local number, done = 0, 0
  for _, piece in ipairs(pieces) do
    local value, failure = call.exchange(state, self, piece.request, {
      deadline = options.deadline, timeout = options.timeout,
      read = function(response)
        return answer.judge(self, response, state.marks, piece.sent, piece.parameters)
      end,
    }, piece.parameters)
    if value == nil then
      failure.report = { number = number, sent = done, total = total }
      failure.message = ("%s; the first %d of %d went through"):format(failure.message,
        done, total)
      return nil, failure
    end
    number, done = number + value, piece.last
  end
  return number
end

return chunks
