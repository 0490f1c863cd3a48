--- Whether and when a request is sent again: pure decisions, no waiting and no state.
--
-- Operations come in three classes. A `read` changes nothing. A `convergent` write ends
-- in the same state however often it is repeated (upsert, update, delete one, tag add and
-- remove). An `additive` write does not (create a tag or a segment) or answers another
-- number (delete by condition).
--
-- What was provably not sent is always sent again; an unknown outcome only for reads and
-- convergent writes. 408, 429, 502, 503 and 504 say that the service did not do the work
-- and are sent again; 500 does not say so (the documents: "it cannot be determined
-- whether the request succeeded"), so additive writes stop there.

local space = require "sendcloud.space"
local time = require "sendcloud.time"

local policy = {}

-- The base wait when the service asks to slow down, in units of `base`: 1 s by default.
local THROTTLE_FACTOR = 4

-- Seconds; a call without deadline does not sleep longer for a Retry-After.
local LONGEST_WAIT = 3600

local AGAIN = { [408] = true, [429] = true, [502] = true, [503] = true, [504] = true }

-- Failures of the service that say that it did nothing. After any other nobody can tell.
local DECLINED = { [501] = true, [503] = true, [505] = true }

---@alias sendcloud.Class "read"|"convergent"|"additive"

---@class sendcloud.Situation
---@field class sendcloud.Class
---@field attempt integer       requests made so far, at least 1
---@field attempts integer      requests allowed
---@field kind sendcloud.ErrorKind
---@field outcome? "not_sent"|"rejected"|"unknown"
---@field status integer?       HTTP status, nil when there was no answer
---@field retry_after number?   seconds the service asked for
---@field left number?          seconds until the deadline, nil for none
---@field base number           seconds
---@field cap number            seconds
---@field random number         0 <= random < 1
---@field budget number?        retries the client still has, nil for any number
---@field look_up boolean?      an unknown additive write is looked up instead of sent
---  again

---@class sendcloud.Decision
---@field wait number?   seconds until the next attempt
---@field stop boolean?  true: give up now
---@field reason string  why, for events and messages
---@field code? "same"|"attempts" the reasons to stop that the error itself makes plain

local function stop(reason, code)
  return { stop = true, reason = reason, code = code }
end

--- What an HTTP status says about a write: can the service have acted on it?
---@param status integer
---@return "rejected"|"unknown"
function policy.outcome(status)
  if status >= 200 and status < 300 then return "unknown" end
  if status >= 500 and not DECLINED[status] then return "unknown" end
  return "rejected"
end

-- The reason to try again, or nil and the reason not to.
local function worth_it(situation)
  local class, status = situation.class, situation.status
  if status and status >= 300 then
    if AGAIN[status] then
      if situation.look_up and situation.outcome == "unknown" then
        return nil, "it is looked up first"
      end
      return status == 429 and "throttled" or "HTTP " .. status
    end
    if status == 500 and class ~= "additive" then return "HTTP 500" end
    if status == 500 then return nil, "it may have taken effect" end
    return nil, "a repeat would be answered the same", "same"
  end
  local kind = situation.kind
  if kind == "rate_limited" then return "throttled" end
  if kind == "server" and class ~= "additive" then return "an error under HTTP 200" end
  if kind ~= "network" and kind ~= "timeout" then
    return nil, "a repeat would end the same", "same"
  end
  if situation.outcome == "not_sent" then return kind .. ", not sent" end
  if class ~= "additive" then return kind .. ", outcome unknown" end
  return nil, "it may have taken effect"
end

--- Full jitter: anywhere between nothing and the exponential bound.
---@param base number    seconds
---@param cap number     seconds
---@param attempt integer requests made so far, at least 1
---@param random number  0 <= random < 1
---@return number seconds
function policy.backoff(base, cap, attempt, random)
  return random * math.min(cap, base * 2 ^ math.min(attempt - 1, 60))
end

--- What to do after an attempt that failed.
---@param situation sendcloud.Situation
---@return sendcloud.Decision
function policy.decide(situation)
  local again, why_not, code = worth_it(situation)
  if not again then return stop(why_not, code) end
  if situation.attempt >= situation.attempts then
    return stop("no attempts left", "attempts")
  end
  if situation.budget and situation.budget < 1 and again ~= "throttled" then
    return stop("too many calls of this client fail, the retry budget is used up")
  end

  local wait = situation.retry_after
  if wait then
    again = again .. ", Retry-After"
  else
    local base = situation.base * (again == "throttled" and THROTTLE_FACTOR or 1)
    wait = policy.backoff(base, situation.cap, situation.attempt, situation.random)
  end
  local left = situation.left
  if left and wait >= left then
    local asked = situation.retry_after
      and ("the service asked to wait %g s"):format(wait)
      or ("the next attempt would wait %.2f s"):format(wait)
    return stop(("%s, the deadline leaves %.2f s"):format(asked, math.max(left, 0)))
  end
  if wait > LONGEST_WAIT then
    return stop(("the service asked to wait %g s"):format(wait))
  end
  return { wait = wait, reason = again }
end

local MONTHS = {
  jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6,
  jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12,
}

local function unix_time(year, month, day, hour, minute, second)
  month = MONTHS[month:lower()]
  return month and time.utc(tonumber(year), month, tonumber(day), tonumber(hour),
    tonumber(minute), tonumber(second))
end

--- Seconds since 1970 of an HTTP date in any of its three forms (RFC 9110, 5.6.7).
---@param text string
---@param now number seconds since 1970, to place years of two digits
---@return number|nil
function policy.http_date(text, now)
  local day, month, year, hour, minute, second =
    text:match("^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if day then return unix_time(year, month, day, hour, minute, second) end

  month, day, hour, minute, second, year =
    text:match("^%a%a%a (%a%a%a) ([ %d]%d) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$")
  if month then return unix_time(year, month, day, hour, minute, second) end

  day, month, year, hour, minute, second =
    text:match("^%a+, (%d%d)%-(%a%a%a)%-(%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if not day then return nil end
  local this_year = 1970 + math.floor(now / 31556952)
  local full = this_year - this_year % 100 + tonumber(year)
  if full > this_year + 50 then full = full - 100 end -- the RFC: then it is the past
  return unix_time(full, month, day, hour, minute, second)
end

--- The wait a Retry-After header asks for.
---@param value string? seconds, fractions too, or an HTTP date
---@param now number    seconds since 1970
---@param date string?  the answer's Date header: the clock that a date in `value` was
---  read from
---@return number|nil seconds, at least 0; nil when there is none or it cannot be read
function policy.retry_after(value, now, date)
  if type(value) ~= "string" then return nil end
  value = space.trim(value)
  if value:match("^%d+%.?%d*$") then
    return tonumber(value)
  end
  local at = policy.http_date(value, now)
  if not at then return nil end
  return math.max(0, at - (date and policy.http_date(date, now) or now))
end

return policy
