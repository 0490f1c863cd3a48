--- The rate limiter that the workers of nginx share: the same rule as sendcloud.rate, its
--- numbers in a lua_shared_dict.
--
-- No lock and no read followed by a write of what was read: slots are handed out by incr,
-- which no two workers get the same answer from, and what must happen once goes to the
-- worker whose add succeeds.
--
-- Slots belong to a line: a moment that each taker moves on by one space. A line that has
-- fallen behind the clock cannot be moved up by whoever sees it, for then all who see it
-- would; instead the next line begins at the present moment, which add lets only one do.

local rate = require "sendcloud.rate"

local shared = {}

local RULE = rate.RULE
-- Room for the wake-up of nginx's timers: no second sees more than the rate.
local SPACING = 1.01
local TURNS = 16 -- more workers than this do not begin lines at the same moment
local MEMORY = 3 -- s that requests are counted

---@class sendcloud.SharedLimiter: sendcloud.Limiter
local Limiter = {}
Limiter.__index = Limiter

--- A limiter.
---@param dict table      ngx.shared.NAME
---@param account string  what tells accounts apart in it
---@param ceiling number? requests a second of all workers together, nil for any number
---@return sendcloud.SharedLimiter
function shared.new(dict, account, ceiling)
  return setmetatable({
    dict = dict, prefix = "sendcloud:" .. account .. ":", ceiling = ceiling, rate = ceiling,
  }, Limiter)
end

-- The rate in force, or nil.
local function look(self)
  local learned = self.dict:get(self.prefix .. "rate")
  self.rate = self.ceiling
  if learned then
    self.rate = math.max(RULE.SLOWEST, math.min(self.ceiling or math.huge, learned))
  end
  return self.rate
end

local function second(self, now)
  return self.prefix .. "count:" .. math.floor(now)
end

--- Takes the next slot.
---@param now number
---@return number seconds to wait before the request may be sent; 0 for none
function Limiter:take(now)
  local dict, prefix = self.dict, self.prefix
  if not look(self) then
    dict:incr(second(self, now), 1, 0, MEMORY)
    return 0
  end
  local space = SPACING / self.rate
  for _ = 1, TURNS do
    local line = dict:get(prefix .. "line") or 0
    local key = prefix .. "at:" .. line
    local after = dict:incr(key, space)
    if not after then
      dict:add(key, now)
    elseif after - space >= now - 1e-9 then
      self.key, self.space = key, space
      return math.max(0, after - space - now)
    else
      if dict:add(prefix .. "at:" .. line + 1, now) then
        dict:delete(prefix .. "at:" .. line - 1)
      end
      dict:set(prefix .. "line", line + 1) -- whoever comes here writes the same number
    end
  end
  self.key = nil
  return space
end

--- Gives back a slot that was taken but not used.
function Limiter:give_back()
  if self.key then self.dict:incr(self.key, -self.space) end
  self.key = nil
end

--- The service answered 429, to whichever worker.
---@param now number
function Limiter:throttled(now)
  local dict, prefix = self.dict, self.prefix
  if not dict:add(prefix .. "cut", true, RULE.SETTLE) then return end
  local learned, present = dict:get(prefix .. "rate"), look(self)
  if not present then
    present = math.max(dict:get(second(self, now)) or 0, dict:get(second(self, now - 1)) or 0,
      RULE.FIRST_CUT / RULE.DECREASE)
  end
  local lower = math.max(RULE.SLOWEST, present * RULE.DECREASE)
  dict:set(prefix .. "peak", present)
  if not learned then
    dict:add(prefix .. "rate", lower)
  else
    dict:incr(prefix .. "rate", lower - learned)
  end
  look(self)
end

--- The service did the work: the rate rises as sendcloud.rate says.
function Limiter:succeeded()
  local dict, prefix = self.dict, self.prefix
  local learned = dict:get(prefix .. "rate")
  if not learned or self.ceiling and learned >= self.ceiling then return end
  local peak = dict:get(prefix .. "peak") or learned
  local growth = math.max(RULE.SLOWEST_GROWTH, RULE.GROWTH * peak)
  dict:incr(prefix .. "rate", growth / math.max(learned, RULE.SLOWEST))
end

return shared
