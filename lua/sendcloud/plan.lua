--- A provider's row made ready: shapes compiled, parameters shared out, requests encoded.
--
-- A plan belongs to the provider's table, not to a client: it is worked out when an
-- operation is first used and serves every client of the process. provider/README.md says
-- what a row holds.

local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"

local condition = lazy.require "sendcloud.condition"
local nearest = lazy.require "sendcloud.nearest"

local plan = {}

---@class sendcloud.Plan
---@field operation string
---@field row table           the provider's row
---@field provider table
---@field known table<string, string> parameter -> "id" | "query" | "body" | "where" |
---  "computed" | "fixed"
---@field content_type string? of a request with a body

-- What an operation that only reads is called, for those without a row.
local READS = { get = true, list = true, members = true, progress = true }

local made = setmetatable({}, { __mode = "k" }) -- provider -> operation -> plan
local error_shapes = setmetatable({}, { __mode = "k" }) -- provider -> shape

local function byte_class(bytes)
  return "[" .. bytes:gsub("%W", function(byte)
    return byte == "\0" and "%z" or "%" .. byte
  end) .. "]"
end

-- What a lone value in a path must be. `.` and `..` would be resolved away on their way.
local function id_rules(node)
  local taken = { ["."] = true, [".."] = true }
  for _, word in ipairs(node.reserved or {}) do taken[word] = true end
  return {
    what = node.what, forbidden = byte_class(node.forbid), taken = taken,
    -- Whether bytes that a path holds as they are can be forbidden at all.
    picky = node.forbid:find("[%w%-._~]") ~= nil,
  }
end

local function names(node, place, known)
  for _, field in ipairs(node or {}) do
    if field.write ~= false then known[field.name] = place end
  end
end

local function default_of(node, name)
  for _, field in ipairs(node or {}) do
    if field.name == name then return field.default end
  end
end

-- Every way the answer may look, in the order they are tried.
local function answers_of(row)
  if not row.answer then return nil end
  local list = { { shape = core.shape(row.answer), pick = row.pick, made = row.made } }
  for _, other in ipairs(row.otherwise or {}) do
    list[#list + 1] = {
      shape = core.shape(other.answer), pick = other.pick, made = other.made,
      refusals = other.refusals,
    }
  end
  return list
end

-- Whether what the first shape reads is the result, or the field of it to be picked is, with
-- nothing left to be done to it.
local function is_direct(row)
  local verdicts = row.zero or row.counts or row.made or row.echo or row.pick == "number"
  return row.answer and not verdicts and row.result == nil and row.record ~= "segment"
end

local function compile(provider, operation, row)
  local known = {}
  names(row.query, "query", known)
  names(row.body, "body", known)
  for name in pairs(row.fixed or {}) do known[name] = "fixed" end
  for name in pairs(row.computed or {}) do known[name] = "computed" end
  if row.where then known.where = "where" end
  local before, after = row.path:match("^(.*){id}(.*)$")
  if before then known.id = "id" end
  return {
    operation = operation,
    row = row,
    provider = provider,
    known = known,
    before = before or row.path, after = after,
    id = before and id_rules(provider.ids[row.id]),
    query = row.query and core.shape(row.query),
    body = row.body and core.shape(row.body),
    answers = answers_of(row),
    direct = is_direct(row),
    plain = is_direct(row) and not row.pick and not row.otherwise,
    bare = before ~= nil and not row.query and not row.body,
    offset = default_of(row.query, "offset") or 0,
    count = default_of(row.query, "count"),
    content_type = row.body and provider.content_type or nil,
  }
end

--- The plan of an operation.
---@param provider table
---@param operation string "members.upsert"
---@return sendcloud.Plan|nil plan
---@return sendcloud.Error? err `unsupported` where the provider has no such operation;
---  `invalid` where there is none of that name
function plan.of(provider, operation)
  local plans = made[provider]
  if not plans then
    plans = {}
    made[provider] = plans
  end
  local found = plans[operation]
  if found then return found end

  local row = provider.operations[operation]
  if row then
    found = compile(provider, operation, row)
    plans[operation] = found
    return found
  end
  local group, verb = operation:match("^(%w+)%.([%w_]+)$")
  local missing = group and provider.unsupported[group]
  if missing then
    return nil, errors.new {
      kind = "unsupported", operation = operation, message = missing,
      outcome = not READS[verb] and "not_sent" or nil,
    }
  end
  return nil, errors.invalid(nil, "operation",
    nearest.unknown(operation, provider.operations))
end

--- The error shape of a provider, compiled.
---@param provider table
---@return sendcloud.Shape
function plan.error_shape(provider)
  local shape = error_shapes[provider]
  if not shape then
    shape = core.shape(provider.error.shape)
    error_shapes[provider] = shape
  end
  return shape
end

--- An id as the path holds it.
---@param rules table
---@param value any
---@return string|nil encoded
---@return string? reason why it cannot be one
local function encode_id(rules, value)
  if value == nil or value == core.null then return nil, "required" end
  if type(value) ~= "string" then return nil, "must be a string, got " .. type(value) end
  if value == "" then return nil, "must not be empty" end
  local encoded = core.encode_path(value)
  -- One that stays as it is, as nearly all do, holds nothing that could be wrong.
  if (rules.picky or encoded ~= value) and value:find(rules.forbidden) then
    return nil, ("a %s has none of / ? # %% \\ and no control characters"):format(rules.what)
  end
  if rules.taken[value] then
    return nil, ("a word of the path, not a %s"):format(rules.what)
  end
  if encoded ~= value and not core.utf8_length(value) then return nil, "not UTF-8" end
  return encoded
end

-- Why a parameter is refused that the row does not name.
local function unknown(self, name)
  local known = {}
  for other, place in pairs(self.known) do
    if place ~= "fixed" and place ~= "computed" then known[other] = true end
  end
  return errors.invalid(self.operation, nearest.shown(name), nearest.unknown(name, known))
end

local NOTHING = setmetatable({}, { __newindex = error }) -- shared: never written to

-- Shares the parameters out: what goes into the query, into the body, and the condition.
local function share(self, parameters)
  local query, body, where = self.query and {} or NOTHING, self.body and {} or NOTHING, nil
  local known = self.known
  for name, value in next, parameters do
    local place = known[name]
    if place == "body" then
      body[name] = value
    elseif place == "query" then
      query[name] = value
    elseif place == "where" then
      where = value
    elseif place == "fixed" then
      return errors.invalid(self.operation, name, self.row.fixed[name])
    elseif place == nil then
      return unknown(self, name)
    end
  end
  return nil, query, body, where
end

-- Puts the condition into the body in the form its shape writes, with what follows from
-- it.
local function put_condition(self, body, where, parameters)
  if where == nil and not self.row.where.required then return nil end
  local normal, reason, path = condition.normalise(where, self.row.where)
  if not normal then return reason and errors.invalid(self.operation, path, reason) end
  body.where = normal
  for name in pairs(self.row.computed or {}) do
    local follows, given = condition.kind(normal), parameters[name]
    if given ~= nil and given ~= follows then
      return errors.invalid(self.operation, name, "follows from where, leave it out")
    end
    body[name] = follows
  end
end

--- The path of an operation.
---@param self sendcloud.Plan
---@param id any where the operation has one
---@return string|nil path
---@return sendcloud.Error? err `invalid`
function plan.path(self, id)
  if not self.id then return self.before end
  local encoded, why = encode_id(self.id, id)
  if not encoded then return nil, errors.invalid(self.operation, "id", why) end
  return self.before .. encoded .. self.after
end

local function encode(self, parameters, body_bytes)
  local err, query, body, where = share(self, parameters)
  if err then return err end
  local path
  path, err = plan.path(self, parameters.id)
  if not path then return err end

  local written_query, bad_path, reason
  if self.query then
    written_query, bad_path, reason = self.query:write_query(query)
    if not written_query then return errors.invalid(self.operation, bad_path, reason) end
  end

  local written = body_bytes
  if self.body and not body_bytes then
    err = self.row.where and put_condition(self, body, where, parameters)
    if err then return err end
    written, bad_path, reason = self.body:write(body)
    if not written then return errors.invalid(self.operation, bad_path, reason) end
  end

  return nil, {
    method = self.row.method,
    path = path,
    query = written_query or "",
    body = written,
    url = nil, timeout = nil, -- room for what is known when it is sent
  }, body
end

--- The request of an operation, checked and encoded; nothing is sent.
---@param self sendcloud.Plan
---@param parameters table
---@param body_bytes string|userdata|nil a body encoded elsewhere (bulk work); parameters
---  then hold only what goes into path and query
---@return table|nil request { method, path, query, body }
---@return sendcloud.Error|table err_or_body kind `invalid`; or the table that was written
---  as body
function plan.request(self, parameters, body_bytes)
  local err, request, body = encode(self, parameters, body_bytes)
  if err then
    if self.row.class ~= "read" then err.outcome = "not_sent" end
    return nil, err
  end
  return request, body
end

-- The Lua name of a wire name anywhere in a node.
local function lua_name(node, wire)
  for _, field in ipairs(node or {}) do
    local spelt = field.wire or field.name
    if type(spelt) == "table" then spelt = spelt[1] end
    if spelt == wire then return field.name end
    local deeper = lua_name(field.of or field, wire)
    if deeper then return deeper end
  end
end

--- The parameter a service's message names, as Lua spells it.
---@param self sendcloud.Plan
---@param wire string
---@return string
function plan.parameter_name(self, wire)
  return lua_name(self.row.query, wire) or lua_name(self.row.body, wire) or wire
end

return plan
