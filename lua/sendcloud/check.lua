--- Checks of options: a check is a function that says what is wrong with a value, or nil.

local lazy = require "sendcloud.lazy"

local nearest = lazy.require "sendcloud.nearest"

local check = {}

---@alias sendcloud.Check fun(value: any): string|nil

--- A whole number in a range.
---@param least integer
---@param most integer
---@return sendcloud.Check
function check.integer(least, most)
  return function(value)
    -- What is no number compares as false.
    if type(value) == "number" and value % 1 == 0 and value >= least and value <= most then
      return nil
    end
    return ("must be a whole number from %d to %d"):format(least, most)
  end
end

--- A value of one type of Lua's.
---@param wanted type
---@return sendcloud.Check
function check.kind(wanted)
  return function(value)
    if type(value) ~= wanted then
      return ("must be a %s, got %s"):format(wanted, type(value))
    end
  end
end

--- One of some words.
---@param ... string
---@return sendcloud.Check
function check.one_of(...)
  local known, words = {}, {}
  for index, word in ipairs { ... } do
    known[word], words[index] = true, ('"%s"'):format(word)
  end
  local last = table.remove(words)
  local list = (words[1] and table.concat(words, ", ") .. " or " or "") .. last
  return function(value)
    if not known[value] then return "must be " .. list end
  end
end

--- true or false.
---@param value any
---@return string|nil reason
function check.boolean(value)
  if type(value) ~= "boolean" then return "must be true or false" end
end

--- Anything: what is checked elsewhere.
function check.any() end

--- Every option by its check. The first thing wrong is told in the alphabet's order, so
--- that of two mistakes it is always the same.
---@param given table<string, any>
---@param checks table<string, sendcloud.Check>
---@return string|nil name of the option at fault
---@return string|nil reason
function check.options(given, checks)
  local names = {}
  for name in pairs(given) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local reason
    if checks[name] then
      reason = checks[name](given[name])
    else
      reason = nearest.unknown(name, checks)
    end
    if reason then return nearest.shown(name), reason end
  end
end

return check
