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
--
-- Requests that leave late are treated as in sendcloud.rate. When the next is due is moved
-- on by incr as well: who sees from its answer that another came between takes its own
-- step back and asks again. What moves slots moves the line, for those who come, and then
-- the line's shift, for those who wait.

local rate = require "sendcloud.rate"

local shared = {}

local RULE = rate.RULE
local TURNS = 16 -- more workers than this do not begin lines at the same moment
local MEMORY = 3 -- s that requests are counted
local AGAIN = 0.001 -- s, for one who met another

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

-- Lets a request leave now, or says how much too early that is.
local function leave(self, slot, now)
  local dict, key = self.dict, self.prefix .. "due"
  local due = dict:get(key)
  if not due then
    dict:add(key, now)
    due = dict:get(key) or now
  end
  local early = math.min(due - RULE.SLACK - now, 2 * slot.space)
  if early > RULE.EARLY then
    dict:incr(slot.key, early)
    dict:incr(slot.shift_key, early, 0)
    return early
  end
  local step = math.max(0, now - due) + slot.space
  local after = dict:incr(key, step, due)
  if after and after > due + step + 1e-6 then -- nil: the dict has no room; waits did the most
    dict:incr(key, -step)
    return AGAIN
  end
  return 0
end

-- One try at the present line: the slot, or nothing where another line has to begin first.
local function take_of_line(self, now)
  local dict, prefix = self.dict, self.prefix
  local line, space = dict:get(prefix .. "line") or 0, RULE.SPACING / self.rate
  local key, shift_key = prefix .. "at:" .. line, prefix .. "shift:" .. line
  -- Read before the slot is taken: what is moved in between counts twice, never not at all.
  local shift = dict:get(shift_key) or 0
  local after = dict:incr(key, space)
  if not after then
    dict:add(key, now)
  elseif after - space >= now - 1e-9 then
    return { at = after - space, shift = shift, line = line, key = key, shift_key = shift_key,
      space = space }
  else
    if dict:add(prefix .. "at:" .. line + 1, now) then
      dict:delete(prefix .. "at:" .. line - 1)
      dict:delete(prefix .. "shift:" .. line - 1)
    end
    dict:set(prefix .. "line", line + 1) -- whoever comes here writes the same number
  end
end

-- Whether the next slot comes so late. One that is taken is never given back: others have
-- later ones then.
local function is_too_late(self, now, latest)
  local line = self.dict:get(self.prefix .. "line") or 0
  local at = self.dict:get(self.prefix .. "at:" .. line)
  return at and at > now and at >= latest
end

--- Takes the next slot.
---@param now number
---@param latest number? a slot after this moment is of no use
---@return number|nil wait    seconds until the request may be sent; nil: too long
---@return sendcloud.Slot? slot   to be shown after the wait; none: the request leaves then
function Limiter:take(now, latest)
  if not look(self) then
    self.dict:incr(second(self, now), 1, 0, MEMORY)
    return 0
  end
  if latest and is_too_late(self, now, latest) then return nil end
  for _ = 1, TURNS do
    local slot = take_of_line(self, now)
    if slot then
      local wait = slot.at - now
      if wait <= 1e-9 then wait = leave(self, slot, now) end
      return wait, wait > 0 and slot or nil
    end
  end
  return RULE.SPACING / self.rate
end

--- After the wait for a slot: whether it has come.
---@param slot sendcloud.Slot
---@param now number
---@return number seconds still to wait; 0 for none: the request leaves now
function Limiter:check(slot, now)
  local dict = self.dict
  if (dict:get(self.prefix .. "line") or 0) ~= slot.line then
    -- So late that a line has ended meanwhile: the slot is lost.
    local wait, another = self:take(now)
    for name, value in pairs(another or {}) do slot[name] = value end
    return wait
  end
  local wait = slot.at + (dict:get(slot.shift_key) or 0) - slot.shift - now
  return wait > RULE.EARLY and wait or leave(self, slot, now)
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
