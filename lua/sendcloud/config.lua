--- The options of sendcloud.new, checked. Credentials are handed back beside the
--- configuration, never inside it.

local check = require "sendcloud.check"
local errors = require "sendcloud.errors"

local config = {}

local PROVIDERS = { sendcloud = true, engagelab = true }
local TRANSPORTS = { curl = true, ngx = true, sandbox = true }
local LONGEST_URL = 2048
local DEFAULT_RETRY = { attempts = 5, base = 0.25, cap = 20 }

---@class sendcloud.Options
---@field provider? "sendcloud"|"engagelab" default "sendcloud"
---@field api_user? string
---@field api_key? string
---@field base_url? string          default: the provider's
---@field region? "sg"|"tr"         EngageLab's data centre
---@field timeout? number           seconds for one attempt, default 30
---@field connect_timeout? number   seconds, default 5
---@field deadline? number|false    seconds for one call with its retries, default 120;
---  false: none
---@field retry? { attempts: integer?, base: number?, cap: number? }|false
---@field rate? number              requests a second, shared by everything the client
---  does; no second has more of them, and on the whole they are 3 % fewer
---@field shared? string             in nginx: the lua_shared_dict in which all workers keep
---  the rate, and what they learn of the service's
---@field thread_pool? string        in nginx: the thread_pool whose threads carry requests
---  where the helper thread cannot start
---@field concurrency? integer      requests in flight in bulk work and parallel(),
---  default 8
---@field ca_file? string           PEM file of the authorities to trust
---@field proxy? string             URL
---@field user_agent? string
---@field transport? "curl"|"ngx"|"sandbox"|fun(request: table): table|nil, any
---@field on_event? fun(event: sendcloud.Event)
---@field insecure_http? boolean    allow http:// to a host that is not loopback
---@field reconcile? boolean        look a name up when the outcome of its creation is
---  unknown

local function number(minimum, exclusive)
  return function(value)
    if type(value) ~= "number" or value ~= value or value == math.huge then
      return "must be a finite number"
    end
    if value < minimum or (exclusive and value == minimum) then
      local bound = exclusive and "more than" or "at least"
      return ("must be %s %g, got %g"):format(bound, minimum, value)
    end
  end
end

local function text(value)
  if type(value) ~= "string" then return "must be a text" end
  if value == "" then return "must not be empty" end
  if value:find("%c") then return "must not hold a control character (CR, LF, NUL)" end
end

local CHECKS = {
  provider = function(value)
    local is_table = type(value) == "table" and type(value.operations) == "table"
    if is_table or PROVIDERS[value] then return nil end
    return 'must be "sendcloud" or "engagelab"'
  end,
  api_user = function(value)
    return text(value) or value:find(":", 1, true) and "must not hold a colon" or nil
  end,
  api_key = text, base_url = text, region = text,
  timeout = number(0, true), connect_timeout = number(0, true),
  deadline = function(value)
    if value == false or value == math.huge then return nil end
    return number(0, true)(value)
  end,
  retry = function(value)
    if value == false or type(value) == "table" then return nil end
    return "must be a table or false"
  end,
  rate = number(0, true),
  shared = text, thread_pool = text,
  concurrency = check.integer(1, 1000),
  ca_file = text, proxy = text, user_agent = text,
  transport = function(value)
    if type(value) == "function" or TRANSPORTS[value] then return nil end
    local is_object = type(value) == "table" and type(value.send) == "function"
    if not is_object then return 'must be "curl", "ngx", "sandbox" or a function' end
  end,
  on_event = check.any,
  insecure_http = check.boolean, reconcile = check.boolean,
}

local RETRY_CHECKS = { attempts = check.integer(1, 100), base = number(0), cap = number(0) }

local function check_options(options, checks, prefix)
  local name, reason = check.options(options, checks)
  if name then
    return errors.config(prefix .. name .. ": " .. reason, prefix .. name)
  end
end

local function getenv(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- The credentials and what goes with them: the caller's own, or all from the environment.
local function sources(options)
  local found = {
    provider = options.provider, base_url = options.base_url,
    api_user = options.api_user, api_key = options.api_key,
  }
  if found.api_user ~= nil or found.api_key ~= nil then return found end

  local env_provider = getenv("SENDCLOUD_PROVIDER")
  found.provider = found.provider or env_provider
  found.api_user = getenv("SENDCLOUD_API_USER")
  found.api_key = getenv("SENDCLOUD_API_KEY")
  -- A base URL kept for one provider is not used for the other.
  if not found.base_url and not options.region
    and (not env_provider or env_provider == found.provider) then
    found.base_url = getenv("SENDCLOUD_BASE_URL")
  end
  return found
end

local function missing(options, found)
  local lacks = {}
  if found.api_user == nil then lacks[1] = "api_user" end
  if found.api_key == nil then lacks[#lacks + 1] = "api_key" end
  if #lacks == 0 then return nil end
  local names = table.concat(lacks, " and ")
  local variables = names:gsub("api_%a+", function(name)
    return "SENDCLOUD_" .. name:upper()
  end)
  if options.api_user == nil and options.api_key == nil then
    return errors.config(("no credentials: set %s, or the environment's %s"):format(names,
      variables), lacks[1])
  end
  -- Half of the credentials given: those of the environment may belong to somebody else.
  return errors.config(("%s is missing: give it too, or leave both to the environment's "
    .. "SENDCLOUD_API_USER and SENDCLOUD_API_KEY"):format(names), lacks[1])
end

local function is_loopback(host)
  if host == "localhost" or host == "[::1]" then return true end
  local a, b, c = host:match("^127%.(%d+)%.(%d+)%.(%d+)$")
  return a ~= nil and math.max(tonumber(a), tonumber(b), tonumber(c)) <= 255
end

-- What stands in the place of a port: nothing, or a colon and 1 to 65535.
local function is_port(rest)
  local digits = rest:match("^:(%d+)$")
  return rest == "" or digits ~= nil and tonumber(digits) >= 1 and tonumber(digits) <= 65535
end

--- A base URL without its last slash; plain http only where it cannot be overheard.
---@param url string
---@param insecure boolean?
---@return string|nil url
---@return string? reason
function config.base_url(url, insecure)
  if #url > LONGEST_URL then return nil, "has at most " .. LONGEST_URL .. " bytes" end
  local scheme, rest = url:match("^(%a+)://(.*)$")
  scheme = scheme and scheme:lower()
  if scheme ~= "https" and scheme ~= "http" then
    return nil, "must begin with https://"
  end
  if rest:find("[%c%s?#\\]") then return nil, "holds a space, a query or a fragment" end
  local authority, path = rest:match("^([^/]*)(.*)$")
  if authority:find("@", 1, true) then
    return nil, "must not hold credentials; they are api_user and api_key"
  end
  local host = authority:match("^%[[%x:.]*:[%x:.]*%]") or authority:match("^[^:%[%]]+")
  local port = host and authority:sub(#host + 1)
  if not host or not is_port(port) then
    return nil, "is not scheme://host[:port][/path]"
  elseif host:find("[^%w%-_.:%[%]]") then
    return nil, "its host has letters a-z, digits, - . and _ only (others go as xn--…)"
  end
  host = host:lower()
  if scheme == "http" and not insecure and not is_loopback(host) then
    return nil, "http:// shows the key to the network: use https://, or insecure_http = true"
  end
  return scheme .. "://" .. host .. port .. path:gsub("/+$", "")
end

-- The provider's table.
local function provider_of(name)
  if type(name) == "table" then return name end
  return require("sendcloud.provider." .. (name or "sendcloud"))
end

-- What a region must be, of a provider that has no such one.
local function known_regions(provider)
  local names = {}
  for name in pairs(provider.regions or {}) do names[#names + 1] = ('"%s"'):format(name) end
  if #names == 0 then
    return "left out: " .. provider.name .. " has one address, see base_url"
  end
  table.sort(names)
  return "one of " .. table.concat(names, ", ")
end

-- Where the requests go.
local function address(options, found, provider)
  local region = options.region
  local regional = region and (provider.regions or {})[region]
  if region and not regional then
    return nil, errors.config("region: must be " .. known_regions(provider), "region")
  end
  local url = found.base_url or regional or provider.base_url
  local checked, reason = config.base_url(url, options.insecure_http)
  if not checked then return nil, errors.config("base_url: " .. reason, "base_url") end
  return checked
end

local function retry_of(given)
  if given == false then return { attempts = 1, base = 0, cap = 0 } end
  local retry = {}
  for name, default in pairs(DEFAULT_RETRY) do
    local value = given and given[name]
    retry[name] = value == nil and default or value
  end
  return retry
end

--- Checks the options of a client.
---@param options sendcloud.Options
---@return table|nil configuration everything but the credentials
---@return sendcloud.Error|string err_or_user kind `config`; or the API user
---@return string? key
function config.check(options)
  local err = check_options(options, CHECKS, "")
  if not err and options.retry then err = check_options(options.retry, RETRY_CHECKS, "retry.") end
  if err then return nil, err end

  local found = sources(options)
  err = missing(options, found) or check_options(found, CHECKS, "")
  if err then return nil, err end

  local provider = provider_of(found.provider)
  local url
  url, err = address(options, found, provider)
  if not url then return nil, err end

  local deadline = options.deadline
  if deadline == nil then deadline = 120 end
  if deadline == math.huge then deadline = false end
  return {
    provider = provider,
    base_url = url,
    timeout = options.timeout or 30,
    connect_timeout = options.connect_timeout or 5,
    deadline = deadline or nil,
    retry = retry_of(options.retry),
    rate = options.rate, shared = options.shared, thread_pool = options.thread_pool,
    concurrency = options.concurrency or 8,
    ca_file = options.ca_file, proxy = options.proxy, user_agent = options.user_agent,
    transport = options.transport, on_event = options.on_event,
    reconcile = options.reconcile or false,
    log = getenv("SENDCLOUD_LOG"),
  }, found.api_user, found.api_key
end

return config
