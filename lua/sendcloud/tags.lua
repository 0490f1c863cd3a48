--- Tags: named labels on members.

local call = require "sendcloud.call"
local errors = require "sendcloud.errors"
local handle = require "sendcloud.handle"
local lazy = require "sendcloud.lazy"
local records = require "sendcloud.records"

local chunks = lazy.require "sendcloud.chunks"
local pages = lazy.require "sendcloud.pages"
local reconcile = lazy.require "sendcloud.reconcile"

---@class sendcloud.Tags
local Tags = {}
Tags.metatable = { __index = Tags, __metatable = "sendcloud.tags" }

local check_type, with = errors.check_type, records.with

-- The state of self; raises at the line that called the method where self is something
-- else.
local function state_of(self, usage)
  local state = handle.state(self, Tags)
  if not state then errors.misuse("call it with a colon: client.tags:" .. usage, 3) end
  return state
end

local function change(state, id, changes)
  local parameters, err = records.change("tags.update", id, changes)
  if not parameters then return nil, err end
  return call.run(state, "tags.update", parameters)
end

local function create(state, name, options)
  return reconcile.create(state, "tags.create", { name = name }, "tags.list", options)
end

--- Creates a tag.
---@param name string 1 to 64 characters
---@param options? sendcloud.CreateOptions
---@return sendcloud.Tag|nil tag at least its id and name
---@return sendcloud.Error? err
--- Document: SendCloud tags_do, "创建标签"
function Tags:create(name, options)
  local state = state_of(self, "create(name)")
  check_type(options, "table", "options", true)
  return create(state, name, options)
end

--- Renames a tag.
---@param id string
---@param changes sendcloud.TagChanges
---@return sendcloud.Tag|nil
---@return sendcloud.Error? err
function Tags:update(id, changes)
  local state = state_of(self, "update(id, { name = … })")
  check_type(changes, "table", "changes")
  return change(state, id, changes)
end

--- Deletes a tag.
---@param id string
---@return true|nil
---@return sendcloud.Error? err
function Tags:delete(id)
  return call.by_id(state_of(self, "delete(id)"), "tags.delete", id)
end

--- A page of tags.
---@param options? sendcloud.TagPageOptions
---@return sendcloud.TagPage|nil
---@return sendcloud.Error? err
function Tags:list(options)
  local state = state_of(self, "list{}")
  check_type(options, "table", "options", true)
  return pages.list(state, "tags.list", options or {})
end

--- Iterates over tags.
---@param options? sendcloud.EachTagOptions
---@return fun(): sendcloud.Tag|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Tags:each(options)
  local state = state_of(self, "each{}")
  check_type(options, "table", "options", true)
  return pages.each(state, "tags.list", options or {})
end

--- The tag whose name is exactly this.
---@param name string
---@return sendcloud.Tag|nil
---@return sendcloud.Error? err `not_found` where there is none
function Tags:find(name)
  return reconcile.find(state_of(self, "find(name)"), "tags.list", name, "tags.find")
end

--- The tag of this name, made where there is none.
---@param name string 1 to 64 characters
---@return sendcloud.Tag|nil
---@return sendcloud.Error? err
function Tags:ensure(name)
  local state = state_of(self, "ensure(name)")
  local found, err = reconcile.find(state, "tags.list", name, "tags.ensure")
  if found or err.kind ~= "not_found" then return found, err end
  local made, failure = create(state, name, { reconcile = true })
  if made or (failure.kind ~= "conflict" and failure.kind ~= "rejected") then
    return made, failure
  end
  -- Somebody else made it meanwhile.
  found = reconcile.find(state, "tags.list", name, "tags.ensure")
  if found then return found end
  return nil, failure
end

--- Puts a tag on members.
---@param id string
---@param member_ids string[] any number, sent 1000 at a time
---@return integer|nil number as the service counts
---@return sendcloud.Error? err with `report` { number, sent, total } when a later part
---  failed
function Tags:add(id, member_ids)
  local state = state_of(self, "add(id, member_ids)")
  return chunks.run(state, "tags.add", { id = id, member_ids = member_ids })
end

--- Takes a tag off members.
---@param id string
---@param member_ids string[] any number, sent 1000 at a time
---@return integer|nil number as the service counts
---@return sendcloud.Error? err with `report` { number, sent, total } when a later part
---  failed
function Tags:remove(id, member_ids)
  local state = state_of(self, "remove(id, member_ids)")
  return chunks.run(state, "tags.remove", { id = id, member_ids = member_ids })
end

--- A page of the members that carry a tag.
---@param id string
---@param options? sendcloud.PageOptions
---@return sendcloud.MemberPage|nil
---@return sendcloud.Error? err
function Tags:members(id, options)
  local state = state_of(self, "members(id, {})")
  check_type(options, "table", "options", true)
  return pages.list(state, "tags.members", with(options, "id", id))
end

--- Iterates over the members that carry a tag.
---@param id string
---@param options? sendcloud.EachOptions
---@return fun(): sendcloud.Member|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Tags:each_member(id, options)
  local state = state_of(self, "each_member(id)")
  check_type(options, "table", "options", true)
  return pages.each(state, "tags.members", with(options, "id", id))
end

-- Records -------------------------------------------------------------------------------

--- The methods of a client's tag records.
---@param state table
---@return table<string, function>
local function methods_of(state)
  local methods = {}

  -- Renames the tag and takes over what the service answers.
  function methods.update(self, changes)
    errors.check_self(records.is(self), "tag:update{ name = … }")
    check_type(changes, "table", "changes")
    return records.renew(self, change(state, self.id, changes))
  end

  function methods.delete(self)
    errors.check_self(records.is(self), "tag:delete()")
    return call.by_id(state, "tags.delete", self.id)
  end

  function methods.add(self, member_ids)
    errors.check_self(records.is(self), "tag:add(member_ids)")
    return chunks.run(state, "tags.add", { id = self.id, member_ids = member_ids })
  end

  function methods.remove(self, member_ids)
    errors.check_self(records.is(self), "tag:remove(member_ids)")
    return chunks.run(state, "tags.remove", { id = self.id, member_ids = member_ids })
  end

  function methods.members(self, options)
    errors.check_self(records.is(self), "tag:members{}")
    check_type(options, "table", "options", true)
    return pages.list(state, "tags.members", with(options, "id", self.id))
  end

  function methods.each_member(self, options)
    errors.check_self(records.is(self), "tag:each_member()")
    check_type(options, "table", "options", true)
    return pages.each(state, "tags.members", with(options, "id", self.id))
  end

  return methods
end

return { class = Tags, record = methods_of }
