--- The rate limiter of one client: requests a second, spaced evenly, for everything it
--- does.
--
-- Each request takes a slot and waits for it. Who waits is never woken on time to the
-- microsecond, and 50 a second from one that leaves late to one in time can be 51. So
-- slots are a little wider than the rate asks for, and what counts is when a request does
-- leave: the next may follow as if that had been on time, but for the slack (the generic
-- cell rate algorithm, ITU-T I.371). What is later than that moves all slots behind it.
--
-- It starts at the rate the user gave, or without one. A 429 lowers it (additive
-- increase, multiplicative decrease: the rule by which TCP shares a line), successes
-- raise it again, never above the user's. Times are seconds of the transport's monotonic
-- clock; nothing here waits.

local rate = {}

--- The numbers of the rule.
local RULE = {
  DECREASE = 0.7,      -- factor on a 429
  SETTLE = 1.0,        -- s; the 429s of one burst count once
  WINDOW = 1.0,        -- s; over which the present rate is measured
  SLOWEST = 0.2,       -- requests a second, however many 429s there are
  FIRST_CUT = 5,       -- requests a second; a first 429 does not go below this
  GROWTH = 0.05,       -- of the rate at the last 429, regained each second
  SLOWEST_GROWTH = 0.5,
  SPACING = 1.03,      -- how much wider slots are: that hides 30 ms in a second, of which
  SLACK = 0.008,       -- s; who wakes late may need this, the way to the service the rest
  EARLY = 1e-4,        -- s; none waits again for this
}
rate.RULE = RULE
local WINDOW = RULE.WINDOW

---@class sendcloud.Slot
---@field at number      when the request may leave
---@field shift number   how far slots had moved when this one was taken

---@class sendcloud.Limiter
---@field ceiling number?  the user's rate
---@field rate number?     the rate in force, nil for none
local Limiter = {}
Limiter.__index = Limiter

--- A limiter.
---@param ceiling number? requests a second, nil for any number
---@return sendcloud.Limiter
function rate.new(ceiling)
  return setmetatable({
    ceiling = ceiling,
    rate = ceiling,
    next_slot = -math.huge, -- when the next request may leave
    shift = 0,              -- how far slots were moved
    due = -math.huge,       -- when the next would leave if all had left on time
    last_cut = -math.huge,
    peak = ceiling or 0,    -- the rate that was too much
    window_start = nil, window_count = 0, measured = 0,
  }, Limiter)
end

-- Requests a second just now; the busier of the last whole window and the present one.
local function measure(self, now)
  local start = self.window_start
  if not start or now - start >= 2 * WINDOW then
    self.window_start, self.window_count, self.measured = now, 0, 0
  elseif now - start >= WINDOW then
    self.measured = self.window_count / (now - start)
    self.window_start, self.window_count = now, 0
  end
end

-- Lets a request leave now, or says how much too early that is.
local function leave(self, now)
  local early = self.due - RULE.SLACK - now
  if early > RULE.EARLY then
    self.shift, self.next_slot = self.shift + early, self.next_slot + early
    return early
  end
  if self.rate then self.due = math.max(self.due, now) + RULE.SPACING / self.rate end
  return 0
end

--- Takes the next slot.
---@param now number
---@param latest number? a slot after this moment is of no use
---@return number|nil wait    seconds until the request may be sent; nil: too long
---@return sendcloud.Slot? slot   to be shown after the wait
function Limiter:take(now, latest)
  local start = self.window_start
  if not start or now - start >= WINDOW then measure(self, now) end
  local at = self.rate and math.max(now, self.next_slot) or now
  if at > now and latest and at >= latest then return nil end
  self.window_count = self.window_count + 1
  if not self.rate then return 0 end
  local shift = self.shift
  self.next_slot = at + RULE.SPACING / self.rate
  local wait = at > now and at - now or leave(self, now)
  if wait == 0 then return 0 end
  return wait, { at = at, shift = shift }
end

--- After the wait for a slot: whether it has come.
---@param slot sendcloud.Slot
---@param now number
---@return number seconds still to wait; 0 for none: the request leaves now
function Limiter:check(slot, now)
  local wait = slot.at + self.shift - slot.shift - now
  return wait > RULE.EARLY and wait or leave(self, now)
end

--- The service answered 429.
---@param now number
function Limiter:throttled(now)
  if now - self.last_cut < RULE.SETTLE then return end
  self.last_cut = now
  measure(self, now)
  local present = self.rate
  if not present then
    present = math.max(self.measured, self.window_count / WINDOW, RULE.FIRST_CUT / RULE.DECREASE)
  end
  self.peak = present
  self.rate = math.max(RULE.SLOWEST, present * RULE.DECREASE)
  self.next_slot = math.max(self.next_slot, now + 1 / self.rate)
end

--- The service did the work. Every success adds its share of the growth a second, so that
--- the rate rises by that much a second whatever it is.
function Limiter:succeeded()
  local present = self.rate
  if not present or present == self.ceiling then return end
  local growth = math.max(RULE.SLOWEST_GROWTH, RULE.GROWTH * self.peak)
  self.rate = math.min(self.ceiling or math.huge, present + growth / present)
end

--- The retries a client has left. A service that is down would otherwise be asked five
--- times as much as one that is up. Retries that helped are given back; a call that succeeds
--- at once adds a little.
---@class sendcloud.Budget
---@field left number
local Budget = {}
Budget.__index = Budget

local MOST_RETRIES = 100
local PER_SUCCESS = 0.2

--- The full budget of a new client.
---@return sendcloud.Budget
function rate.budget()
  return setmetatable({ left = MOST_RETRIES }, Budget)
end

--- A retry is made.
function Budget:take()
  self.left = math.max(0, self.left - 1)
end

--- A call succeeded.
---@param spent integer the retries it took
function Budget:succeeded(spent)
  if self.left == MOST_RETRIES then return end
  self.left = math.min(MOST_RETRIES, self.left + math.max(spent, PER_SUCCESS))
end

return rate
