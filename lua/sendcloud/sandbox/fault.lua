--- Checks a fault as a script describes it and puts it into the form that the engine
--- takes.
--
-- Pure: a table in, a flat table of numbers and strings out. What is wrong with a fault
-- is a mistake in a test, so it is raised, with the name of the member.

local fault = {}

-- Everything that can be asked of the services by name; a misspelt name would never fire.
local OPERATIONS = {
  members = "upsert delete delete_where update get list",
  tags = "create delete update list add remove members",
  segments = "create delete update get list progress members remove_members",
}

local RESETS = { before = 1, after = 2, connect = 3 }
local SECONDS, DATE = 1, 2 -- forms of Retry-After

local MEMBERS = {}
for name in ([[operation provider nth every times probability rate burst status headers body
  retry_after delay reset truncate drip content_length error_body html applied
  strip]]):gmatch("%S+") do
  MEMBERS[name] = true
end

-- What a fault does, as the engine has it; the rest says when.
local EFFECTS = { "status", "headers", "body", "retry_form", "delay_min", "reset", "truncate",
  "drip", "content_length", "error_body", "html", "strip" }

--- Whether there is an operation of that name; "members.*" and "*" stand for several.
---@param name string
---@return boolean
function fault.knows(name)
  local group, rest = name:match("^(%l+)%.([%l_*]+)$")
  local names = group and OPERATIONS[group]
  if name == "*" or names and rest == "*" then return true end
  return names ~= nil and (" " .. names .. " "):find(" " .. rest .. " ", 1, true) ~= nil
end

local function refuse(name, reason)
  error("fault." .. name .. ": " .. reason, 0)
end

local function check_number(name, value, min, max, whole)
  if type(value) ~= "number" or value ~= value or value < min or value > max then
    refuse(name, ("a number from %.14g to %.14g is needed"):format(min, max))
  end
  if whole and value % 1 ~= 0 then refuse(name, "a whole number is needed") end
  return value
end

local function check_text(name, value)
  if type(value) ~= "string" then refuse(name, "a string is needed") end
  return value
end

-- { ["X-Name"] = "value" } or { "X-Name: value" } as lines, in an order that is always
-- the same.
local function header_lines(headers)
  if type(headers) ~= "table" then refuse("headers", "a table is needed") end
  local lines = {}
  for name, value in pairs(headers) do
    local line = type(name) == "number" and tostring(value) or name .. ": " .. tostring(value)
    if not line:match("^[%w!#$%%&'*+.^_`|~-]+:[^%c]*$") then
      refuse("headers", ("%q is no header"):format(line))
    end
    lines[#lines + 1] = line
  end
  table.sort(lines)
  return table.concat(lines, "\n") .. "\n"
end

-- A number of seconds; { date = seconds } for the same as a date; "date" for the time
-- that the bucket needs (or one second) as a date; any other string goes out as it is.
local function retry_after(out, value)
  if type(value) == "table" then
    out.retry_form = DATE
    out.retry_after = check_number("retry_after", value.date, 0, 1e9)
  elseif value == "date" then
    out.retry_form = DATE
  elseif type(value) == "string" then
    out.headers = (out.headers or "") .. header_lines { ["Retry-After"] = value }
  elseif value ~= false then
    out.retry_form = SECONDS
    out.retry_after = check_number("retry_after", value, 0, 1e9)
  end
end

local function delay(out, value)
  local low, high = value, value
  if type(value) == "table" then
    low, high = value[1] or value.min, value[2] or value.max
  end
  out.delay_min = check_number("delay", low, 0, 1e6)
  out.delay_max = check_number("delay", high, out.delay_min, 1e6)
end

local function which(out, rule)
  if rule.operation ~= nil then
    out.operation = check_text("operation", rule.operation)
    if not fault.knows(out.operation) then
      refuse("operation", ("there is no operation %q"):format(out.operation))
    end
  end
  if rule.provider ~= nil then
    if rule.provider ~= "sendcloud" and rule.provider ~= "engagelab" then
      refuse("provider", '"sendcloud" or "engagelab" is needed')
    end
    out.provider = rule.provider
  end
  for _, name in ipairs { "nth", "every", "times" } do
    if rule[name] ~= nil then out[name] = check_number(name, rule[name], 1, 1e15, true) end
  end
  if rule.probability ~= nil then
    out.probability = check_number("probability", rule.probability, 0, 1)
  end
  if rule.rate ~= nil then
    out.rate = check_number("rate", rule.rate, 1e-6, 1e9)
    out.burst = check_number("burst", rule.burst or math.max(1, rule.rate), 1, 1e9)
  end
end

local function what(out, rule)
  if rule.status ~= nil then out.status = check_number("status", rule.status, 200, 599, true) end
  if rule.rate and not (rule.status or rule.html or rule.error_body) then out.status = 429 end
  if rule.headers ~= nil then out.headers = header_lines(rule.headers) end
  if rule.body ~= nil then out.body = check_text("body", rule.body) end
  if rule.retry_after ~= nil then
    retry_after(out, rule.retry_after)
  elseif rule.rate then
    out.retry_form = SECONDS
  end
  if rule.delay ~= nil then delay(out, rule.delay) end
  if rule.reset ~= nil then
    out.reset = RESETS[rule.reset] or refuse("reset", '"before", "after" or "connect" is needed')
  end
  if rule.truncate == true then
    out.truncate = -2
  elseif rule.truncate then
    out.truncate = check_number("truncate", rule.truncate, 0, 1e9, true)
  end
  if rule.drip then out.drip = check_number("drip", rule.drip, 0, 1e6) end
  if rule.content_length then
    out.content_length = check_number("content_length", rule.content_length, 0, 1e12, true)
  end
  if rule.error_body == true then
    out.error_body = 400
  elseif rule.error_body then
    out.error_body = check_number("error_body", rule.error_body, 400, 599, true)
  end
  out.html = rule.html and true or nil
  out.strip = rule.strip and true or nil
  out.applied = rule.applied and true or nil
end

--- The rule that the engine takes, from one as API users write it (see sandbox.lua).
---@param rule table
---@return table
function fault.check(rule)
  if type(rule) ~= "table" then error("fault: a table is needed", 0) end
  local out = {}
  for name in pairs(rule) do
    if not MEMBERS[name] then error(("fault: there is no member %q"):format(tostring(name)), 0) end
  end
  which(out, rule)
  what(out, rule)
  for _, name in ipairs(EFFECTS) do
    if out[name] ~= nil then return out end
  end
  error("fault: it says nothing that goes wrong: status, delay, reset, body, …", 0)
end

return fault
