--- Requests as transports get them.
--
-- What all requests of an operation have in common is worked out once a client: it stands
-- behind each of them as a metatable, and libcurl's transports find it laid out ready in
-- `preset`. A request itself holds only what is its own.

local core = require "sendcloud.core"
local plan = require "sendcloud.plan"

local outgoing = {}

-- What the plan's requests have in common.
local function common(state, self)
  local config, class = state.config, self.row.class
  local headers = { Accept = "application/json", ["User-Agent"] = config.user_agent }
  if self.content_type then headers["Content-Type"] = self.content_type end
  return {
    operation = self.operation, method = self.row.method, headers = headers,
    connect_timeout = config.connect_timeout, credential = state.credential,
    ca_file = config.ca_file, proxy = config.proxy,
    -- A kept connection can break before the answer; libcurl then sends again by itself.
    -- Whether a write is repeated is decided by the policy.
    once = class == "additive", no_repeat = class == "convergent",
  }
end

local function mold_of(state, self)
  local mold = state.molds[self]
  if not mold then
    local shared = common(state, self)
    -- None where something in it cannot be sent; then the transport says what.
    shared.preset = not state.foreign and core.preset(shared) or nil
    mold = { __index = shared }
    state.molds[self] = mold
  end
  return mold
end

--- Makes the request of a plan complete.
---@param state table
---@param self sendcloud.Plan
---@param request table from plan.request; completed in place
---@return table request
function outgoing.complete(state, self, request)
  local url = state.config.base_url .. request.path
  if request.query ~= "" then url = url .. "?" .. request.query end
  request.url = url
  return setmetatable(request, mold_of(state, self))
end

--- What the first attempts of a plan's requests share where they go the short way: libcurl
--- carries them, nobody listens, and only what the answer holds is wanted.
---@param state table
---@param self sendcloud.Plan
---@return table|nil lane
function outgoing.short(state, self)
  local config, transport = state.config, not state.listener and state:curl()
  local preset = transport and mold_of(state, self).__index.preset
  return preset and {
    plan = self, transport = transport, base_url = config.base_url,
    -- The transport is through with a request when the call goes on: one will do.
    request = {
      preset = preset, url = nil,
      timeout = math.min(config.timeout, config.deadline or math.huge),
    },
  } or nil
end

--- The same for the calls of an operation by its id (see call.by_id); false where they do
--- not go that way.
---@param state table
---@param operation string
---@return table|false lane
function outgoing.lane(state, operation)
  local self = plan.of(state.config.provider, operation)
  local lane = self and self.bare and self.direct and outgoing.short(state, self) or false
  if lane then lane.shape, lane.pick = self.answers[1].shape, self.row.pick end
  state.lanes[operation] = lane
  return lane
end

--- A plain copy, for a transport that is not the library's: it may keep or change it.
---@param request table
---@return table
function outgoing.copy(request)
  local copy, headers = {}, {}
  for name, value in pairs(getmetatable(request).__index) do copy[name] = value end
  for name, value in pairs(request) do copy[name] = value end
  for name, value in pairs(copy.headers) do headers[name] = value end
  copy.headers = headers
  return copy
end

--- Wipes what was laid out: it holds the key.
---@param state table
function outgoing.wipe(state)
  for _, mold in pairs(state.molds) do
    if mold.__index.preset then mold.__index.preset:close() end
  end
end

return outgoing
