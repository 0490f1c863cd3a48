--- The one pipeline: validate, encode, send (rate, deadline, retry), decode, verdict.
--
-- `call.run` does an operation by its name, `call.by_id` one that takes no more than an id.
-- `call.exchange` is the middle alone, for bulk work that encodes and decodes without Lua
-- tables. Nothing here pcalls a send: Lua 5.1 cannot yield across one. Time passes only
-- through the transport.

local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local outgoing = require "sendcloud.outgoing"
local plan = require "sendcloud.plan"

local answer = lazy.require "sendcloud.answer"
local policy = lazy.require "sendcloud.policy"
local privacy = lazy.require "sendcloud.privacy"

local call = {}

---@class sendcloud.CallOptions
---@field deadline number?    seconds for this call with its retries
---@field deadline_at number? the same as a moment of the transport's clock
---@field timeout number?     seconds for one attempt
---@field attempts integer?   requests at most; default: the client's `retry`
---@field reconcile boolean?  after an unknown outcome the caller looks before it repeats
---@field read? fun(response: table): any, sendcloud.Error? the verdict on a response

local NO_OPTIONS = {} -- never written to

-- One call on its way.
---@class sendcloud.Flight
---@field state table
---@field plan sendcloud.Plan
---@field request table
---@field options sendcloud.CallOptions
---@field parameters table? what was sent, under its Lua names
---@field sent table?       the body as a table: the answer is to be read as promised
---@field transport table
---@field deadline_at number?
---@field now number        when the next attempt begins
---@field attempt integer   requests made so far
---@field retries integer   retries taken from the budget
---@field unknown boolean?  whether an attempt may have taken effect

-- Tells the listener, which there is: callers ask first, so that no event is made in
-- vain.
local function emit(flight, event)
  event.operation = flight.plan.operation
  flight.state.listener(event)
end

local function failure(flight, kind, outcome, message)
  return errors.new { kind = kind, operation = flight.plan.operation, outcome = outcome,
    message = message }
end

-- Waits; an error where the wait was cut short.
local function sleep(flight, seconds)
  local _, why = flight.transport:sleep(seconds)
  if not why and not flight.state.closed then
    flight.now = flight.transport:now()
    return nil
  end
  return failure(flight, "cancelled", flight.unknown and "unknown" or "not_sent",
    flight.state.closed and "the client was closed meanwhile" or why.message)
end

-- Waits for the limiter's slot; an error where there is none before the deadline.
local function wait_for_slot(flight)
  local limiter, deadline_at = flight.state.limiter, flight.deadline_at
  local wait, slot = limiter:take(flight.now, deadline_at)
  while wait ~= 0 do
    if not wait or deadline_at and flight.now + wait >= deadline_at then
      return failure(flight, "timeout", "not_sent",
        ("%.2f requests a second leave no slot before the deadline"):format(limiter.rate))
    end
    if flight.state.listener then
      emit(flight, { type = "throttle", wait = wait, rate = limiter.rate })
    end
    local err = sleep(flight, wait)
    if err or not slot then return err end
    wait = limiter:check(slot, flight.now)
  end
end

-- What came of sending amounts to: a value, or nil and the error.
local function judge(flight, response, failed)
  if not response then
    if type(failed) ~= "table" then failed = { message = failed } end
    return nil, failure(flight, failed.kind or "network", failed.outcome or "unknown",
      tostring(failed.message or "the request failed"))
  elseif flight.sent then
    return answer.judge(flight.plan, response, flight.state.marks, flight.sent,
      flight.parameters)
  elseif flight.options.read then
    return flight.options.read(response)
  end
  local err = answer.check(flight.plan, response)
  return not err and response or nil, err
end

-- One attempt: the value, or nil, the error and the response where there was one.
local function attempt(flight)
  local state, deadline_at = flight.state, flight.deadline_at
  local timeout = flight.options.timeout or state.config.timeout
  if deadline_at then
    local left = deadline_at - flight.now
    if left <= 0 then
      return nil, failure(flight, "timeout", "not_sent", "the deadline has passed")
    end
    if left < timeout then timeout = left end
  end
  flight.request.timeout = timeout
  flight.attempt = flight.attempt + 1
  if state.listener then
    local method = flight.plan.row.method
    emit(flight, { type = "attempt", attempt = flight.attempt, method = method })
  end
  local request = flight.request
  if state.foreign then request = outgoing.copy(request) end
  local response, failed = flight.transport:send(request)
  local value, err = judge(flight, response, failed)
  return value, err, response
end

-- Reasons that need no telling: the error itself says as much.
local PLAIN = { same = true, attempts = true }

-- Seconds to wait before the next attempt, or nil when there shall be none.
local function decide(flight, err, response)
  local state, transport = flight.state, flight.transport
  local retry, deadline_at = state.config.retry, flight.deadline_at
  local headers = response and response.headers or {}
  err.retry_after = policy.retry_after(headers["retry-after"], transport:time(), headers.date)
  local decision = policy.decide {
    class = flight.plan.row.class, attempt = flight.attempt,
    attempts = flight.options.attempts or retry.attempts,
    kind = err.kind, outcome = err.outcome, status = err.status,
    retry_after = err.retry_after, left = deadline_at and deadline_at - transport:now(),
    base = retry.base, cap = retry.cap, random = state.random(),
    budget = state.budget.left, look_up = flight.options.reconcile,
  }
  if decision.stop then
    if not PLAIN[decision.code] then
      err.message = err.message .. "; not tried again: " .. decision.reason
    end
    return nil
  end
  if err.kind ~= "rate_limited" then
    state.budget:take()
    flight.retries = flight.retries + 1
  end
  if state.listener then
    emit(flight, {
      type = "retry", attempt = flight.attempt, wait = decision.wait,
      reason = decision.reason, kind = err.kind, status = err.status, outcome = err.outcome,
    })
  end
  return decision.wait
end

-- What came of the first attempt where that was made before the flight.
---@class sendcloud.Begun
---@field transport table
---@field at number        when it was made
---@field response table?
---@field failed table?

-- Attempts until one succeeds or there is no sense in going on.
local function fly(flight, begun)
  local state, transport = flight.state, flight.transport
  local limiter = state.limiter
  while true do
    local err, value, failed, response
    if begun then
      response, flight.attempt = begun.response, 1
      value, failed = judge(flight, response, begun.failed)
      begun = nil
    else
      err = wait_for_slot(flight)
      if err then return nil, err end
      value, failed, response = attempt(flight)
    end
    if value ~= nil then
      limiter:succeeded()
      state.budget:succeeded(flight.retries)
      return value
    end
    local row = flight.plan.row
    if flight.unknown and row.done == failed.kind then return row.result end
    if failed.outcome == "unknown" then flight.unknown = true end
    if failed.kind == "rate_limited" then limiter:throttled(transport:now()) end
    if flight.attempt == 0 or state.closed then return nil, failed end

    local wait = decide(flight, failed, response)
    if not wait then return nil, failed end
    err = sleep(flight, wait)
    if err then return nil, err end
  end
end

-- What is known of the error only here.
local function complete(flight, err, parameters)
  err.attempts = flight.attempt
  if flight.plan.row.class == "read" then
    err.outcome = nil
  elseif flight.unknown then
    err.outcome = "unknown" -- an earlier attempt may have worked, whatever came of the last
  end
  local secrets = flight.state:secrets()
  if not secrets then
    -- What the service said can no longer be cleaned of them.
    err.message, err.parameter = "the client was closed meanwhile", nil
    return err
  end
  err.message = privacy.scrub(err.message, secrets, parameters)
  if err.parameter then err.parameter = privacy.scrub(err.parameter, secrets) end
  return err
end

--- Sends a request until it is answered or there is no sense in going on.
---@param state table       the client's inner state
---@param self sendcloud.Plan
---@param request table     from plan.request; `body` may be a buffer, `into` one for the
---  answer
---@param options sendcloud.CallOptions?
---@param parameters table? what was sent, to keep it out of messages
---@param sent table?       the body as a table: read the answer as the operation promises
---@param begun sendcloud.Begun? the first attempt, where it was made already
---@return any value        the response, or what was read of it; nil on error
---@return sendcloud.Error? err
---@return integer attempts requests made
function call.exchange(state, self, request, options, parameters, sent, begun)
  local transport, err = begun and begun.transport, nil
  if not transport and not state.closed then transport, err = state:transport() end
  if not transport then
    err = err or errors.new { kind = "closed", message = "the client is closed" }
    err.operation, err.outcome = self.operation, self.row.class ~= "read" and "not_sent" or nil
    return nil, err, 0
  end

  options = options or NO_OPTIONS
  local started = begun and begun.at or transport:now()
  local seconds = options.deadline or state.config.deadline
  local flight = {
    state = state, plan = self, request = outgoing.complete(state, self, request),
    options = options, parameters = parameters, sent = sent, transport = transport,
    deadline_at = options.deadline_at or (seconds and started + seconds),
    now = started, attempt = 0, retries = 0, unknown = false,
  }
  local value
  value, err = fly(flight, begun)
  if value ~= nil then
    err = nil
  else
    complete(flight, err, parameters)
  end
  if state.listener then
    emit(flight, {
      type = "done", attempts = flight.attempt, seconds = transport:now() - started,
      ok = err == nil, kind = err and err.kind, status = err and err.status,
      outcome = err and err.outcome,
    })
  end
  return value, err, flight.attempt
end

--- The same, to the right address: where the documents give an operation two, the second
--- is tried when the first is not there, and remembered.
---@param state table
---@param self sendcloud.Plan
---@param request table
---@param options sendcloud.CallOptions?
---@param parameters table?
---@param sent table?
---@return any value
---@return sendcloud.Error? err
---@return integer attempts requests made
function call.reach(state, self, request, options, parameters, sent)
  local other = self.row.fallback_path
  if not other then
    return call.exchange(state, self, request, options, parameters, sent)
  end
  if state.moved[self.operation] then request.path = other end
  local value, err, attempts =
    call.exchange(state, self, request, options, parameters, sent)
  if request.path == other or value ~= nil or err.status ~= 404 then
    return value, err, attempts
  end
  request.path = other
  local second, second_err, more =
    call.exchange(state, self, request, options, parameters, sent)
  if second == nil then
    local told = second_err.status == 404 and err or second_err
    told.attempts = attempts + more
    return nil, told, attempts + more
  end
  state.moved[self.operation] = true
  return second, nil, attempts + more
end

--- Runs an operation.
---@param state table
---@param operation string  "members.upsert"
---@param parameters table  never changed
---@param options sendcloud.CallOptions?
---@return any result
---@return sendcloud.Error? err
function call.run(state, operation, parameters, options)
  local self, err = plan.of(state.config.provider, operation)
  if not self then return nil, err end
  local request, sent = plan.request(self, parameters)
  if not request then return nil, sent end
  local value
  if self.row.fallback_path then
    value, err = call.reach(state, self, request, options, parameters, sent)
  else
    value, err = call.exchange(state, self, request, options, parameters, sent)
  end
  return value, err
end

--- A first attempt on the short way (see outgoing.short), without what only trouble needs.
---@param state table
---@param lane table            its request is ready to be sent
---@param read fun(ticket: userdata, ...): any what the answer holds; nil where it is not
---  what was promised
---@param ... any               for `read`
---@return any value
---@return sendcloud.Begun? begun what the pipeline goes on from, where there is no value
function call.first_attempt(state, lane, read, ...)
  local transport, limiter = lane.transport, state.limiter
  local begun = transport.now()
  limiter:take(begun)
  local ticket, failed = transport:carry(lane.request)
  local value = ticket and read(ticket, ...)
  if value ~= nil then
    if limiter.rate then limiter:succeeded() end
    state.budget:succeeded(0)
    return value
  end
  local response
  if ticket then response, failed = ticket:result() end
  return nil, { transport = transport, at = begun, response = response, failed = failed }
end

local function read_record(ticket, lane, marks)
  local value = ticket:read(lane.shape, marks)
  if value and lane.pick then value = value[lane.pick] end
  return value
end

--- Runs an operation that an id is all the parameters of.
---
--- Most calls go well at once. So the first attempt goes the short way, and the answer is
--- read without becoming a response, where nothing else wants to know of either: libcurl
--- carries it, nobody listens, no rate is to be kept.
---@param state table
---@param operation string  "members.get"
---@param id any
---@return any result
---@return sendcloud.Error? err
function call.by_id(state, operation, id)
  local lane = state.lanes[operation]
  if lane == nil then lane = outgoing.lane(state, operation) end
  local path = lane and not state.closed and not state.limiter.rate and plan.path(lane.plan, id)
  if not path then return call.run(state, operation, { id = id }) end

  lane.request.url = lane.base_url .. path
  local value, begun = call.first_attempt(state, lane, read_record, lane, state.marks)
  if value ~= nil then return value end
  local parameters = { id = id }
  local request, sent = plan.request(lane.plan, parameters)
  local err
  value, err = call.exchange(state, lane.plan, request, nil, parameters, sent, begun)
  return value, err
end

return call
