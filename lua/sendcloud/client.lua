--- The client: configuration, provider and transport wired together behind .members,
--- .tags and .segments.

local call = require "sendcloud.call"
local config = require "sendcloud.config"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local handle = require "sendcloud.handle"
local lazy = require "sendcloud.lazy"
local members = require "sendcloud.members"
local outgoing = require "sendcloud.outgoing"
local plan = require "sendcloud.plan"
local rate = require "sendcloud.rate"
local records = require "sendcloud.records"
local version = require "sendcloud.version"

local chunks = lazy.require "sendcloud.chunks"
local events = lazy.require "sendcloud.events"
local option_rules = lazy.require "sendcloud.options"
local pages = lazy.require "sendcloud.pages"
local parallel = lazy.require "sendcloud.parallel"
local rate_shared = lazy.require "sendcloud.rate_shared"
local reconcile = lazy.require "sendcloud.reconcile"
local request = lazy.require "sendcloud.request"
local segments = lazy.require "sendcloud.segments"
local tags = lazy.require "sendcloud.tags"

local client = {}

---@class sendcloud.Client
---@field members sendcloud.Members
---@field tags sendcloud.Tags
---@field segments sendcloud.Segments
local Client = {}
Client.metatable = { __metatable = "sendcloud.client" }

-- What many scripts never ask for is made when they do.
local LATER = { tags = tags, segments = segments }

function Client.metatable.__index(self, name)
  local module = LATER[name]
  if not module then return Client[name] end
  local room = handle.new(module.class, handle.state(self, Client))
  rawset(self, name, room)
  return room
end

-- The inner state -----------------------------------------------------------------------

local State = {}
State.__index = State

-- Numbers for jitter from a generator of our own: math.random may be unseeded (then every
-- process would wait the same), or be seeded by the program, whose numbers are not ours
-- to take.
local function new_random()
  local address = tonumber(tostring({}):match("0x(%x+)") or "0", 16) or 0
  local seed = (core.now() * 1e6 + core.pid() * 7919 + address) % 2147483646
  local value = math.floor(seed) + 1
  return function()
    value = value * 16807 % 2147483647
    return value / 2147483647
  end
end

local function transport_module(name)
  return require("sendcloud.transport." .. name)
end

-- Whether a worker of nginx runs this code (or its master).
local function is_nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.get_phase) == "function"
end

-- The transports there are by name; each is made when a call first needs it.
local function named_transport(state, name)
  local found = state.transports[name]
  if not found then
    local options = name == "ngx" and { thread_pool = state.config.thread_pool } or nil
    found = transport_module(name).new(options)
    state.transports[name] = found
  end
  return found
end

--- The transport for where the code runs just now. Inside nginx the transport of that
--- name says which: itself where the code can yield, libcurl where nothing else is served
--- yet, none where a call would stop the worker.
---@return table|nil
---@return sendcloud.Error? err `unsupported`, with the phase of nginx and the way out
function State:transport()
  if self.chosen then return self.chosen end
  if not is_nginx() then return self.transports.curl or named_transport(self, "curl") end
  local name, reason = transport_module("ngx").choose()
  if name then return named_transport(self, name) end
  return nil, errors.new { kind = "unsupported", message = reason }
end

--- libcurl's transport where that carries every call of the client.
---@return table|nil
function State:curl()
  local name = self.config.transport
  if self.chosen then return name == "curl" and self.chosen or nil end
  return not is_nginx() and self:transport() or nil
end

-- The transport that the user asked for: a name, a function, or an object with the
-- methods. It is the client's from then on, and closed with it.
local function chosen_transport(wanted)
  if wanted == nil then
    if is_nginx() then transport_module("ngx") end -- loaded while there are descriptors
    return nil
  end
  if type(wanted) == "function" then return transport_module("function").new(wanted) end
  if type(wanted) ~= "string" then return wanted end
  if wanted == "ngx" then
    if is_nginx() then return nil end -- chosen anew for each call, as without it
    return nil, errors.config("transport: ngx works only inside nginx", "transport")
  end
  local found, module = pcall(transport_module, wanted)
  if not found then
    return nil, errors.config(("transport: %s is not installed here"):format(wanted), "transport")
  end
  return module.new()
end

--- What no message may show. A user that is an everyday word ("test", "sandbox") is no
--- secret, and taking it out would only garble messages.
---@return string[]|nil secrets nil when the client is closed: they are gone
function State:secrets()
  local key, token, user = self.credential:secrets()
  if not key then return nil end
  local secrets = { key, token }
  if #user >= 8 or user:find("[^%l]") then secrets[3] = user end
  return secrets
end

-- The rate limiter: the client's own, or the one that it shares with other workers.
local function new_limiter(configuration, user)
  local name = configuration.shared
  if not name then return rate.new(configuration.rate) end
  local found = is_nginx() and ngx.shared and ngx.shared[name]
  if not found then
    return nil, errors.config(is_nginx()
      and ("shared: nginx has no such dict: add `lua_shared_dict %s 1m;` to http"):format(name)
      or "shared works only inside nginx", "shared")
  end
  local account = configuration.provider.name .. " " .. configuration.base_url .. " " .. user
  return rate_shared.new(found, ngx.md5(account), configuration.rate)
end

local function new_state(configuration, user, key)
  local provider = configuration.provider
  local limiter, err = new_limiter(configuration, user)
  if err then return nil, err end
  local chosen
  chosen, err = chosen_transport(configuration.transport)
  if err then return nil, err end
  local credential, reason = core.credential(provider.scheme, user, key)
  if not credential then return nil, errors.config(reason, "api_key") end
  local state = setmetatable({
    config = configuration,
    credential = credential,
    account = core.digest(provider.name .. " " .. user), -- tells accounts apart
    chosen = chosen, transports = { chosen = chosen },
    limiter = limiter,
    budget = rate.budget(),
    listener = (configuration.on_event or configuration.log)
      and events.listener(configuration.on_event, configuration.log) or nil,
    random = new_random(),
    abandoned = {},  -- pages fetched ahead for iterators that are gone
    moved = {},      -- operations found at their second address
    molds = setmetatable({}, { __mode = "k" }), -- what an operation's requests share
    lanes = {},      -- and what its calls do where they go the short way, by its name
    foreign = type(configuration.transport) == "table", -- a transport of the user's own
    closed = false,
  }, State)
  state.marks = {
    member = records.metatable("sendcloud.member", members, state),
    tag = records.metatable("sendcloud.tag", tags, state),
    segment = records.metatable("sendcloud.segment", segments, state),
  }
  return state
end

-- The client ----------------------------------------------------------------------------

--- Makes a client. No I/O happens here.
---@param options sendcloud.Options
---@return sendcloud.Client|nil
---@return sendcloud.Error? err kind `config`, and what to set
function client.new(options)
  local configuration, user, key = config.check(options)
  if not configuration then return nil, user end
  configuration.user_agent = configuration.user_agent or "sendcloud-lua/" .. version
  local state, err = new_state(configuration, user, key)
  if not state then return nil, err end
  return handle.new(Client, state, {
    members = handle.new(members.class, state),
  })
end

-- The state of self; raises at the line that called the method where self is something
-- else.
local function state_of(self, usage)
  local state = handle.state(self, Client)
  if not state then errors.misuse("call it with a colon: client:" .. usage, 3) end
  return state
end

function Client.metatable.__tostring(self)
  local state = handle.state(self, Client)
  if not state then return "sendcloud client" end
  return ("sendcloud client (%s, %s%s)"):format(state.config.provider.name,
    state.config.base_url, state.closed and ", closed" or "")
end

--- Closes the client: what is on its way is cancelled, later calls fail with kind
--- `closed`. Closing again does nothing. What is forgotten the collector closes.
function Client:close()
  local state = state_of(self, "close()")
  if state.closed then return end
  state.closed = true
  state.abandoned = {}
  for _, transport in pairs(state.transports) do transport:close() end
  outgoing.wipe(state)
  state.credential:close()
end

Client.metatable.__close = function(self) self:close() end

--- Runs any operation by its name.
---@param operation string     "members.upsert"
---@param parameters table?    under their Lua names: id, members, where, name,
---  member_ids, …
---@param options sendcloud.CallOptions? deadline, timeout, reconcile
---@return any result          as the method of that name gives it
---@return sendcloud.Error? err
function Client:call(operation, parameters, options)
  local state = state_of(self, "call(operation, parameters)")
  errors.check_type(operation, "string", "the operation")
  errors.check_type(parameters, "table", "parameters", true)
  errors.check_type(options, "table", "options", true)
  parameters = parameters or {}
  local self_plan, err = plan.of(state.config.provider, operation)
  if not self_plan then return nil, err end
  err = option_rules.of_call(operation, options)
  if err then return nil, err end
  local row = self_plan.row
  if row.page then return pages.list(state, operation, parameters, options) end
  if row.chunk then return chunks.run(state, operation, parameters, options) end
  local created = operation:match("^(%w+)%.create$")
  if created then
    return reconcile.create(state, operation, parameters, created .. ".list", options)
  end
  return call.run(state, operation, parameters, options)
end

--- Sends a request that no operation describes.
---@param given sendcloud.RequestOptions
---@return any body  the decoded answer, true for an empty one; nil on error
---@return sendcloud.Error|integer err_or_status
---@return table<string, string>? headers
function Client:request(given)
  local state = state_of(self, "request{ method = …, path = … }")
  errors.check_type(given, "table", "the request")
  return request.run(state, given)
end

--- Runs functions side by side on one thread, any call of this client inside them
--- included.
---@param functions (fun(): any, any)[]
---@param options? sendcloud.ParallelOptions
---@return table results  results[i]: what functions[i] returned first
---@return table errors   errors[i]: the error it returned or raised
function Client:parallel(functions, options)
  local state = state_of(self, "parallel{ … }")
  errors.check_type(functions, "table", "the functions")
  errors.check_type(options, "table", "options", true)
  local count = 0
  for _ in pairs(functions) do count = count + 1 end
  for index = 1, count do
    errors.check_type(rawget(functions, index), "function", "functions[" .. index .. "]")
  end
  local err = options and option_rules.unknown(nil, options, { concurrency = true })
  if err then return nil, err end
  local concurrency = options and options.concurrency or state.config.concurrency
  if type(concurrency) ~= "number" or concurrency < 1 or concurrency % 1 ~= 0 then
    return nil, errors.invalid(nil, "concurrency", "must be a whole number, at least 1")
  end
  local transport
  transport, err = state:transport()
  if not transport then return nil, err end
  return parallel.run(transport, functions, concurrency)
end

return client
