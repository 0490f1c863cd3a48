--- client.members:export: the members of the list, of a tag or of a segment into a file.
--
-- Pages are fetched several at a time and written in order, each turned into lines by the
-- core as it comes. The service pages by offset over a set that may change meanwhile:
-- what comes twice is left out by its id; when the set has shrunk, rows may have slipped
-- past, and the pages are gone through again for those.

local answer = require "sendcloud.answer"
local call = require "sendcloud.call"
local core = require "sendcloud.core"
local crew = require "sendcloud.crew"
local errors = require "sendcloud.errors"
local layout = require "sendcloud.layout"
local nearest = require "sendcloud.nearest"
local plan = require "sendcloud.plan"
local progress = require "sendcloud.progress"
local resume = require "sendcloud.resume"
local spool = require "sendcloud.spool"

local export = {}

local PAGE_SIZE = 100
local MOST_CONCURRENT = 60
local AHEAD = 4       -- pages a worker may be in front of the writer, times the workers
local MOST_PASSES = 3 -- over a set that shrinks
local SYNC = 1        -- seconds between two checkpoints

---@class sendcloud.ExportOptions
---@field where? sendcloud.Condition
---@field tag? string                    id of a tag: its members
---@field segment? string                id of a segment: its members
---@field columns? string[]              parts of a member and names of fields; default:
---  email, phone, name, tags and every field found (JSONL: all there is)
---@field format? "csv"|"tsv"|"jsonl"    default: by the name, or CSV
---@field spreadsheet? boolean           for a spreadsheet: a byte order mark, CR LF, and
---  an apostrophe before what it would run as a formula
---@field concurrency? integer           requests on their way, 1 to 60; default the
---  client's
---@field checkpoint? string             path of a file to go on from after a kill
---@field on_progress? fun(progress: sendcloud.Progress)
---@field limit? integer                 members at most

---@class sendcloud.ExportReport
---@field rows integer       written
---@field duplicates integer left out: they had come before
---@field requests integer
---@field retries integer
---@field bytes integer      of the file
---@field seconds number
---@field complete boolean

-- Options
-- -----------------------------------------------------------------------------------

local function whole(minimum, maximum)
  return function(value)
    if type(value) ~= "number" or value % 1 ~= 0 or value < minimum or value > maximum then
      return ("must be a whole number from %d to %d"):format(minimum, maximum)
    end
  end
end

local function kind(wanted)
  return function(value)
    if type(value) ~= wanted then
      return ("must be a %s, got %s"):format(wanted, type(value))
    end
  end
end

local CHECKS = {
  where = function() end, tag = kind("string"), segment = kind("string"),
  columns = kind("table"),
  format = function(value)
    if value ~= "csv" and value ~= "tsv" and value ~= "jsonl" then
      return 'must be "csv", "tsv" or "jsonl"'
    end
  end,
  spreadsheet = kind("boolean"), concurrency = whole(1, MOST_CONCURRENT),
  checkpoint = kind("string"), on_progress = kind("function"), limit = whole(0, 2 ^ 53),
}

local function check(options, sink)
  local names = {}
  for name in pairs(options) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local reason = not CHECKS[name] and nearest.unknown(name, CHECKS)
      or CHECKS[name] and CHECKS[name](options[name])
    if reason then return errors.invalid(nil, name, reason) end
  end
  if options.tag and options.segment then
    return errors.invalid(nil, "segment", "cannot go with tag")
  elseif options.checkpoint and type(sink) ~= "string" then
    return errors.invalid(nil, "checkpoint", "needs the path of a file to export to")
  end
end

-- Which operation lists the members, and with what.
local function listing(options)
  if options.tag then
    return "tags.members", { id = options.tag, where = options.where }
  elseif options.segment then
    return "segments.members", { id = options.segment, where = options.where }
  end
  return "members.list", { where = options.where }
end

-- Pages
-- -------------------------------------------------------------------------------------

---@class sendcloud.ExportRun
---@field state table
---@field plan sendcloud.Plan
---@field parameters table
---@field layout sendcloud.Layout
---@field spool sendcloud.Spool
---@field report sendcloud.ExportReport
---@field size integer         members a page
---@field total number         members there are, as far as is known
---@field claimed integer      offset of the page that is fetched next
---@field flushed integer      offset of the page that is written next
---@field pages table<integer, table> fetched, by offset, waiting for their turn
---@field left number          members still to write

local function stop(run, err)
  run.err = run.err or err
end

-- One request; its lines go behind what the page has. Returns received and total.
local function ask(run, page, offset, count)
  local parameters = { offset = offset, count = count }
  for name, value in pairs(run.parameters) do parameters[name] = value end
  local request, err = plan.request(run.plan, parameters)
  if not request then return nil, err end
  request.into = page.json
  local lines, total = run.layout.lines, nil
  local report = run.report
  run.waiting = run.waiting + 1
  local received, failed, attempts = call.reach(run.state, run.plan, request, {
    read = function(response)
      if response.status < 200 or response.status >= 300 or not response.body then
        return nil, answer.check(run.plan, response)
          or answer.unreadable(run.plan, response, nil, "it is empty")
      end
      local rows, written, all = lines:page(response.body, page.lines, page.ids)
      if not rows then return nil, answer.unreadable(run.plan, response, nil, written) end
      total = all
      page.written = page.written + written
      return rows
    end,
  }, parameters)
  run.waiting = run.waiting - 1
  report.requests = report.requests + attempts
  report.retries = report.retries + math.max(attempts - 1, 0)
  if not received then return nil, failed end
  return received, total
end

-- How many members there are, by the answer that came last.
local function learn(run, offset, count, received, total)
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

-- The rows of a page. The service may give fewer at a time than were asked for.
local function fetch(run, page)
  local offset, stop_at = page.offset, page.offset + run.size
  repeat
    local count = stop_at - offset
    local received, total = ask(run, page, offset, count)
    if not received then return total end
    page.received = page.received + received
    learn(run, offset, count, received, total)
    offset = offset + received
  until received == 0 or offset >= stop_at or offset >= run.total
end

local function fresh(run, offset)
  local page = table.remove(run.free)
    or { json = core.buffer(), lines = core.buffer(), ids = core.buffer() }
  page.lines:clear()
  page.ids:clear()
  page.offset, page.written, page.received = offset, 0, 0
  return page
end

-- Writing
-- -----------------------------------------------------------------------------------

-- Writes one page, as much of it as the limit leaves.
local function write(run, page)
  local rows, bytes = page.written, #page.lines
  if rows > run.left then
    rows = run.left
    bytes = run.layout.lines:cut(page.lines, rows)
  end
  local report = run.report
  report.rows = report.rows + rows
  report.duplicates = report.duplicates + page.received - page.written
  run.left = run.left - rows
  local ok, err = spool.begin(run.spool)
  if ok and rows > 0 then ok, err = spool.add(run.spool, page.lines, bytes, page.columns) end
  if ok and run.resume then ok, err = resume.add_ids(run.resume, page.ids) end
  return ok, err
end

-- Writes the pages whose turn it is.
local function flush(run)
  while not run.err do
    local page = run.pages[run.flushed]
    if not page then break end
    run.pages[run.flushed] = nil
    run.flushed = run.flushed + run.size
    local ok, err = write(run, page)
    if not ok then stop(run, err) end
    run.free[#run.free + 1] = page
  end
  local now = core.now()
  if run.resume and not run.err and now - run.saved >= SYNC then
    run.saved = now
    local ok, err = resume.save(run.resume, run)
    if not ok then stop(run, err) end
  end
  run.tell()
end

-- Workers
-- -----------------------------------------------------------------------------------

-- Whether a page has to be fetched that nobody has begun.
local function wanted(run)
  if run.err or run.left <= 0 then return false end
  if run.total == nil then return run.claimed == run.flushed and not run.first end
  local most = run.limit and run.limit + run.report.duplicates or math.huge
  return run.claimed < run.total and run.claimed < most
end

local function may_claim(run)
  local ahead = AHEAD * run.concurrency * run.size
  return wanted(run) and run.claimed < run.flushed + ahead
end

local add_workers

local function work(run)
  while may_claim(run) do
    local page = fresh(run, run.claimed)
    run.first = true
    run.claimed = run.claimed + run.size
    local err = fetch(run, page)
    if err then
      stop(run, err)
      break
    end
    page.columns = run.layout.lines:columns()
    run.pages[page.offset] = page
    flush(run)
    add_workers(run, run.concurrency - run.active)
  end
  run.active = run.active - 1
end

function add_workers(run, count)
  local pages = 0
  while pages < count and may_claim(run) do
    pages = pages + 1
    if run.claimed + (pages - 1) * run.size >= (run.total or 1) then break end
    run.active = run.active + 1
    crew.add(run.crew, work, run)
  end
end

local function wait(run)
  local failed, raised = false, nil
  crew.wait(run.crew, function(problem)
    stop(run, errors.new { kind = "cancelled", operation = run.plan.operation,
      message = "the export was stopped" })
    if not failed and not (type(problem) == "table" and problem.kind == "cancelled") then
      failed, raised = true, problem
    end
  end)
  if failed then
    spool.abandon(run.spool, run.resume)
    error(raised, 0)
  end
end

-- All pages, and all again while rows may have slipped past.
local function walk(run)
  if run.finishing then return end
  for _ = run.passes + 1, MOST_PASSES do
    add_workers(run, 1)
    wait(run)
    if run.err or not run.shrunk or run.left <= 0 then break end
    run.shrunk, run.passes = false, run.passes + 1
    run.claimed, run.flushed, run.first, run.total = 0, 0, nil, nil
  end
end

-- Beginning and end
-- -------------------------------------------------------------------------

local function new_run(state, transport, self, parameters, options)
  local concurrency = options.concurrency
    or math.min(state.config.concurrency, MOST_CONCURRENT)
  local limit = options.limit
  local run = {
    state = state, transport = transport, plan = self, parameters = parameters,
    concurrency = concurrency, limit = limit, left = limit or math.huge,
    size = limit and math.max(1, math.min(limit, PAGE_SIZE)) or PAGE_SIZE,
    claimed = 0, flushed = 0, pages = {}, free = {}, active = 0, waiting = 0,
    crew = crew.new(transport),
    passes = 0, saved = core.now(),
    report = { rows = 0, duplicates = 0, requests = 0, retries = 0, bytes = 0, seconds = 0,
      complete = false },
  }
  run.tell = progress.teller(options.on_progress, function()
    return { rows = run.report.rows, waiting = run.waiting,
      total_rows = run.total and math.min(run.total, limit or math.huge) }
  end, function(told)
    return told.total_rows and told.total_rows > 0 and told.rows / told.total_rows
  end)
  return run
end

-- The file to write, new or where an earlier run left it.
local function open_spool(run, sink, options)
  local err
  if options.checkpoint then
    run.resume, err = resume.open(options.checkpoint, sink, run, options)
    if not run.resume then return err end
  end
  if not run.spool and not run.complete then
    run.spool, err = spool.open(sink, run.layout)
  end
  return err
end

local function begin(state, sink, options)
  local transport, err = state:transport()
  if not transport then return nil, err end
  local operation, parameters = listing(options)
  local self
  self, err = plan.of(state.config.provider, operation)
  if not self then return nil, err end
  -- The same checks as of a page, before a file is made.
  local _
  _, err = plan.request(self, { id = parameters.id, where = parameters.where })
  if err and errors.is(err) then return nil, err end
  local run = new_run(state, transport, self, parameters, options)
  run.layout, err = layout.new(self.row.answer, sink, options)
  if not run.layout then return nil, err end
  run.sink = sink
  err = open_spool(run, sink, options)
  if err then return nil, err end
  return run
end

local function finish(run, started)
  local report = run.report
  report.seconds = report.seconds + core.now() - started
  local ok, err = true, nil
  if run.resume then ok, err = resume.save(run.resume, run, run.err == nil and "finishing") end
  if ok and not run.err then ok, err = spool.finish(run.spool) end
  report.bytes = run.spool.size
  report.complete = run.err == nil and ok == true
  if ok and run.resume and not run.err then ok, err = resume.save(run.resume, run, "complete") end
  if not ok then stop(run, err) end
  if not run.err then return report end
  spool.abandon(run.spool, run.resume)
  report.complete = false
  run.err.report = report
  return nil, run.err
end

--- Exports members.
---@param state table the client's inner state
---@param sink string|function|file* a path, an open file, or a function that takes pieces
---  of text
---@param options sendcloud.ExportOptions
---@return sendcloud.ExportReport|nil
---@return sendcloud.Error? err with `report` where it had to stop
function export.run(state, sink, options)
  local started = core.now()
  if type(sink) ~= "string" and type(sink) ~= "function" and io.type(sink) ~= "file" then
    errors.misuse("the sink must be a path, an open file or a function, got " .. type(sink), 3)
  end
  local err = check(options, sink)
  if err then return nil, err end
  if state.closed then
    return nil, errors.new { kind = "closed", operation = "members.list",
      message = "the client is closed" }
  end
  local run
  run, err = begin(state, sink, options)
  if not run then return nil, err end
  if run.complete then return run.report end
  walk(run)
  return finish(run, started)
end

return export
