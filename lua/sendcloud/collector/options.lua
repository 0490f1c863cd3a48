--- The options of a collector, checked.

local errors = require "sendcloud.errors"
local nearest = require "sendcloud.nearest"

local options = {}

local MIB = 1048576

local function number(least, most)
  return function(value)
    -- What is no number compares as false.
    if type(value) == "number" and value >= least and value <= most then return nil end
    return ("must be a number from %g to %g"):format(least, most)
  end
end

local function integer(least, most)
  return function(value)
    if type(value) == "number" and value % 1 == 0 and value >= least and value <= most then
      return nil
    end
    return ("must be a whole number from %d to %d"):format(least, most)
  end
end

local function path(value)
  if type(value) ~= "string" or value == "" then return "must be a path" end
  if value:find("%c") then return "must not hold a control character" end
end

local function one_of(...)
  local known, names = {}, {}
  for index, name in ipairs { ... } do known[name], names[index] = true, ('"%s"'):format(name) end
  return function(value)
    if not known[value] then return "must be " .. table.concat(names, " or ") end
  end
end

local function retry(value)
  if type(value) ~= "table" then return "must be a table" end
  for name, entry in pairs(value) do
    if name ~= "base" and name ~= "cap" then
      return tostring(name) .. ": " .. nearest.unknown(name, { base = 1, cap = 1 })
    end
    local reason = number(0.001, 86400)(entry)
    if reason then return name .. ": " .. reason end
  end
end

local CHECKS = {
  client = function() end, -- by the collector, which knows clients
  journal = path, refused = path,
  sync = one_of("always", "interval"), sync_interval = number(0.001, 3600),
  batch = integer(1, 1000), batch_bytes = integer(1024, 16 * MIB), age = number(0, 3600),
  max_bytes = integer(65536, 2 ^ 40),
  tag_mode = one_of("append", "replace", "keep"),
  update_existing = function(value)
    if type(value) ~= "boolean" then return "must be true or false" end
  end,
  retry = retry,
  log = function(value)
    if type(value) ~= "function" then return "must be a function" end
  end,
}

local DEFAULTS = {
  sync = "always", sync_interval = 1, batch = 1000, batch_bytes = MIB, age = 1,
  max_bytes = 256 * MIB, tag_mode = "append", update_existing = true,
}

--- Checks options and fills in what is left out.
---@param given sendcloud.CollectorOptions
---@return table|nil options
---@return sendcloud.Error? err kind `config`
function options.check(given)
  local names = {}
  for name in pairs(given) do names[#names + 1] = tostring(name) end
  table.sort(names) -- so that of two mistakes always the same one is told
  for _, name in ipairs(names) do
    local check = CHECKS[name]
    local reason
    if check then reason = check(given[name]) else reason = nearest.unknown(name, CHECKS) end
    if reason then return nil, errors.config(name .. ": " .. reason, name) end
  end
  if not given.journal then
    return nil, errors.config("journal: name a folder that the collector has for itself", "journal")
  end
  local found = {}
  for name, value in pairs(DEFAULTS) do found[name] = value end
  for name, value in pairs(given) do found[name] = value end
  found.journal = found.journal:gsub("(.)/+$", "%1")
  found.refused = found.refused or found.journal .. "/refused.jsonl"
  found.retry = {
    base = given.retry and given.retry.base or 1, cap = given.retry and given.retry.cap or 30,
  }
  return found
end

return options
