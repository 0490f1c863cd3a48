--- The pages of an export: fetched several at a time, turned into lines, handed on in order.
--
-- The service pages by offset over a set that may change meanwhile: what comes twice is left
-- out by its id; when the set has shrunk, rows may have slipped past, and the pages are gone
-- through again for those.
--
-- Where several requests are on their way, an answer is read only after its worker has sent
-- the next request: the service works while lines are made.

local call = require "sendcloud.call"
local core = require "sendcloud.core"
local crew = require "sendcloud.crew"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local plan = require "sendcloud.plan"

local answer = lazy.require "sendcloud.answer"

local export_pages = {}

local AHEAD = 4       -- pages a worker may be in front of the writer, times the workers
local UNREAD = 4      -- one answer for so many workers may wait to be read
local MOST_PASSES = 3 -- over a set that shrinks

---@class sendcloud.PageRun
---@field state table
---@field transport table
---@field plan sendcloud.Plan
---@field parameters table
---@field layout sendcloud.Layout
---@field report table         { requests, retries, duplicates }
---@field size integer         members a page
---@field concurrency integer
---@field limit integer|nil    members at most
---@field left number          members still to write
---@field total integer|nil    members there are, as far as is known
---@field claimed integer      offset of the page that is fetched next
---@field flushed integer      offset of the page that is written next
---@field pages table<integer, table> read, by offset, waiting for their turn
---@field arrived table[]      answers not read yet
---@field waiting integer      requests on their way
---@field with_ids boolean?    pages hand on the hashes of their members' ids too
---@field err sendcloud.Error? why the run stops
---@field write fun(run, page): true|nil, sendcloud.Error? the page's lines
---@field note fun(run): true|nil, sendcloud.Error?  after the pages whose turn it was

local function stop(run, err)
  run.err = run.err or err
end

-- One request
-- -----------------------------------------------------------------------------------

-- The request for count members at offset. Where only the query tells them, the rest is as
-- it was.
local function request_of(run, page, offset, count)
  local self, parameters = run.plan, run.asked
  parameters.offset, parameters.count = offset, count
  local known = page.request
  if known and run.by_query then
    local place = run.place
    place.offset, place.count = offset, count
    known.query = self.query:write_query(place)
    known.path = run.path
    return known
  end
  local request, err = plan.request(self, parameters)
  if not request then return nil, err end
  run.path = request.path
  page.request = request
  return request
end

-- What is wrong with a response, or nil.
local function problem_of(run, response)
  if response.status >= 200 and response.status < 300 and response.body then return nil end
  return answer.check(run.plan, response)
    or answer.unreadable(run.plan, response, nil, "it is empty")
end

-- Turns the body into lines behind what the page has. Returns members received, or nil and
-- what is wrong.
local function read(run, page, body)
  local rows, written, all, columns = run.layout.lines:page(body, page.lines, page.ids)
  if not rows then return nil, written end
  page.written = page.written + written
  page.total, page.columns = all, columns
  return rows
end

local function reader(run, page)
  return function(response)
    local err = problem_of(run, response)
    if err then return nil, err end
    if page.later and #run.arrived * UNREAD < run.concurrency then
      page.body = response.body
      return 0
    end
    page.later = false
    local rows, wrong = read(run, page, response.body)
    if rows then return rows end
    return nil, answer.unreadable(run.plan, response, nil, wrong)
  end
end

-- One request for a page. Returns the members received, or nil and the error.
local function ask(run, page, offset, count)
  local request, err = request_of(run, page, offset, count)
  if not request then return nil, err end
  page.json = page.json or table.remove(run.buffers) or core.buffer()
  request.into = page.json
  local report = run.report
  run.waiting = run.waiting + 1
  local received, failed, attempts = call.reach(run.state, run.plan, request, page.options,
    run.asked)
  run.waiting = run.waiting - 1
  report.requests = report.requests + attempts
  report.retries = report.retries + math.max(attempts - 1, 0)
  return received, failed
end

-- A page
-- -----------------------------------------------------------------------------------

-- How many members there are, by the answer that came last.
local function learn(run, page, count, received)
  local offset, total = page.offset + page.received, page.total
  page.received = page.received + received
  if total == nil then -- it does not say: on as long as pages are full
    local reached = offset + received
    if received >= count then
      run.total = math.max(run.total or 0, reached + 1)
    elseif not run.total or run.total > reached then
      run.total = reached
    end
    return
  end
  if run.total and total < run.total then run.shrunk = true end
  run.total = total
  if received == 0 and offset < total then run.total = offset end
end

-- Whether there is more of the page than came.
local function is_short(run, page, received)
  return received > 0 and page.received < run.size
    and page.offset + page.received < run.total
end

-- The first rows of a page came; the service may give fewer at a time than were asked for.
local function take_in(run, page, received)
  local count = run.size
  while true do
    learn(run, page, count, received)
    if not is_short(run, page, received) then return nil end
    run.short = true
    count = run.size - page.received
    local err
    received, err = ask(run, page, page.offset + page.received, count)
    if not received then return err end
  end
end

local function fresh(run, offset)
  local page = table.remove(run.free)
  if not page then
    page = { lines = core.buffer(), ids = run.with_ids and core.buffer() or nil }
    page.options = { read = reader(run, page) }
  end
  page.lines:clear()
  if page.ids then page.ids:clear() end
  page.offset, page.written, page.received, page.body = offset, 0, 0, nil
  return page
end

-- The page is read: it and those behind it are written where it is their turn.
local function hand_on(run, page)
  run.buffers[#run.buffers + 1] = page.json
  page.json, page.body = nil, nil
  run.pages[page.offset] = page
  while not run.err do
    page = run.pages[run.flushed]
    if not page then break end
    run.pages[run.flushed] = nil
    run.flushed = run.flushed + run.size
    local ok, err = run:write(page)
    if not ok then stop(run, err) end
    run.free[#run.free + 1] = page
  end
  if run.err then return end
  local ok, err = run:note()
  if not ok then stop(run, err) end
end

-- Workers
-- -----------------------------------------------------------------------------------

-- Whether a page has to be fetched that nobody has begun.
local function may_claim(run)
  local claimed = run.claimed
  if run.err or run.left <= 0 then return false end
  if run.total == nil then return claimed == run.flushed and not run.first end
  if claimed >= run.flushed + AHEAD * run.concurrency * run.size then return false end
  return claimed < run.total
    and not (run.limit and claimed >= run.limit + run.report.duplicates)
end

local work

local function add_workers(run)
  local at = run.claimed
  while run.active < run.concurrency and may_claim(run) and at < (run.total or 1) do
    at = at + run.size
    run.active = run.active + 1
    crew.add(run.crew, work, run)
  end
end

-- Reads an answer that came. One that is no page is asked for again, and read at once: the
-- pipeline then says what it is.
local function read_later(run, page)
  local received = read(run, page, page.body)
  page.later = false
  if not received then
    run.report.retries = run.report.retries + 1
    local err
    received, err = ask(run, page, page.offset, run.size)
    if not received then return err end
  end
  return take_in(run, page, received)
end

local function read_arrived(run)
  local arrived = run.arrived
  while #arrived > 0 and not run.err do
    local page = table.remove(arrived, 1)
    local err = read_later(run, page)
    if err then
      stop(run, err)
    else
      hand_on(run, page)
      add_workers(run)
    end
  end
  run.reading = false
end

local function read_soon(run, page)
  run.arrived[#run.arrived + 1] = page
  if run.reading then return end
  run.reading = true
  crew.add(run.crew, read_arrived, run)
end

function work(run)
  while may_claim(run) do
    local page = fresh(run, run.claimed)
    run.first = true
    run.claimed = run.claimed + run.size
    page.later = run.concurrency > 1 and run.total ~= nil and not run.short
    local received, err = ask(run, page, page.offset, run.size)
    if received and not page.later then err = take_in(run, page, received) end
    if err then
      stop(run, err)
    elseif page.later then
      read_soon(run, page)
    else
      hand_on(run, page)
      add_workers(run)
    end
  end
  run.active = run.active - 1
end

--- No page is fetched or written any more.
---@param run sendcloud.PageRun
function export_pages.halt(run)
  stop(run, errors.new { kind = "cancelled", operation = run.plan.operation,
    message = "the export was stopped" })
end

local function wait(run)
  local failed, raised = false, nil
  crew.wait(run.crew, function(problem)
    export_pages.halt(run)
    if not failed and not (type(problem) == "table" and problem.kind == "cancelled") then
      failed, raised = true, problem
    end
  end)
  return not failed, raised
end

--- A run over the pages of a listing, still without `layout`, `report`, `write` and `note`.
---@param state table       the client's inner state
---@param transport table
---@param self sendcloud.Plan
---@param parameters table  beside offset and count
---@param how table         { concurrency, limit, size }
---@return sendcloud.PageRun
function export_pages.run(state, transport, self, parameters, how)
  local asked = {}
  for name, value in pairs(parameters) do asked[name] = value end
  return {
    state = state, transport = transport, plan = self, parameters = parameters,
    asked = asked, place = {},
    by_query = self.known.offset == "query" and self.known.count == "query",
    concurrency = how.concurrency, limit = how.limit, left = how.limit or math.huge,
    size = how.size, claimed = 0, flushed = 0, pages = {}, free = {}, buffers = {},
    arrived = {}, active = 0, waiting = 0, passes = 0, crew = crew.new(transport),
  }
end

--- All pages, and all again while rows may have slipped past; `run.err` is set where it had
--- to stop.
---@param run sendcloud.PageRun
---@param may_raise boolean the caller catches what is raised on the way
---@return boolean ok
---@return any raised what a task raised, where it is not ok
function export_pages.walk(run, may_raise)
  for _ = run.passes + 1, MOST_PASSES do
    if run.concurrency == 1 and may_raise then -- a task would only be in the way
      run.active = 1
      work(run)
    else
      add_workers(run)
      local ok, raised = wait(run)
      if not ok then return false, raised end
    end
    if run.err or not run.shrunk or run.left <= 0 then break end
    run.shrunk, run.passes = false, run.passes + 1
    run.claimed, run.flushed, run.first, run.total = 0, 0, nil, nil
  end
  return true
end

return export_pages
