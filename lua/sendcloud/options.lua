--- The options that calls take beside their parameters, checked: a misspelt one would
--- otherwise be left out without a word.

local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"

local nearest = lazy.require "sendcloud.nearest"

local options = {}

local OF_A_CALL = { deadline = true, timeout = true, reconcile = true }

--- The first key, in the alphabet's order, that is not among the known ones.
---@param operation string?
---@param given table
---@param known table<string, any>
---@return sendcloud.Error|nil err kind `invalid`
function options.unknown(operation, given, known)
  local stranger, shown
  for key in pairs(given) do
    local name = nearest.shown(key)
    if known[key] == nil and (not shown or name < shown) then stranger, shown = key, name end
  end
  if shown then
    return errors.invalid(operation, shown, nearest.unknown(stranger, known))
  end
end

--- What of the options named is there and no time.
---@param operation string?
---@param given table
---@param ... string names
---@return sendcloud.Error|nil err kind `invalid`
function options.seconds(operation, given, ...)
  for _, name in ipairs { ... } do
    local value = given[name]
    local positive = type(value) == "number" and value > 0
    if value ~= nil and not positive then
      return errors.invalid(operation, name, "must be seconds, more than 0")
    end
  end
end

--- The options of any single call.
---@param operation string
---@param given sendcloud.CallOptions?
---@return sendcloud.Error|nil err kind `invalid`
function options.of_call(operation, given)
  if given == nil then return nil end
  local err = options.unknown(operation, given, OF_A_CALL)
    or options.seconds(operation, given, "deadline", "timeout")
  if not err and given.reconcile ~= nil and type(given.reconcile) ~= "boolean" then
    err = errors.invalid(operation, "reconcile", "must be true or false")
  end
  return err
end

return options
