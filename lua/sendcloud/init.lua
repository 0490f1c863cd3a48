--- Marketing contact lists of SendCloud and EngageLab.
--
--   local sendcloud = require "sendcloud"
--   local client = assert(sendcloud.new { api_user = "…", api_key = "…" })
--   for member in client.members:each { where = sendcloud.where.Age:ge(18) } do
--     print(member.email)
--   end
--
-- Requiring it does nothing but load: no I/O, no global, no state.

local client = require "sendcloud.client"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local version = require "sendcloud.version"

local condition = lazy.require "sendcloud.condition"
local time = lazy.require "sendcloud.time"

---@class sendcloud
---@field _VERSION string
---@field null lightuserdata     the `null` of lua-cjson
---@field where sendcloud.Where  builds conditions
---@field everyone sendcloud.Condition
local sendcloud = {
  _VERSION = version,
  null = core.null,
}

-- Conditions are a large part of the library, and many programs have none.
local CONDITIONS = { where = true, everyone = true }
setmetatable(sendcloud, { __index = function(self, name)
  if not CONDITIONS[name] then return nil end
  local value = condition[name]
  rawset(self, name, value)
  return value
end })

--- Seconds since 1970 of a time as either provider spells it.
---@param text string|nil without a zone it is UTC+8
---@return number|nil nil for what is no time
function sendcloud.time(text)
  return time.parse(text)
end

--- Makes a client. Without credentials they are read from the environment:
--- SENDCLOUD_PROVIDER, SENDCLOUD_API_USER, SENDCLOUD_API_KEY, SENDCLOUD_BASE_URL. No I/O
--- happens here.
---@param options sendcloud.Options?
---@return sendcloud.Client|nil
---@return sendcloud.Error? err kind `config`, and what to set
function sendcloud.new(options)
  if options == sendcloud then
    errors.misuse("call it with a dot: sendcloud.new{ … }")
  end
  errors.check_type(options, "table", "options", true)
  options = options or {}
  errors.check_type(options.on_event, "function", "on_event", true)
  local transport = options.transport
  if type(transport) == "number" or type(transport) == "boolean" then
    errors.misuse("transport must be a function or a name, got " .. type(transport))
  end
  return client.new(options)
end

return sendcloud
