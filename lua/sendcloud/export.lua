--- client.members:export: the members of the list, of a tag or of a segment into a file.
--
-- Pages come as lines, in order, from export_pages; here stands what is asked for and where
-- the lines go.

local check = require "sendcloud.check"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local export_pages = require "sendcloud.export_pages"
local layout = require "sendcloud.layout"
local lazy = require "sendcloud.lazy"
local place = require "sendcloud.place"
local plan = require "sendcloud.plan"
local progress = require "sendcloud.progress"
local records = require "sendcloud.records"
local spool = require "sendcloud.spool"
local yieldable = require "sendcloud.yieldable"

local export_workers = lazy.require "sendcloud.export_workers"
local resume = lazy.require "sendcloud.resume"

local export = {}

local PAGE_SIZE = 100
local MOST_CONCURRENT = 60
local SYNC = 1 -- seconds between two checkpoints

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
---@field on_progress? fun(progress: sendcloud.Progress) at most ten times a second, and
---  once more when it ends
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

local CHECKS = {
  where = check.any, tag = check.kind("string"), segment = check.kind("string"),
  columns = check.kind("table"),
  format = check.one_of("csv", "tsv", "jsonl"),
  spreadsheet = check.boolean, concurrency = check.integer(1, MOST_CONCURRENT),
  checkpoint = place.check, on_progress = check.kind("function"),
  limit = check.integer(0, 2 ^ 53),
}

-- Where the text shall end in the end: a link stays, what it leads to is written, as a
-- shell's `>` does.
local function followed(sink)
  if type(sink) ~= "string" then return sink end
  local reason = place.check(sink)
  local target
  if not reason then target, reason = core.follow(sink) end
  if not target then return nil, errors.invalid(nil, "sink", reason) end
  return target
end

-- What is wrong with where it shall go: found before anything is fetched.
local function check_sink(sink, options)
  if type(sink) == "string" then
    local info = core.file_info(sink)
    if info and info.kind == "directory" then
      return errors.invalid(nil, "sink", sink .. " is a directory")
    end
  elseif io.type(sink) == "closed file" then
    return errors.invalid(nil, "sink", "the file is closed")
  end
  local saved = options.checkpoint
  if not saved then return nil end
  if type(sink) ~= "string" or place.is_stream(sink) then
    return errors.invalid(nil, "checkpoint", "needs the path of a file to export to")
  elseif place.same(saved, sink) or place.same(saved, sink .. ".part") then
    return errors.invalid(nil, "checkpoint", "would write over the sink; name another file")
  end
end

local function check_options(options, sink)
  local name, reason = check.options(options, CHECKS)
  if name then return errors.invalid(nil, name, reason) end
  if options.tag and options.segment then
    return errors.invalid(nil, "segment", "cannot go with tag")
  elseif options.tag and options.where then
    return errors.invalid(nil, "where", "cannot go with tag: the service lists all who have it; "
      .. "where.tag:eq(its name) is a condition that others go with")
  end
  return check_sink(sink, options)
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

-- Writing
-- -----------------------------------------------------------------------------------

---@class sendcloud.ExportRun: sendcloud.PageRun
---@field layout sendcloud.Layout
---@field spool sendcloud.Spool
---@field resume sendcloud.Resume?
---@field saved number         when the checkpoint was written
---@field tell fun()

-- Takes the lines that the limit does not leave off the end of a page. Returns bytes.
local function cut(run, page, rows)
  if not page.tail then return run.layout.lines:cut(page.lines, rows) end
  local bytes = run.layout.lines:cut(tostring(page.lines):sub(page.from + 1), rows)
  page.lines:clear(page.from + bytes)
  return bytes
end

-- LuaJIT and 5.1 let as much garbage come as the program takes: a step of the collector now
-- and then costs less than that memory.
local SWEPT = 16 -- pages

-- Writes one page, as much of it as the limit leaves.
local function write(run, page)
  local report, rows, bytes = run.report, page.written, #page.lines - page.from
  report.duplicates = report.duplicates + page.received - rows
  if rows > run.left then
    rows = run.left
    bytes = cut(run, page, rows)
  end
  report.rows, run.left = report.rows + rows, run.left - rows
  if page.offset % (SWEPT * run.size) == 0 then collectgarbage("step", 8) end
  local ok, err
  if page.tail then
    ok, err = spool.added(run.spool, bytes, page.columns)
    return not ok and err or nil
  end
  ok, err = spool.begin(run.spool)
  if ok and rows > 0 then ok, err = spool.add(run.spool, page.lines, bytes, page.columns) end
  if not run.resume then -- the next lines of a page that is the only one need not be copied
    page.tail = page.single and spool.tail(run.spool)
    page.lines = page.tail or page.lines
  elseif ok then
    ok, err = resume.add_ids(run.resume, page.ids)
  end
  return not ok and err or nil
end

-- Notes how far the run came.
local function note(run)
  local now = run.resume and core.now()
  run.tell()
  if not now or now - run.saved < SYNC then return nil end
  run.saved = now
  local _, err = resume.save(run.resume, run)
  return err
end

-- Beginning and end
-- -------------------------------------------------------------------------

local function new_report()
  return { rows = 0, duplicates = 0, requests = 0, retries = 0, bytes = 0, seconds = 0,
    complete = false }
end

local function new_run(state, transport, self, parameters, options)
  local concurrency = options.concurrency
    or math.min(state.config.concurrency, MOST_CONCURRENT)
  local limit = options.limit
  local run = export_pages.run(state, transport, self, parameters, {
    concurrency = concurrency, limit = limit,
    size = limit and math.max(1, math.min(limit, PAGE_SIZE)) or PAGE_SIZE,
  })
  run.saved, run.write, run.note = core.now(), write, note
  run.report = new_report()
  run.tell = progress.teller(options.on_progress, function()
    return { rows = run.report.rows, waiting = run.waiting,
      total_rows = run.total and math.min(run.total, limit or math.huge) }
  end, function(told)
    return told.total_rows and told.total_rows > 0 and told.rows / told.total_rows
  end)
  return run
end

-- The file to write, new or where an earlier run left it.
local function open_spool(run)
  local sink, options, err = run.sink, run.options, nil
  if options.checkpoint then
    run.resume, err = resume.open(options.checkpoint, sink, run, options)
    if not run.resume then return err end
    run.with_ids = true
  end
  if not run.spool and not run.complete then
    run.spool = spool.new(sink, run.layout)
    local ok
    ok, err = spool.open(run.spool)
    if not ok then spool.abandon(run.spool) end
  end
  return err
end

local function begin(state, given, options)
  local sink, err = followed(given)
  err = err or check_options(options, sink)
  if err then return nil, err end
  options = records.with(options, "format", layout.format(given, options))
  if state.closed then
    return nil, errors.new { kind = "closed", operation = "members.list",
      message = "the client is closed" }
  end
  local transport
  transport, err = state:transport()
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
  run.sink, run.options = sink, options
  return run
end

local function finish(run)
  local report = run.report
  report.seconds = report.seconds + core.now() - run.started
  local ok, err = true, nil
  if run.resume then ok, err = resume.save(run.resume, run, run.err == nil and "finishing") end
  if ok and not run.err then ok, err = spool.finish(run.spool) end
  report.bytes = run.spool.size
  report.complete = run.err == nil and ok == true
  if ok and run.resume and not run.err then ok, err = resume.save(run.resume, run, "complete") end
  if not ok then run.err = run.err or err end
  if run.err then
    spool.abandon(run.spool, run.resume)
    report.complete, run.err.report = false, report
  end
  run.tell(true)
  if run.err then return nil, run.err end
  return report
end

-- The file, all pages, and the end.
local function work(run, caught)
  local err = open_spool(run)
  if err then
    err.report = new_report()
    return nil, err
  end
  if run.complete then return run.report end
  if not run.finishing then
    -- Where what is raised is caught, one page after the other needs no task.
    local alone = run.concurrency == 1 and caught
    local ok, raised = export_pages.walk(run,
      alone and export_pages.alone or export_workers.together)
    if not ok then
      spool.abandon(run.spool, run.resume)
      error(raised, 0)
    end
  end
  return finish(run)
end

-- The same; where something is raised in it, an interrupt say, nothing stays behind that no
-- later run needs.
local function without_traces(run)
  -- A coroutine of Lua 5.1 cannot yield inside a pcall, and interrupts come elsewhere.
  if not yieldable.across_pcall and coroutine.running() then return work(run, false) end
  local ok, report, err = pcall(work, run, true)
  if ok then return report, err end
  export_pages.halt(run)
  if run.spool then spool.abandon(run.spool, run.options.checkpoint) end
  error(report, 0)
end

--- Exports members.
---@param state table the client's inner state
---@param sink string|function|file* a path, an open file, or a function that takes pieces
---  of text
---@param options sendcloud.ExportOptions
---@return sendcloud.ExportReport|nil
---@return sendcloud.Error? err with `report`: how far it came
function export.run(state, sink, options)
  local started = core.now()
  if type(sink) ~= "string" and type(sink) ~= "function" and not io.type(sink) then
    errors.misuse("the sink must be a path, an open file or a function, got " .. type(sink), 3)
  end
  local run, err = begin(state, sink, options)
  local report
  if run then
    run.started = started
    report, err = without_traces(run)
  else
    err.report = new_report()
  end
  if err and not err.operation then err.operation = listing(options) end
  return report, err
end

return export
