--- Functions side by side on one thread.

local yieldable = require "sendcloud.yieldable"

local parallel = {}

local RAISED_NIL = "(error object is a nil value)" -- as the interpreter says it

-- What a function gave, put in its place: its first result, or what it returned as error
-- or raised.
local function settle(results, failures, index, ok, first, second)
  if not ok then
    failures[index] = first == nil and RAISED_NIL or first
  else
    results[index] = first
    if first == nil then failures[index] = second end
  end
end

--- Runs functions, so many at a time; the order of the results is theirs.
---@param transport table
---@param functions fun(): any, any[]
---@param concurrency integer
---@return table results  results[i]: what functions[i] returned first
---@return table failures failures[i]: the error it returned or raised
function parallel.run(transport, functions, concurrency)
  local results, failures = {}, {}
  local count, next_index = #functions, 1

  -- What a function raises stops no other. Where a pcall would keep it from yielding, each
  -- is a task of its own.
  local function try(fn)
    if yieldable.across_pcall then return pcall(fn) end
    return transport:await(transport:spawn(fn))
  end

  local function work()
    while next_index <= count do
      local index = next_index
      next_index = index + 1
      settle(results, failures, index, try(functions[index]))
    end
  end

  local workers = {}
  for index = 1, math.min(concurrency, count) do
    workers[index] = transport:spawn(work)
  end
  for _, worker in ipairs(workers) do
    local ok, raised = transport:await(worker)
    if not ok then -- cancelled, with what it had not begun
      for index = 1, count do
        if results[index] == nil then failures[index] = failures[index] or raised end
      end
    end
  end
  return results, failures
end

return parallel
