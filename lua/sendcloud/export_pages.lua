--- The pages of an export: fetched, turned into lines, handed on in order.
--
-- The service pages by offset over a set that may change meanwhile: what comes twice is left
-- out by its id; when the set has shrunk, rows may have slipped past, and the pages are gone
-- through again for those. Several pages at a time are the work of export_workers.

local call = require "sendcloud.call"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local outgoing = require "sendcloud.outgoing"
local plan = require "sendcloud.plan"

local answer = lazy.require "sendcloud.answer"

local export_pages = {}

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
---@field waiting integer      requests on their way
---@field lane table?          how first attempts go the short way (see outgoing.short)
---@field with_ids boolean?    pages hand on the hashes of their members' ids too
---@field err sendcloud.Error? why the run stops
---@field write fun(run, page): sendcloud.Error? the page's lines
---@field note fun(run): sendcloud.Error?        after the pages whose turn it was

---@class sendcloud.ExportPage
---@field lines userdata     a buffer
---@field from integer       where in it the page's begin
---@field single boolean?    there is no other page
---@field tail userdata|nil  the spool's buffer, when lines are put there at once
---@field ids userdata|nil   the same for the hashes of its members' ids
---@field json userdata|nil  for answers, while they come
---@field body userdata|nil  an answer that is to be read later
---@field ticket userdata|nil the same where it is still the transport's
---@field later boolean      answers may be read later
---@field written integer    lines
---@field received integer   members
---@field total integer|nil  members there are, as the last answer says
---@field columns integer    cells of each line

--- The run stops; only the first reason counts.
---@param run sendcloud.PageRun
---@param err sendcloud.Error
function export_pages.stop(run, err)
  run.err = run.err or err
end

-- One request
-- -----------------------------------------------------------------------------------

-- The request for count members at offset. Where only the query tells them, the rest is as
-- it was.
local function request_of(run, page, offset, count)
  local self, known = run.plan, page.request
  if known and run.by_query then
    local place = run.place
    place.offset, place.count = offset, count
    known.query = self.query:write_query(place)
    known.path = run.path
    return known
  end
  local parameters = run.asked
  parameters.offset, parameters.count = offset, count
  local request, err = plan.request(self, parameters)
  if not request then return nil, err end
  run.path = request.path
  page.request = request
  return request
end

-- Takes in what was read of an answer: members received, or nil and what is wrong.
local function taken(page, rows, written, total, columns)
  if not rows then return nil, written end
  page.written = page.written + written
  page.total, page.columns = total, columns
  return rows
end

--- Turns an answer that was kept into lines behind what the page has.
---@param run sendcloud.PageRun
---@param page sendcloud.ExportPage
---@return integer|nil received members
function export_pages.read_kept(run, page)
  local lines, ticket = run.layout.lines, page.ticket
  if not ticket then return (taken(page, lines:page(page.body, page.lines, page.ids))) end
  local received = taken(page, ticket:lines(lines, page.lines, page.ids))
  if not received then ticket:result() end -- it lets go of the page's buffer
  return received
end

-- The verdict on answers for a page: members received, or nil and the error.
local function reader(run, page)
  return function(response)
    local status, body = response.status, response.body
    if status < 200 or status >= 300 or not body then
      return nil, answer.check(run.plan, response)
        or answer.unreadable(run.plan, response, nil, "it is empty")
    elseif page.later and run.may_wait(run) then
      page.body = body
      return 0
    end
    page.later = false
    local rows, wrong = taken(page, run.layout.lines:page(body, page.lines, page.ids))
    if rows then return rows end
    return nil, answer.unreadable(run.plan, response, nil, wrong)
  end
end

-- What the short way takes of an answer: lines, or nothing yet where that may wait.
local function take_lines(ticket, run, page)
  if page.later and run.may_wait(run) and ticket:good() then
    page.ticket = ticket
    return 0
  end
  local received = taken(page, ticket:lines(run.layout.lines, page.lines, page.ids))
  if received then page.later = false end
  return received
end

local function send(run, page, request)
  local state, lane, begun = run.state, run.lane, nil
  if not lane then
    return call.reach(state, run.plan, request, page.options, run.asked)
  elseif not state.closed and not state.limiter.rate then
    local short = lane.request
    short.url = lane.base_url .. request.path .. "?" .. request.query
    short.body, short.into = request.body, request.into
    local received
    received, begun = call.first_attempt(state, lane, take_lines, run, page)
    if received then return received, nil, 1 end
  end
  return call.exchange(state, run.plan, request, page.options, run.asked, nil, begun)
end

--- One request for a page, whose answer is read or, where that may wait, kept.
---@param run sendcloud.PageRun
---@param page sendcloud.ExportPage
---@param offset integer
---@param count integer
---@return integer|nil received members; 0 where the answer is kept
---@return sendcloud.Error? err
function export_pages.ask(run, page, offset, count)
  local request, err = request_of(run, page, offset, count)
  if not request then return nil, err end
  request.into = page.json
  run.waiting = run.waiting + 1
  local received, failed, attempts = send(run, page, request)
  run.waiting = run.waiting - 1
  local report = run.report
  report.requests = report.requests + attempts
  if attempts > 1 then report.retries = report.retries + attempts - 1 end
  return received, failed
end

local ask = export_pages.ask

-- A page
-- -----------------------------------------------------------------------------------

--- A page without a place.
---@param run sendcloud.PageRun
---@return sendcloud.ExportPage
function export_pages.new(run)
  local page = { lines = core.buffer(), ids = run.with_ids and core.buffer() or nil }
  page.options = { read = reader(run, page) }
  return page
end

--- Makes a page the one that is fetched next.
---@param run sendcloud.PageRun
---@param page sendcloud.ExportPage
function export_pages.claim(run, page)
  local offset = run.claimed
  run.first, run.claimed = true, offset + run.size
  if page.tail then
    page.from = #page.lines
  else
    page.lines:clear()
    page.from = 0
  end
  if page.ids then page.ids:clear() end
  page.offset, page.written, page.received = offset, 0, 0
end

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
  return page.received < run.size and received > 0
    and page.offset + page.received < run.total
end

--- The first rows of a page came; the service may give fewer at a time than were asked for,
--- and the others are fetched.
---@param run sendcloud.PageRun
---@param page sendcloud.ExportPage
---@param received integer
---@return sendcloud.Error? err
function export_pages.take_in(run, page, received)
  local count, total = run.size, page.total
  if received == count and total and total == run.total then -- most pages
    page.received = received
    return nil
  end
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

-- The run
-- -----------------------------------------------------------------------------------

--- Whether there is a page left to fetch, as far as is known.
---@param run sendcloud.PageRun
---@return boolean
function export_pages.may_claim(run)
  if run.err or run.left <= 0 then return false end
  local claimed, limit = run.claimed, run.limit
  if run.total == nil then return claimed == run.flushed and not run.first end
  return claimed < run.total and not (limit and claimed >= limit + run.report.duplicates)
end

--- No page is fetched or written any more.
---@param run sendcloud.PageRun
function export_pages.halt(run)
  export_pages.stop(run, errors.new { kind = "cancelled", operation = run.plan.operation,
    message = "the export was stopped" })
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
  local by_query = self.known.offset == "query" and self.known.count == "query"
  return {
    state = state, transport = transport, plan = self, parameters = parameters,
    asked = asked, place = {}, by_query = by_query,
    lane = by_query and not self.row.fallback_path and outgoing.short(state, self) or nil,
    concurrency = how.concurrency, limit = how.limit, left = how.limit or math.huge,
    size = how.size, claimed = 0, flushed = 0, waiting = 0, passes = 0,
  }
end

--- Once through the pages, one after the other.
---@param run sendcloud.PageRun
---@return boolean ok always
function export_pages.alone(run)
  local page = export_pages.new(run)
  page.json, page.single = core.buffer(), true
  while export_pages.may_claim(run) do
    export_pages.claim(run, page)
    local received, err = ask(run, page, page.offset, run.size)
    if received then err = export_pages.take_in(run, page, received) end
    if not err then
      run.flushed = run.claimed
      err = run:write(page) or run:note()
    end
    if err then export_pages.stop(run, err) end
  end
  return true
end

--- All pages, and all again while rows may have slipped past; `run.err` is set where it had
--- to stop.
---@param run sendcloud.PageRun
---@param pass fun(run): boolean, any `alone`, or export_workers' `together`
---@return boolean ok
---@return any raised what a task raised, where it is not ok
function export_pages.walk(run, pass)
  for _ = run.passes + 1, MOST_PASSES do
    local ok, raised = pass(run)
    if not ok then return false, raised end
    if run.err or not run.shrunk or run.left <= 0 then break end
    run.shrunk, run.passes = false, run.passes + 1
    run.claimed, run.flushed, run.first, run.total = 0, 0, nil, nil
  end
  return true
end

return export_pages
