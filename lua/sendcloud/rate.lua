--- The rate limiter of one client: requests a second, spaced evenly, for everything it
--- does.
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
}
rate.RULE = RULE
local WINDOW = RULE.WINDOW

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

--- Takes the next slot.
---@param now number
---@return number seconds to wait before the request may be sent; 0 for none
function Limiter:take(now)
  measure(self, now)
  self.window_count = self.window_count + 1
  if not self.rate then return 0 end
  local at = math.max(now, self.next_slot)
  self.next_slot = at + 1 / self.rate
  return at - now
end

--- Gives back a slot that was taken but not used.
function Limiter:give_back()
  self.window_count = math.max(0, self.window_count - 1)
  if self.rate then self.next_slot = self.next_slot - 1 / self.rate end
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
--- times as
-- much as one that is up. Retries that helped are given back; a call that succeeds at
-- once adds a little.
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
  self.left = math.min(MOST_RETRIES, self.left + math.max(spent, PER_SUCCESS))
end

return rate
