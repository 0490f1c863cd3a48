--- Several pages of an export at a time.
--
-- An answer is read only after its worker has sent the next request: the service works while
-- lines are made. Pages are written in order; those that are early wait for their turn.

local core = require "sendcloud.core"
local crew = require "sendcloud.crew"
local export_pages = require "sendcloud.export_pages"

local export_workers = {}

local AHEAD = 4  -- pages a worker may be in front of the writer, times the workers
local UNREAD = 4 -- one answer for so many workers may wait to be read

---@class sendcloud.Workers
---@field free sendcloud.ExportPage[]     to be used again
---@field buffers userdata[]        the same for answers
---@field pages table<integer, sendcloud.ExportPage> read, by offset, waiting for their turn
---@field arrived sendcloud.ExportPage[]  answers that are not read yet
---@field active integer            workers
---@field reading boolean           somebody reads what arrived
---@field crew sendcloud.Crew

local stop, ask = export_pages.stop, export_pages.ask

local function may_wait(run)
  return #run.workers.arrived * UNREAD < run.concurrency
end

local function fresh(run)
  local workers = run.workers
  local page = table.remove(workers.free) or export_pages.new(run)
  page.json = table.remove(workers.buffers) or core.buffer()
  export_pages.claim(run, page)
  page.later = run.concurrency > 1 and run.total ~= nil and not run.short
  return page
end

-- The page is read: it and those behind it are written where it is their turn.
local function hand_on(run, page)
  local workers = run.workers
  workers.buffers[#workers.buffers + 1] = page.json
  page.json, page.body, page.ticket = nil, nil, nil
  workers.pages[page.offset] = page
  while not run.err do
    page = workers.pages[run.flushed]
    if not page then break end
    workers.pages[run.flushed] = nil
    run.flushed = run.flushed + run.size
    local err = run:write(page)
    if err then stop(run, err) end
    workers.free[#workers.free + 1] = page
  end
  if run.err then return end
  local err = run:note()
  if err then stop(run, err) end
end

-- Whether a page has to be fetched that nobody has begun.
local function may_claim(run)
  return export_pages.may_claim(run)
    and run.claimed < run.flushed + AHEAD * run.concurrency * run.size
end

local work

local function add_workers(run)
  local workers, at = run.workers, run.claimed
  while workers.active < run.concurrency and may_claim(run) and at < (run.total or 1) do
    at = at + run.size
    workers.active = workers.active + 1
    crew.add(workers.crew, work, run)
  end
end

-- Reads an answer that came. One that is no page is asked for again, and read at once: the
-- pipeline then says what it is.
local function read_later(run, page)
  local received = export_pages.read_kept(run, page)
  page.later = false
  if not received then
    run.report.retries = run.report.retries + 1
    local err
    received, err = ask(run, page, page.offset, run.size)
    if not received then return err end
  end
  return export_pages.take_in(run, page, received)
end

local function read_arrived(run)
  local arrived = run.workers.arrived
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
  run.workers.reading = false
end

local function read_soon(run, page)
  local workers = run.workers
  workers.arrived[#workers.arrived + 1] = page
  if workers.reading then return end
  workers.reading = true
  crew.add(workers.crew, read_arrived, run)
end

function work(run)
  while may_claim(run) do
    local page = fresh(run)
    local received, err = ask(run, page, page.offset, run.size)
    if received and not page.later then err = export_pages.take_in(run, page, received) end
    if err then
      stop(run, err)
    elseif page.later then
      read_soon(run, page)
    else
      hand_on(run, page)
      add_workers(run)
    end
  end
  run.workers.active = run.workers.active - 1
end

--- Once through the pages, several at a time; what is raised in a task stops them all.
---@param run sendcloud.PageRun
---@return boolean ok
---@return any raised what a task raised, where it is not ok
function export_workers.together(run)
  run.may_wait = may_wait
  run.workers = run.workers or {
    free = {}, buffers = {}, pages = {}, arrived = {}, active = 0, reading = false,
    crew = crew.new(run.transport),
  }
  add_workers(run)
  local failed, raised = false, nil
  crew.wait(run.workers.crew, function(problem)
    export_pages.halt(run)
    if not failed and not (type(problem) == "table" and problem.kind == "cancelled") then
      failed, raised = true, problem
    end
  end)
  return not failed, raised
end

return export_workers
