--- Tasks that come and go: what is kept of one ends with it, and one waits for all.

local crew = {}

---@class sendcloud.Crew
---@field transport table
---@field live table<table, sendcloud.Task|true> by a mark of each

-- Nothing is pcalled here: Lua 5.1 cannot yield across one.
local function work(self, mark, fn, ...)
  fn(...)
  self.live[mark] = nil
end

--- A crew without tasks.
---@param transport table
---@return sendcloud.Crew
function crew.new(transport)
  return { transport = transport, live = {} }
end

--- Starts a function in a task of its own.
---@param self sendcloud.Crew
---@param fn function
---@param ... any its arguments
function crew.add(self, fn, ...)
  local mark = {}
  self.live[mark] = true
  local task = self.transport:spawn(work, self, mark, fn, ...)
  if self.live[mark] then self.live[mark] = task end
end

--- Waits until no task is left, those that begin meanwhile included.
---@param self sendcloud.Crew
---@param on_raise fun(raised: any) called with what a task raised
function crew.wait(self, on_raise)
  local mark, task = next(self.live)
  while mark do
    if task == true then -- nginx lets others run while it makes a task
      if not self.transport:sleep(0) then self.live[mark] = nil end
    else
      local ok, raised = self.transport:await(task)
      self.live[mark] = nil
      if not ok then on_raise(raised) end
    end
    mark, task = next(self.live)
  end
end

return crew
