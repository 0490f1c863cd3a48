-- A driver for the specs of the loop: no network, a clock that only wait() moves. A request says
-- how it ends: { after = seconds, answer = any } or { after = seconds, failure = any }.

local driver = {}
driver.__index = driver

function driver.new()
  return setmetatable({ clock = 1000, under_way = {}, log = {}, waits = {}, told = {} }, driver)
end

function driver:start(request, tag)
  if request.refuse then
    return nil, { kind = "config", message = request.refuse }
  end
  self.log[#self.log + 1] = request.name
  local ticket = { tag = tag, request = request, at = self.clock + (request.after or 0) }
  self.under_way[#self.under_way + 1] = ticket
  self.most = math.max(self.most or 0, #self.under_way)
  return ticket
end

function driver:finish(ticket)
  ticket.done = true
  self.told[#self.told + 1] = ticket.tag
end

function driver:finished()
  return table.remove(self.told, 1)
end

function driver:settle()
  local kept, finished = {}, 0
  for _, ticket in ipairs(self.under_way) do
    if ticket.at <= self.clock + 1e-9 then
      self:finish(ticket)
      finished = finished + 1
    else
      kept[#kept + 1] = ticket
    end
  end
  self.under_way = kept
  return finished
end

function driver:done(ticket) -- luacheck: ignore self
  return ticket.done or false
end

function driver:result(ticket) -- luacheck: ignore self
  assert(ticket.done, "asked for the result too early")
  if ticket.cancelled then
    return nil, { kind = "cancelled", message = "cancelled" }
  end
  return ticket.request.answer, ticket.request.failure
end

function driver:cancel(ticket)
  self:finish(ticket)
  ticket.cancelled = true
  for i, other in ipairs(self.under_way) do
    if other == ticket then
      table.remove(self.under_way, i)
    end
  end
end

function driver:wait(seconds)
  self.waits[#self.waits + 1] = seconds
  local till = self.clock + seconds
  for _, ticket in ipairs(self.under_way) do
    till = math.min(till, math.max(ticket.at, self.clock))
  end
  self.clock = till
  return self:settle()
end

function driver:now()
  return self.clock
end

function driver:time()
  return self.clock + 1e9
end

function driver:close()
  self.closed = true
  while self.under_way[1] do
    self:cancel(self.under_way[1])
  end
end

return driver
