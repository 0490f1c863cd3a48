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
local condition = require "sendcloud.condition"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local time = require "sendcloud.time"
local version = require "sendcloud.version"

---@class sendcloud
---@field _VERSION string
---@field null lightuserdata     the `null` of lua-cjson
---@field where sendcloud.Where  builds conditions
---@field everyone sendcloud.Condition
local sendcloud = {
  _VERSION = version,
  null = core.null,
  where = condition.where,
  everyone = condition.everyone,
}

--- Seconds since 1970 of a time as either provider spells it.
---@param text string|nil without a zone it is UTC+8
---@return number|nil nil for what is no time
sendcloud.time = time.parse

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
