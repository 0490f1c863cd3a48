--- Creating by name so that it happens once.
--
-- A creation whose outcome is unknown must not be repeated blindly: it could be there
-- twice. With `reconcile` the name is looked up first; only where it is not there is the
-- creation sent again.

local call = require "sendcloud.call"
local errors = require "sendcloud.errors"
local option_rules = require "sendcloud.options"
local pages = require "sendcloud.pages"
local policy = require "sendcloud.policy"

local reconcile = {}

local PAGE_SIZE = 100
local MOST_PAGES = 10000

-- The first record of a listing whose name is exactly this.
local function search(state, operation, filter, name, options)
  local page, err = pages.list(state, operation, filter, options)
  for _ = 1, MOST_PAGES do
    if not page then return nil, err end
    for _, record in ipairs(page) do
      if record.name == name then return record end
    end
    page, err = page:next()
    if not page and not err then break end
  end
  return nil, err
end

--- The record whose name is exactly this.
---@param state table
---@param operation string   a listing that filters by name
---@param name string
---@param what string        "tags.find", for the error
---@param options sendcloud.CallOptions?
---@return table|nil
---@return sendcloud.Error? err `not_found`, or why the listing failed
function reconcile.find(state, operation, name, what, options)
  if type(name) ~= "string" or name == "" then
    local reason = name == nil and "required" or name == "" and "must not be empty"
    return nil, errors.invalid(what, "name", reason or "must be a string")
  end
  local filter = { name = name, count = PAGE_SIZE }
  local found, err = search(state, operation, filter, name, options)
  -- The service's filter may take signs for a pattern; then only looking at all of them
  -- tells.
  if not found and not err and name:find("[%p%s]") and not name:find("^[%w_]+$") then
    found, err = search(state, operation, { count = PAGE_SIZE }, name, options)
  end
  if found or err then return found, err end
  return nil, errors.new { kind = "not_found", operation = what,
    message = "nothing has exactly this name" }
end

--- Creates; after an unknown outcome looks the name up before deciding.
---@param state table
---@param create string      operation
---@param parameters table   with `name`
---@param listing string     operation that filters by name
---@param options sendcloud.CallOptions? reconcile: default the client's
---@return table|nil
---@return sendcloud.Error? err
function reconcile.create(state, create, parameters, listing, options)
  local err = option_rules.of_call(create, options)
  if err then
    err.outcome = "not_sent"
    return nil, err
  end
  options = options or {}
  local wanted = options.reconcile
  if wanted == nil then wanted = state.config.reconcile end
  if not wanted then return call.run(state, create, parameters, options) end

  local transport, unsupported = state:transport()
  if not transport then return nil, unsupported end
  local name, retry = parameters.name, state.config.retry
  local deadline = options.deadline or state.config.deadline
  local within = {
    reconcile = true, timeout = options.timeout,
    deadline_at = deadline and transport:now() + deadline,
  }
  local attempts = 0
  for round = 1, retry.attempts do
    local made
    made, err = call.run(state, create, parameters, within)
    if made then return made end
    attempts = attempts + (err.attempts or 0)
    err.attempts = attempts
    if err.outcome ~= "unknown" then return nil, err end

    local found, find_err = reconcile.find(state, listing, name, create, within)
    if found then return found end
    if find_err.kind ~= "not_found" then
      err.message = ("%s; looking the name up failed too: %s"):format(err.message,
        find_err.message)
      return nil, err
    end
    local wait = policy.backoff(retry.base, retry.cap, round, state.random())
    local left = within.deadline_at and within.deadline_at - transport:now()
    if round == retry.attempts or (left and wait >= left) then
      err.outcome = "rejected" -- it was looked for and is not there
      return nil, err
    end
    transport:sleep(wait)
  end
end

return reconcile
