--- Members: the contacts of the address list.

local call = require "sendcloud.call"
local errors = require "sendcloud.errors"
local handle = require "sendcloud.handle"
local lazy = require "sendcloud.lazy"
local records = require "sendcloud.records"

local pages = lazy.require "sendcloud.pages"

---@class sendcloud.Members
local Members = {}
Members.metatable = { __index = Members, __metatable = "sendcloud.members" }

local check_type = errors.check_type

local with = records.with

-- The state of self; raises at the line that called the method where self is something
-- else.
local function state_of(self, usage)
  local state = handle.state(self, Members)
  if not state then errors.misuse("call it with a colon: client.members:" .. usage, 3) end
  return state
end

local function change(state, id, changes)
  local parameters, err = records.change("members.update", id, changes)
  if not parameters then return nil, err end
  return call.run(state, "members.update", parameters)
end

--- Adds members, or updates those whose address is there already.
---
--- One the service refuses does not stop the others: it is in `errors`, and the call
--- succeeds.
---@param members sendcloud.NewMember[] 1 to 1000
---@param options? sendcloud.UpsertOptions
---@return sendcloud.UpsertReport|nil
---@return sendcloud.Error? err
--- Documents: SendCloud members_do and EngageLab marketing/members, 批量添加或更新联系人.
function Members:upsert(members, options)
  local state = state_of(self, "upsert(members, options)")
  check_type(options, "table", "options", true)
  if type(members) == "table" and rawget(members, "email") ~= nil then
    local err = errors.invalid("members.upsert", "members",
      "must be a list of members: { { email = … } }")
    err.outcome = "not_sent"
    return nil, err
  end
  return call.run(state, "members.upsert", with(options, "members", members))
end

--- A member by its id.
---@param id string
---@return sendcloud.Member|nil
---@return sendcloud.Error? err `not_found` where there is none
function Members:get(id)
  return call.by_id(state_of(self, "get(id)"), "members.get", id)
end

--- Changes a member.
---@param id string
---@param changes sendcloud.MemberChanges phone, name, fields, tags; `sendcloud.null`
---  empties one
---@return sendcloud.Member|nil member the whole member (SendCloud), or only its id
---  (EngageLab answers no more than a count)
---@return sendcloud.Error? err
function Members:update(id, changes)
  local state = state_of(self, "update(id, changes)")
  check_type(changes, "table", "changes")
  return change(state, id, changes)
end

--- Deletes a member.
---@param id string
---@return true|nil
---@return sendcloud.Error? err `not_found` where there is none
function Members:delete(id)
  return call.by_id(state_of(self, "delete(id)"), "members.delete", id)
end

--- Deletes every member a condition fits. Without a condition the service would delete
--- everybody: who means that says `sendcloud.everyone`.
---@param condition sendcloud.Condition
---@return integer|nil number deleted
---@return sendcloud.Error? err
function Members:delete_where(condition)
  local state = state_of(self, "delete_where(condition)")
  return call.run(state, "members.delete_where", { where = condition })
end

--- A page of members.
---@param options? sendcloud.MemberPageOptions
---@return sendcloud.MemberPage|nil
---@return sendcloud.Error? err
function Members:list(options)
  local state = state_of(self, "list{}")
  check_type(options, "table", "options", true)
  return pages.list(state, "members.list", options or {})
end

--- Iterates over members, fetching pages ahead.
---@param options? sendcloud.EachMemberOptions
---@return fun(): sendcloud.Member|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Members:each(options)
  local state = state_of(self, "each{}")
  check_type(options, "table", "options", true)
  return pages.each(state, "members.list", options or {})
end

--- Upserts any number of members from a file, an array, an iterator or an open file.
---@param source string|table|function|file*
---@param options sendcloud.ImportOptions?
---@return sendcloud.ImportReport|nil
---@return sendcloud.Error? err with `report` where it had to stop
function Members:import(source, options)
  local state = state_of(self, "import(source, options)")
  check_type(options, "table", "options", true)
  options = options or {}
  check_type(options.transform, "function", "transform", true)
  check_type(options.on_progress, "function", "on_progress", true)
  -- No tail call: what import raises of the source points to the caller's line.
  local report, err = require("sendcloud.import").run(state, source, options)
  return report, err
end

--- Writes members to a file, an open file or a function. A file is written as `PATH.part`
--- beside its place until it is whole; where the path is a link, what it leads to is meant.
---@param sink string|function|file*
---@param options sendcloud.ExportOptions?
---@return sendcloud.ExportReport|nil
---@return sendcloud.Error? err with `report` where it had to stop
function Members:export(sink, options)
  local state = state_of(self, "export(sink, options)")
  check_type(options, "table", "options", true)
  options = options or {}
  check_type(options.on_progress, "function", "on_progress", true)
  local report, err = require("sendcloud.export").run(state, sink, options)
  return report, err
end

-- Records -------------------------------------------------------------------------------

--- The methods of a client's member records.
---@param state table
---@return table<string, function>
local function methods_of(state)
  local methods = {}

  -- Changes the member and takes over what the service answers.
  function methods.update(self, changes)
    errors.check_self(records.is(self), "member:update(changes)")
    check_type(changes, "table", "changes")
    local fresh, err = change(state, self.id, changes)
    if not fresh then return nil, err end
    if fresh.email == nil then return fresh end -- an id and no more
    return records.take_over(self, fresh)
  end

  function methods.delete(self)
    errors.check_self(records.is(self), "member:delete()")
    return call.by_id(state, "members.delete", self.id)
  end

  -- Reads the member anew, in place.
  function methods.refresh(self)
    errors.check_self(records.is(self), "member:refresh()")
    return records.renew(self, call.by_id(state, "members.get", self.id))
  end

  return methods
end

return { class = Members, record = methods_of }
