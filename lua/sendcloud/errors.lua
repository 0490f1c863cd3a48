--- Error objects: plain tables that read well.
--
-- Everything that depends on data or on the world comes back as `nil, err`, where err is
-- made here. A mistake in the calling program (a missing self, a number where a function
-- must be) is raised instead, at the line of the caller: `errors.misuse`.

local errors = {}

local Error = {}

-- Control characters would break the promise of one line (and could rewrite a terminal).
local function one_line(text)
  return (tostring(text):gsub("%c+", " "))
end

--- `members.upsert: members[17].email: required (invalid)`
function Error:__tostring()
  local notes = { self.kind }
  if self.status then notes[#notes + 1] = "HTTP " .. tostring(self.status) end
  if self.code then notes[#notes + 1] = "code " .. tostring(self.code) end
  if self.outcome == "unknown" then notes[#notes + 1] = "outcome unknown" end
  if (self.attempts or 0) > 1 then notes[#notes + 1] = self.attempts .. " attempts" end
  local place = self.operation and self.operation .. ": " or ""
  local text = ("%s%s (%s)"):format(place, tostring(self.message), table.concat(notes, ", "))
  return one_line(text)
end

function Error.__concat(left, right)
  return tostring(left) .. tostring(right)
end

--- An error object of these fields.
---@param fields table kind and message at least
---@return sendcloud.Error
function errors.new(fields)
  return setmetatable(fields, Error)
end

--- Whether value is an error object of this library.
---@param value any
---@return boolean
function errors.is(value)
  return type(value) == "table" and getmetatable(value) == Error
end

--- A parameter that cannot be sent as it is.
---@param operation string?
---@param parameter string? path of the parameter, "members[17].email"
---@param reason string     what is wrong with it; never its content
---@return sendcloud.Error
function errors.invalid(operation, parameter, reason)
  local named = parameter and parameter ~= ""
  return errors.new {
    kind = "invalid",
    operation = operation,
    parameter = named and parameter or nil,
    message = named and parameter .. ": " .. reason or reason,
  }
end

--- An option the client cannot be made with.
---@param message string never holds a credential
---@param parameter string? the option's name
---@return sendcloud.Error
function errors.config(message, parameter)
  return errors.new { kind = "config", message = message, parameter = parameter }
end

--- Raises a mistake of the calling program at the line that called the public function.
---@param message string
---@param level integer? as of error(), seen from the caller of misuse; 2 is whoever
---  called it
function errors.misuse(message, level)
  error("sendcloud: " .. message, (level or 2) + 1)
end

--- Raises unless self is an object of this library (`object.method()` for
--- `object:method()`).
---@param ok any       true when self is what it should be
---@param usage string "client.members:get(id)"
function errors.check_self(ok, usage)
  if not ok then error("sendcloud: call it with a colon: " .. usage, 3) end
end

--- Raises unless value is of the Lua type wanted, or nil where that is allowed.
---@param value any
---@param wanted string "table" or "function"
---@param what string   "options"
---@param optional boolean?
function errors.check_type(value, wanted, what, optional)
  if type(value) == wanted or (optional and value == nil) then return end
  error(("sendcloud: %s must be a %s, got %s"):format(what, wanted, type(value)), 3)
end

return errors
