--- Ties the objects a script holds to the inner state of their client without showing it.
--
-- The state knows the credential, so no table that a script can walk holds it: it is
-- found by a weak map here, or by the closures of a metatable that cannot be fetched.

local handle = {}

local states = setmetatable({}, { __mode = "k" })
local classes = setmetatable({}, { __mode = "k" })

--- An object of a class, tied to a state.
---@param class table     its methods
---@param state table
---@param object table?   what it shows
---@return table
function handle.new(class, state, object)
  object = object or {}
  states[object], classes[object] = state, class
  return setmetatable(object, class.metatable)
end

--- The state of an object of the class, or nil for anything else.
---@param object any
---@param class table
---@return table|nil
function handle.state(object, class)
  if classes[object] ~= class then return nil end
  return states[object]
end

return handle
