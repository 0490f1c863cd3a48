--- The options of a collector, checked.

local check = require "sendcloud.check"
local errors = require "sendcloud.errors"

local options = {}

local MIB = 1048576

local function number(least, most)
  return function(value)
    -- What is no number compares as false.
    if type(value) == "number" and value >= least and value <= most then return nil end
    return ("must be a number from %g to %g"):format(least, most)
  end
end

local function path(value)
  if type(value) ~= "string" or value == "" then return "must be a path" end
  if value:find("%c") then return "must not hold a control character" end
end

local RETRY_CHECKS = { base = number(0.001, 86400), cap = number(0.001, 86400) }

local function retry(value)
  if type(value) ~= "table" then return "must be a table" end
  local name, reason = check.options(value, RETRY_CHECKS)
  if name then return name .. ": " .. reason end
end

local CHECKS = {
  client = check.any, -- by the collector, which knows clients
  journal = path, refused = path,
  sync = check.one_of("always", "interval"), sync_interval = number(0.001, 3600),
  batch = check.integer(1, 1000), batch_bytes = check.integer(1024, 16 * MIB),
  age = number(0, 3600),
  max_bytes = check.integer(65536, 2 ^ 40),
  tag_mode = check.one_of("append", "replace", "keep"),
  update_existing = check.boolean,
  retry = retry,
  log = check.kind("function"),
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
  local name, reason = check.options(given, CHECKS)
  if name then return nil, errors.config(name .. ": " .. reason, name) end
  if not given.journal then
    return nil, errors.config("journal: name a folder that the collector has for itself", "journal")
  end
  local found = {}
  for key, value in pairs(DEFAULTS) do found[key] = value end
  for key, value in pairs(given) do found[key] = value end
  found.journal = found.journal:gsub("(.)/+$", "%1")
  found.refused = found.refused or found.journal .. "/refused.jsonl"
  found.retry = {
    base = given.retry and given.retry.base or 1, cap = given.retry and given.retry.cap or 30,
  }
  return found
end

return options
