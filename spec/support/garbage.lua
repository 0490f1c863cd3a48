-- Finalizers in the middle of an action.

local garbage = {}

local ROUNDS = 60

-- An object that calls act when it is collected.
local function mine(act)
  if newproxy then -- luacheck: ignore 113
    getmetatable(newproxy(true)).__gc = act -- luacheck: ignore 113
  else
    setmetatable({}, { __gc = act })
  end
end

--- Runs action again and again with rubbish around it, so that finalizers that call meanwhile run
--- in the middle of it. How often they did.
---@param meanwhile fun()
---@param action fun(round: integer): any, any makes little garbage besides
---@param check? fun(first: any, second: any) gets what action returned, when they are quiet again
---@return integer
function garbage.amid(meanwhile, action, check)
  local inside, met = false, 0
  local function act()
    if not inside then return end
    met = met + 1
    pcall(meanwhile)
  end
  for round = 1, ROUNDS do
    collectgarbage()
    collectgarbage "stop"
    for _ = 1, 30 do mine(act) end
    collectgarbage "restart"
    local rubbish = {}
    for index = 1, round * 37 do rubbish[index] = {} end
    inside = #rubbish > 0
    local first, second = action(round)
    inside = false
    if check then check(first, second) end
  end
  return met
end

return garbage
