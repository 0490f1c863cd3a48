--- Checks what a script hands to a box: the options of start, the filter of requests.
--
-- Pure. What is wrong is a mistake in a test, so it is raised, without a place: who calls
-- adds the script's line.

local fault = require "sendcloud.sandbox.fault"

local check = {}

local MOST = 10000000 -- entries and connections
local BYTES = 2 ^ 40

-- The type of an option, or the largest that a whole number of 0 or more may be.
local OPTIONS = {
  port = 65535, path = "string", seed = "number", api_user = "string", api_key = "string",
  address = "string", exposed = "boolean", silence = 86400, connections = MOST,
  max_body = BYTES, log_entries = MOST, log_bytes = BYTES,
}

local function whole(value, most)
  if type(value) == "number" and value >= 0 and value <= most and value % 1 == 0 then return nil end
  return ("a whole number from 0 to %.0f is needed"):format(most)
end

-- What is wrong with an option of OPTIONS, or nil.
local function wrong(name, value)
  local wanted = OPTIONS[name]
  if type(wanted) == "number" then return whole(value, wanted) end
  if type(value) ~= wanted then return ("a %s is needed"):format(wanted) end
  if value == "" then return "must not be empty" end
  if name == "seed" and value % 1 ~= 0 then return "a whole number is needed" end
end

--- The options that are rules left open by the documents, as the engine takes them.
---@param options table   of sandbox.start
---@param rules { name: string }[]   what core.switches() gives
---@return table<string, string>
function check.options(options, rules)
  local found, known = {}, {}
  for _, rule in ipairs(rules) do known[rule.name] = true end
  for name, value in pairs(options) do
    if known[name] then
      if type(value) == "boolean" then value = value and "yes" or "no" end
      found[name] = type(value) == "number" and ("%.14g"):format(value) or tostring(value)
    elseif name ~= "clock" and not OPTIONS[name] then
      error(("sandbox: there is no option %q"):format(tostring(name)), 0)
    elseif name ~= "clock" then
      local reason = wrong(name, value)
      if reason then error(("sandbox: %s: %s"):format(name, reason), 0) end
    end
  end
  return found
end

--- The filter of box:requests, which may be the name of an operation alone.
---@param filter? table|string
---@return string? operation
---@return integer? last
function check.filter(filter)
  if filter == nil then return nil, nil end
  if type(filter) == "string" then filter = { operation = filter } end
  if type(filter) ~= "table" then error("requests: a table or an operation's name is needed", 0) end
  for name in pairs(filter) do
    if name ~= "operation" and name ~= "last" then
      error(("requests: there is no filter %q; operation and last are"):format(tostring(name)), 0)
    end
  end
  local operation, last = filter.operation, filter.last
  if operation ~= nil and not (type(operation) == "string" and fault.knows(operation)) then
    error(("requests.operation: there is no operation %q"):format(tostring(operation)), 0)
  end
  local reason = last ~= nil and whole(last, BYTES)
  if reason then error("requests.last: " .. reason, 0) end
  return operation, last
end

return check
