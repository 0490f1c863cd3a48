--- What records of every kind share: their metatables, and taking over what an answer
--- says.
--
-- A record is a plain table of what the service told. Its methods come from a metatable
-- of its client, which holds the client's state in closures and cannot be fetched.

local errors = require "sendcloud.errors"

local records = {}

--- Whether value can be a record: methods called with a dot get something else.
---@param value any
---@return boolean
function records.is(value)
  return type(value) == "table" and type(rawget(value, "id")) == "string"
end

--- A copy of a table with one entry more.
---@param options table?
---@param name string
---@param value any
---@return table
function records.with(options, name, value)
  local copy = {}
  for key, option in pairs(options or {}) do copy[key] = option end
  copy[name] = value
  return copy
end

--- The parameters of a change: what is to be, of what the id names.
---@param operation string "members.update"
---@param id string
---@param changes table
---@return table|nil parameters
---@return sendcloud.Error? err `invalid` where the changes hold an id
function records.change(operation, id, changes)
  if changes.id == nil then return records.with(changes, "id", id) end
  local err = errors.invalid(operation, "id", "cannot be changed")
  err.outcome = "not_sent"
  return nil, err
end

--- Replaces what a record holds.
---@param record table
---@param fresh table
---@return table record
function records.take_over(record, fresh)
  for key in pairs(record) do record[key] = nil end
  for key, value in pairs(fresh) do record[key] = value end
  return record
end

--- The same for the result of a call; an error is passed on.
---@param record table
---@param fresh table|nil
---@param err sendcloud.Error?
function records.renew(record, fresh, err)
  if not fresh then return nil, err end
  return records.take_over(record, fresh)
end

--- The metatable of one kind of record. What its records can do is made when one of them
--- is first asked for something that it does not hold.
---@param name string what getmetatable shows
---@param module table `record(state)` gives its methods, `computed` the fields that are
---  worked out when read
---@param state table
---@return table
function records.metatable(name, module, state)
  local metatable = { __metatable = name, __name = name }
  function metatable.__index(record, key)
    local methods, computed = module.record(state), module.computed
    metatable.__index = not computed and methods or function(self, wanted)
      local method = methods[wanted]
      if method then return method end
      local compute = computed[wanted]
      return compute and compute(self)
    end
    if not computed then return methods[key] end
    return metatable.__index(record, key)
  end
  return metatable
end

return records
