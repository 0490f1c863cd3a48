--- Segments: saved conditions that the service evaluates in the background.

local call = require "sendcloud.call"
local errors = require "sendcloud.errors"
local handle = require "sendcloud.handle"
local lazy = require "sendcloud.lazy"
local option_rules = require "sendcloud.options"
local records = require "sendcloud.records"

local chunks = lazy.require "sendcloud.chunks"
local condition = lazy.require "sendcloud.condition"
local pages = lazy.require "sendcloud.pages"
local reconcile = lazy.require "sendcloud.reconcile"

---@class sendcloud.Segments
local Segments = {}
Segments.metatable = { __index = Segments, __metatable = "sendcloud.segments" }

local check_type, with = errors.check_type, records.with

local WAIT_OPTIONS = { timeout = true, on_progress = true }
local WAIT_TIMEOUT = 300   -- seconds
local FIRST_POLL = 0.5     -- seconds between two looks, growing
local GROWTH = 1.5
local SLOWEST_POLL = 10
local LOOK_EVERY = 3       -- looks at the progress between two at the segment itself

-- The state of self; raises at the line that called the method where self is something
-- else.
local function state_of(self, usage)
  local state = handle.state(self, Segments)
  if not state then
    errors.misuse("call it with a colon: client.segments:" .. usage, 3)
  end
  return state
end

local function change(state, id, changes)
  local parameters, err = records.change("segments.update", id, changes)
  if not parameters then return nil, err end
  return call.run(state, "segments.update", parameters)
end

--- Creates a segment. Its type follows from the condition.
---@param definition sendcloud.SegmentDefinition
---@param options? sendcloud.CreateOptions
---@return sendcloud.Segment|nil segment at least its id and name
---@return sendcloud.Error? err
--- Document: SendCloud segments_do, "创建分组"
function Segments:create(definition, options)
  local state = state_of(self, "create{ name = …, where = … }")
  check_type(definition, "table", "the definition")
  check_type(options, "table", "options", true)
  if definition.reconcile ~= nil then
    options = with(options, "reconcile", definition.reconcile)
    definition = with(definition, "reconcile", nil)
  end
  return reconcile.create(state, "segments.create", definition, "segments.list", options)
end

--- Replaces a segment's condition, and its name where one is given.
---@param id string
---@param changes sendcloud.SegmentChanges
---@return sendcloud.Segment|nil
---@return sendcloud.Error? err
function Segments:update(id, changes)
  local state = state_of(self, "update(id, { name = …, where = … })")
  check_type(changes, "table", "changes")
  return change(state, id, changes)
end

--- A segment by its id.
---@param id string
---@return sendcloud.Segment|nil
---@return sendcloud.Error? err `not_found` where there is none
function Segments:get(id)
  return call.by_id(state_of(self, "get(id)"), "segments.get", id)
end

--- Deletes a segment; its members stay.
---@param id string
---@return true|nil
---@return sendcloud.Error? err `not_found` where there is none
function Segments:delete(id)
  return call.by_id(state_of(self, "delete(id)"), "segments.delete", id)
end

--- A page of segments.
---@param options? sendcloud.SegmentPageOptions
---@return sendcloud.SegmentPage|nil
---@return sendcloud.Error? err
function Segments:list(options)
  local state = state_of(self, "list{}")
  check_type(options, "table", "options", true)
  return pages.list(state, "segments.list", options or {})
end

--- Iterates over segments.
---@param options? sendcloud.EachSegmentOptions
---@return fun(): sendcloud.Segment|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Segments:each(options)
  local state = state_of(self, "each{}")
  check_type(options, "table", "options", true)
  return pages.each(state, "segments.list", options or {})
end

--- How far the service is with a segment.
---@param id string
---@return sendcloud.SegmentProgress|nil
---@return sendcloud.Error? err
function Segments:progress(id)
  return call.by_id(state_of(self, "progress(id)"), "segments.progress", id)
end

-- What a look at the segment itself says: the segment when it is ready, an error when it
-- failed, nothing while it is worked on.
local function verdict(segment)
  if segment.status == "ready" then return segment end
  if segment.status ~= "failed" then return nil end
  local said = segment.process and segment.process.status_desc
  return nil, errors.new {
    kind = "rejected", operation = "segments.wait",
    message = "the segment failed" .. (said and ": " .. said or ""),
  }
end

local function too_late(progress, timeout)
  local percent = progress and progress.percent
  return errors.new {
    kind = "timeout", operation = "segments.wait",
    message = ("the segment is not ready after %g s%s"):format(timeout,
      percent and (" (%s %%)"):format(tostring(percent)) or ""),
  }
end

local function wait_until_ready(state, id, timeout, on_progress)
  local transport, unsupported = state:transport()
  if not transport then return nil, unsupported end
  local ends_at = transport:now() + timeout
  local within = { deadline_at = ends_at }
  local pause, looks = FIRST_POLL, 0
  while true do
    local progress, err = call.run(state, "segments.progress", { id = id }, within)
    if not progress then return nil, err end
    if on_progress then on_progress(progress) end
    looks = looks + 1
    -- A failure shows only in the segment; its progress may never be complete.
    if progress.complete or looks % LOOK_EVERY == 0 then
      local segment
      segment, err = call.run(state, "segments.get", { id = id }, within)
      if not segment then return nil, err end
      local ready, failed = verdict(segment)
      if ready or failed then return ready, failed end
    end
    if transport:now() + pause >= ends_at then return nil, too_late(progress, timeout) end
    transport:sleep(pause)
    pause = math.min(SLOWEST_POLL, pause * GROWTH)
  end
end

local function wait(state, id, options)
  options = options or {}
  local err = option_rules.unknown("segments.wait", options, WAIT_OPTIONS)
    or option_rules.seconds("segments.wait", options, "timeout")
  if err then return nil, err end
  return wait_until_ready(state, id, options.timeout or WAIT_TIMEOUT, options.on_progress)
end

--- Waits until the service has evaluated a segment.
---@param id string
---@param options? sendcloud.WaitOptions
---@return sendcloud.Segment|nil
---@return sendcloud.Error? err `rejected` where the segment failed, `timeout` where it
---  takes too long
function Segments:wait(id, options)
  local state = state_of(self, "wait(id, {})")
  check_type(options, "table", "options", true)
  check_type(options and options.on_progress, "function", "on_progress", true)
  return wait(state, id, options)
end

--- A page of the members of a segment.
---@param id string
---@param options? sendcloud.MemberPageOptions where narrows it
---@return sendcloud.MemberPage|nil
---@return sendcloud.Error? err
function Segments:members(id, options)
  local state = state_of(self, "members(id, {})")
  check_type(options, "table", "options", true)
  return pages.list(state, "segments.members", with(options, "id", id))
end

--- Iterates over the members of a segment.
---@param id string
---@param options? sendcloud.EachMemberOptions
---@return fun(): sendcloud.Member|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Segments:each_member(id, options)
  local state = state_of(self, "each_member(id, {})")
  check_type(options, "table", "options", true)
  return pages.each(state, "segments.members", with(options, "id", id))
end

--- Removes members from a segment. A segment is a condition, so the document can only
--- mean that the contacts are deleted.
---@param id string
---@param member_ids string[] any number, sent 1000 at a time
---@return integer|nil number as the service counts
---@return sendcloud.Error? err with `report` { number, sent, total } when a later part
---  failed
function Segments:remove_members(id, member_ids)
  local state = state_of(self, "remove_members(id, member_ids)")
  return chunks.run(state, "segments.remove_members",
    { id = id, member_ids = member_ids })
end

-- Records -------------------------------------------------------------------------------

--- The methods of a client's segment records.
---@param state table
---@return table<string, function>
local function methods_of(state)
  local methods = {}

  -- Replaces the condition (and the name) and takes over what the service answers.
  function methods.update(self, changes)
    errors.check_self(records.is(self), "segment:update{ where = … }")
    check_type(changes, "table", "changes")
    return records.renew(self, change(state, self.id, changes))
  end

  function methods.delete(self)
    errors.check_self(records.is(self), "segment:delete()")
    return call.by_id(state, "segments.delete", self.id)
  end

  -- Reads the segment anew, in place.
  function methods.refresh(self)
    errors.check_self(records.is(self), "segment:refresh()")
    return records.renew(self, call.by_id(state, "segments.get", self.id))
  end

  -- Waits until the segment is ready and takes over what it is then.
  function methods.wait(self, options)
    errors.check_self(records.is(self), "segment:wait{}")
    check_type(options, "table", "options", true)
    check_type(options and options.on_progress, "function", "on_progress", true)
    return records.renew(self, wait(state, self.id, options))
  end

  function methods.members(self, options)
    errors.check_self(records.is(self), "segment:members{}")
    check_type(options, "table", "options", true)
    return pages.list(state, "segments.members", with(options, "id", self.id))
  end

  function methods.each_member(self, options)
    errors.check_self(records.is(self), "segment:each_member{}")
    check_type(options, "table", "options", true)
    return pages.each(state, "segments.members", with(options, "id", self.id))
  end

  return methods
end

return {
  class = Segments,
  record = methods_of,
  computed = { where = function(record) return condition.from_segment(record) end },
}
