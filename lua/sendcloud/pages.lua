--- Pages of records, and iterators over all of them.
--
-- The service pages by offset over a set that may change meanwhile, in an order it does
-- not promise: rows can come twice. An iterator drops the records it has given, goes on
-- by the number of rows received, and stops at an empty page or at the total.

local call = require "sendcloud.call"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local plan = require "sendcloud.plan"

local pages = {}

local PAGE_SIZE = 100       -- the most a page may hold
local NOTHING_NEW = 100     -- pages in a row without a new record: it ignores the offset

local function with(parameters, offset, count)
  local copy = {}
  for name, value in pairs(parameters) do copy[name] = value end
  copy.offset, copy.count = offset, count
  return copy
end

-- The answer to a call whose body goes into one of the buffers, which are used again.
local function ask(state, self, parameters, options, buffers)
  local request, sent = plan.request(self, parameters)
  if not request then return nil, sent end
  local buffer = table.remove(buffers) or core.buffer()
  request.into = buffer
  local answer, err = call.reach(state, self, request, options, parameters, sent)
  buffers[#buffers + 1] = buffer
  return answer, err
end

--- One page.
---@param state table
---@param operation string
---@param parameters table
---@param options sendcloud.CallOptions?
---@param buffers userdata[]? spare ones: who asks for many pages needs no string a page
---@return sendcloud.Page|nil
---@return sendcloud.Error? err
function pages.list(state, operation, parameters, options, buffers)
  local self, err = plan.of(state.config.provider, operation)
  if not self then return nil, err end
  local answer
  answer, err = ask(state, self, parameters, options, buffers or {})
  if not answer then return nil, err end
  local page, rows = answer.list, #answer.list
  local offset, count = parameters.offset or self.offset, parameters.count or self.count
  local total = type(answer.total) == "number" and answer.total or nil
  page.total, page.offset, page.count = total, offset, count

  local methods = {}
  function methods.next(this)
    errors.check_self(this == page, "page:next()")
    local after = offset + rows
    if rows == 0 or (total and after >= total) then return nil end
    local asked = with(parameters, after, count)
    local following, next_err = pages.list(state, operation, asked, options)
    if not following then return nil, next_err end
    if #following == 0 then return nil end
    return following
  end
  return setmetatable(page, { __index = methods, __metatable = "sendcloud.page" })
end

-- A place in an iteration ---------------------------------------------------------------

local Cursor = { __metatable = "sendcloud.cursor" }

-- What an iterator has to remember beside the offset: cursor -> { operation, parameters,
-- seen }.
local memories = setmetatable({}, { __mode = "k" })

local function new_cursor(operation, parameters, offset)
  local cursor = setmetatable({ offset = offset, given = 0 }, Cursor)
  memories[cursor] = { operation = operation, parameters = parameters, seen = {} }
  return cursor
end

local function whole(value)
  return type(value) == "number" and value >= 0 and value % 1 == 0
end

-- The cursor to go on from: a copy, so that the one given can be used again.
local function resumed(operation, parameters, from)
  if type(from) ~= "table" or not whole(from.offset) then
    return nil, errors.invalid(operation, "cursor",
      "must be a cursor that each gave, or { offset = n }")
  end
  local memory = memories[from]
  if not memory then return new_cursor(operation, parameters, from.offset) end
  if memory.operation ~= operation then
    return nil, errors.invalid(operation, "cursor", "is one of " .. memory.operation)
  end
  if parameters.id ~= memory.parameters.id then
    return nil, errors.invalid(operation, "cursor", "is one of another id")
  end
  for name, value in pairs(memory.parameters) do
    if parameters[name] == nil then parameters[name] = value end
  end
  local cursor = new_cursor(operation, parameters, from.offset)
  for id in pairs(memory.seen) do memories[cursor].seen[id] = true end
  cursor.given = from.given
  return cursor
end

-- Fetching ahead ------------------------------------------------------------------------

-- What an abandoned iterator leaves behind: its finalizer only notes the tasks, for it
-- may run in the middle of the loop that works on them; the next iteration of the client
-- cancels them.
local function watch(state, queue)
  local function abandon()
    for _, page in ipairs(queue) do table.insert(state.abandoned, page) end
  end
  if newproxy then -- 5.1: tables have no finalizers
    local sentinel = newproxy(true)
    getmetatable(sentinel).__gc = abandon
    return sentinel
  end
  return setmetatable({}, { __gc = abandon })
end

local function drop(queue)
  for index = #queue, 1, -1 do
    local page = queue[index]
    queue[index] = nil
    page.transport:cancel(page.task)
  end
end

---@class sendcloud.Walk
---@field state table
---@field operation string
---@field parameters table
---@field size integer      rows a page
---@field wanted integer    offset of the next page to look at
---@field ahead integer     pages that may be fetched ahead just now
---@field most_ahead integer
---@field queue table[]     pages on their way, in order: { offset, task, transport }
---@field left number       records still to give
---@field buffers userdata[] spare ones, for answers

local function fetch(walk, offset)
  local asked = with(walk.parameters, offset, walk.size)
  return pages.list(walk.state, walk.operation, asked, nil, walk.buffers)
end

-- Starts the pages after the one just taken that can be needed, up to the number allowed
-- ahead.
local function fetch_ahead(walk, page, rows)
  local offset = page.offset + rows
  local last = math.min(page.total or 0, offset + walk.left - rows)
  for index = 1, walk.ahead do
    local at = offset + (index - 1) * walk.size
    if at >= last then break end
    if not walk.queue[index] then
      local transport = walk.state:transport()
      if not transport then break end
      local state, operation, buffers = walk.state, walk.operation, walk.buffers
      local asked = with(walk.parameters, at, walk.size)
      -- The task must not know the iterator: it would keep an abandoned one alive.
      local task = transport:spawn(function()
        return pages.list(state, operation, asked, nil, buffers)
      end)
      walk.queue[index] = { offset = at, task = task, transport = transport }
    end
  end
  -- Slow start: who stops early has not asked for much.
  walk.ahead = math.min(walk.most_ahead, walk.ahead * 2)
  -- A task begins when somebody waits: let them send now, before the records are worked
  -- on.
  local head = walk.queue[1]
  if head then head.transport:await(head.transport:spawn(function() end)) end
end

-- The page at the offset wanted; raises the error object where it fails.
local function take(walk)
  local head = table.remove(walk.queue, 1)
  if head and head.offset ~= walk.wanted then
    -- A page came with fewer rows than asked for: what was fetched ahead is beside the
    -- mark.
    head.transport:cancel(head.task)
    drop(walk.queue)
    head = nil
  end
  local page, err
  if head then
    local ok
    ok, page, err = head.transport:await(head.task)
    if not ok then page, err = nil, page end
  else
    page, err = fetch(walk, walk.wanted)
  end
  if page then
    local rows = #page
    if rows > 0 and rows == walk.size then
      fetch_ahead(walk, page, rows)
    end
    return page
  end
  drop(walk.queue)
  if errors.is(err) and err.parameter == "count" then
    err.parameter, err.message = "page_size", err.message:gsub("^count", "page_size")
  end
  error(err, 0)
end

local function is_last(page, rows)
  return rows == 0 or (page.total ~= nil and page.offset + rows >= page.total)
end

-- The function that gives record after record.
local function stepper(walk, cursor, sentinel)
  local seen = memories[cursor].seen
  local page, index, rows, stale, ended = nil, 0, 0, 0, false

  local function turn()
    if page and is_last(page, rows) then return false end
    if stale >= NOTHING_NEW then
      error(errors.new { kind = "protocol", operation = walk.operation,
        message = ("%d pages in a row brought no new record"):format(stale) }, 0)
    end
    page = take(walk)
    index, rows, stale = 0, #page, stale + 1
    walk.wanted = page.offset + rows
    return rows > 0
  end

  return function()
    local _ = sentinel -- as long as this function lives, what it fetched ahead is wanted
    while not ended and walk.left > 0 do
      if index >= rows then
        if not turn() then break end
      else
        index = index + 1
        cursor.offset = page.offset + index
        local record = page[index]
        local id = record.id
        if id == nil or not seen[id] then
          if id ~= nil then seen[id] = true end
          stale, walk.left, cursor.given = 0, walk.left - 1, cursor.given + 1
          return record
        end
      end
    end
    ended, page = true, nil
    drop(walk.queue)
    return nil
  end
end

local OWN = {
  page_size = true, limit = true, cursor = true, prefetch = true, offset = true,
}

local function check_options(operation, options)
  for _, name in ipairs { "limit", "prefetch", "offset" } do
    local endless = name == "limit" and options.limit == math.huge
    if options[name] ~= nil and not endless and not whole(options[name]) then
      return errors.invalid(operation, name, "must be a whole number, at least 0")
    end
  end
  if options.count ~= nil then
    return errors.invalid(operation, "count",
      "an iterator takes page_size, and limit for the number of records")
  end
end

local function failing(err)
  return function() error(err, 0) end
end

--- Iterates over all records of a listing.
---@param state table
---@param operation string
---@param options table the operation's parameters and `page_size` (1-100, default 100),
---  `limit` (records), `offset`, `cursor`, `prefetch` (pages fetched ahead at most,
---  default the client's concurrency)
---@return fun(): table|nil next  raises the error object when a page fails; calling it
---  again then asks for that page again
---@return sendcloud.Cursor cursor  follows the iteration; `each{ cursor = … }` takes it
---  up again
---@return nil
---@return table|nil closer  ends what was fetched ahead when a Lua 5.4 loop is left
function pages.each(state, operation, options)
  for index = #state.abandoned, 1, -1 do
    local page = table.remove(state.abandoned)
    page.transport:cancel(page.task)
  end

  local parameters, cursor = {}, nil
  for name, value in pairs(options) do
    if not OWN[name] then parameters[name] = value end
  end
  local err = check_options(operation, options)
  if not err and options.cursor ~= nil then
    cursor, err = resumed(operation, parameters, options.cursor)
  end
  cursor = cursor or new_cursor(operation, parameters, options.offset or 0)
  if err then return failing(err), cursor end

  local size = options.page_size or PAGE_SIZE
  local limit = options.limit or math.huge
  if type(size) == "number" and size > limit and limit > 0 then size = limit end
  local queue = {}
  local walk = {
    state = state, operation = operation, parameters = parameters, size = size,
    wanted = cursor.offset, queue = queue, left = limit, buffers = {},
    ahead = 1, most_ahead = options.prefetch or state.config.concurrency,
  }
  if walk.most_ahead == 0 then walk.ahead = 0 end
  local step = stepper(walk, cursor, watch(state, queue))
  if _VERSION < "Lua 5.4" then return step, cursor end
  return step, cursor, nil, setmetatable({}, { __close = function() drop(queue) end })
end

return pages
