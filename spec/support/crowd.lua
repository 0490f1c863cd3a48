-- Callers of rate limiters, in processes that are woken late now and then: who asks for a slot as soon
-- as the last request is done, and when the requests left.

local crowd = {}

-- Numbers that are the same in every run.
local function new_random(seed)
  return function()
    seed = seed * 16807 % 2147483647
    return seed / 2147483647
  end
end

---@class spec.Crowd
---@field limiters table[]     one a process
---@field callers integer      in each
---@field seconds number
---@field seed integer
---@field on_time? fun(now: number) told of the time as it goes on

--- Lets them run; the moments at which requests left, in order.
---@param options spec.Crowd
---@return number[]
function crowd.run(options)
  local random = new_random(options.seed)
  local all, left = {}, {}
  -- Timers are a little late, and each process stands still for a while now and then.
  local stalls = {}
  for index in ipairs(options.limiters) do
    stalls[index] = { from = random(), to = 0 }
    stalls[index].to = stalls[index].from + random() * 0.15
    for _ = 1, options.callers do
      all[#all + 1] = { process = index, wakes = random() * 0.01 }
    end
  end
  local function wake_at(process, moment)
    local stall = stalls[process]
    while moment > stall.to do
      stall.from = stall.to + 0.5 + random() * 3
      stall.to = stall.from + random() ^ 4 * 0.2
    end
    if moment >= stall.from then return stall.to + random() * 1e-4 end
    return moment + random() ^ 3 * 0.004
  end
  while true do
    local caller = all[1]
    for _, other in ipairs(all) do if other.wakes < caller.wakes then caller = other end end
    local now = caller.wakes
    if now > options.seconds then break end
    if options.on_time then options.on_time(now) end
    local limiter = options.limiters[caller.process]
    local wait
    if caller.slot then
      wait = limiter:check(caller.slot, now)
    else
      wait, caller.slot = limiter:take(now)
    end
    if wait == 0 then
      left[#left + 1] = now
      caller.slot = nil
      caller.wakes = wake_at(caller.process, now + 0.002 + random() * 0.02) -- the answer is there
    else
      caller.wakes = wake_at(caller.process, now + wait)
    end
  end
  table.sort(left)
  return left
end

--- The most of these moments that lie within one second.
---@param moments number[]   in order
---@return integer
function crowd.most(moments)
  local most, first = 0, 1
  for last = 1, #moments do
    while moments[last] - moments[first] >= 1 do first = first + 1 end
    most = math.max(most, last - first + 1)
  end
  return most
end

return crowd
