--- client.members:import: a file of addresses goes in, one verdict a row comes out.
--
-- The core turns rows into request bodies and answers into verdicts; this file decides what
-- is sent when. Several batches are on their way at a time. One that holds an address of a
-- batch on its way waits for it, so that the last row of a file wins. A batch that the
-- service refuses whole is split until the bad rows stand alone; a batch whose outcome
-- nobody knows marks no row as refused.

local batches = require "sendcloud.batches"
local call = require "sendcloud.call"
local check = require "sendcloud.check"
local columns = require "sendcloud.columns"
local core = require "sendcloud.core"
local crew = require "sendcloud.crew"
local errors = require "sendcloud.errors"
local lazy = require "sendcloud.lazy"
local place = require "sendcloud.place"
local plan = require "sendcloud.plan"
local progress = require "sendcloud.progress"
local source = require "sendcloud.source"

local answer = lazy.require "sendcloud.answer"
local checkpoint = lazy.require "sendcloud.checkpoint"
local rejects = lazy.require "sendcloud.rejects"

local import = {}

local jit = package.loaded.jit
if jit then jit.off(true, true) end -- for the reason that loop.lua gives

local OPERATION = "members.upsert"
local MOST_CONCURRENT = 60
local MOST_SILENT = 3    -- batches in a row without a known outcome: the service is away
local MOST_HOPELESS = 32 -- rows refused alone before one is taken: it is not the rows
local LATELY = 4         -- answers whose time is kept
local PATIENCE = 0.05    -- seconds that a batch waits for an answer before it goes out beside it

---@class sendcloud.ImportOptions
---@field format? "csv"|"tsv"|"jsonl"    default: by the name, or by the first bytes
---@field map? table<string|integer, string|false> column -> email, phone, name, tags,
---  fields.X, or false to leave it out; other columns become fields
---@field tag_mode? "append"|"replace"|"keep" default "append"
---@field update_existing? boolean       default true
---@field add_tags? string[]             for every member
---@field transform? fun(member: table, line: integer): table|nil nil leaves the row out
---@field batch? integer                 members a request, 1 to 1000 (default)
---@field concurrency? integer           requests on their way at most, 1 to 60; default the
---  client's
---@field rejects? string                path of a file for the rows refused
---@field checkpoint? string             path of a file to go on from after a kill
---@field dry_run? boolean               check everything, send nothing
---@field on_progress? fun(progress: sendcloud.Progress)
---@field limit? integer                 rows to read at most

---@class sendcloud.ImportReport
---@field rows integer     that have a verdict
---@field sent integer     that passed the checks and went out
---@field inserted integer
---@field updated integer
---@field rejected integer by a check here or by the service
---@field unknown integer  whose outcome nobody can tell
---@field folded integer   of those sent: a later row of the same batch and address stood in
---@field ragged integer   rows with more cells than the header: what is behind is left out
---@field batches integer
---@field requests integer made (with dry_run: that would be made)
---@field retries integer
---@field bytes integer    of request bodies
---@field seconds number
---@field complete boolean

-- Options
-- -----------------------------------------------------------------------------------

local CHECKS = {
  format = check.one_of("csv", "tsv", "jsonl"),
  map = check.kind("table"), tag_mode = check.any, update_existing = check.any,
  add_tags = check.kind("table"), transform = check.kind("function"),
  batch = check.integer(1, 1000), concurrency = check.integer(1, MOST_CONCURRENT),
  rejects = place.check, checkpoint = place.check, dry_run = check.boolean,
  on_progress = check.kind("function"), limit = check.integer(0, 2 ^ 53),
}

local function check_options(options)
  local name, reason = check.options(options, CHECKS)
  if name then return errors.invalid(OPERATION, name, reason) end
  return columns.check_map(options.map)
end

-- A run
-- -----------------------------------------------------------------------------------

---@class sendcloud.ImportRun
---@field state table
---@field plan sendcloud.Plan
---@field transport table
---@field encoder sendcloud.Encoder
---@field report sendcloud.ImportReport
---@field rejects sendcloud.Rejects?
---@field checkpoint sendcloud.Checkpoint?
---@field prepared table?      the batch that goes next
---@field active integer       workers that have work
---@field width integer        most of them that there were at a time
---@field took table<integer, number> seconds that the last answers took
---@field making number?       seconds that a batch takes to make
---@field crew sendcloud.Crew   the workers, and who makes batches ready
---@field err sendcloud.Error? why the run stops
---@field silent integer       batches in a row without a known outcome
---@field hopeless integer     rows refused alone while none was ever taken
---@field tell fun()

local function stop(run, err)
  run.err = run.err or err
end

-- One request for the members first to last. Returns nothing, or the error.
local function ask(run, batch, first, last)
  local rows, body = run.encoder.rows, batch.body
  if first > 1 or last < batch.sent then
    batch.part = batch.part or core.buffer()
    batch.rows:slice(rows, batch.body, first, last, batch.part)
    body = batch.part
  end
  local request, err = plan.request(run.plan, {}, body)
  if not request then return err end
  request.into = batch.answer
  local report = run.report
  report.bytes = report.bytes + #body

  local _, attempts
  local asked = run.transport:now()
  run.waiting = run.waiting + 1
  _, err, attempts = call.exchange(run.state, run.plan, request, {
    read = function(response)
      if response.status >= 200 and response.status < 300 and response.body then
        local ok, problem = batch.rows:answer(rows, batch.body, response.body, first, last)
        if ok then return true end
        return nil, answer.unreadable(run.plan, response, nil, problem)
      end
      return nil, answer.check(run.plan, response)
        or answer.unreadable(run.plan, response, nil, "it is empty")
    end,
  })
  run.waiting = run.waiting - 1
  run.answers = run.answers + 1
  run.took[run.answers % LATELY] = run.transport:now() - asked
  batch.answer:free() -- the next answer that comes may be another batch's
  report.requests = report.requests + attempts
  report.retries = report.retries + math.max(attempts - 1, 0)
  return err
end

-- Whether the service refused these members, and would take others.
local function is_refusal(err)
  local status = err.status or 0
  return err.kind == "rejected"
    and (status == 400 or status == 413 or status == 422 or status < 300)
end

-- Nobody knows what became of these members: they are not refused. Returns an error where
-- there is no sense in going on.
local function give_up(run, batch, first, last, err)
  if err.outcome ~= "unknown" or err.kind == "cancelled" or err.kind == "closed" then
    return err
  end
  run.silent = run.silent + 1
  if run.silent >= MOST_SILENT then return err end
  batch.rows:judge(first, last, "unknown", err.message)
end

local function refuse_one(run, batch, index, err)
  batch.rows:judge(index, index, "rejected", err.message)
  if not run.taken then
    run.hopeless = run.hopeless + 1
    if run.hopeless >= MOST_HOPELESS then return err end
  end
end

-- Sends the members first to last, in parts where the service refuses them whole; returns an
-- error when the run has to stop. `refused`: they are known to be refused as a whole.
local function send(run, batch, first, last, refused)
  local err = refused
  if not err then
    err = ask(run, batch, first, last)
    if not err then
      run.taken, run.silent = true, 0
      return nil
    end
    batch.trouble = batch.trouble + 1
    if not is_refusal(err) then return give_up(run, batch, first, last, err) end
    run.silent = 0
    if first == last then return refuse_one(run, batch, first, err) end
  end
  local middle = math.floor((first + last) / 2)
  local before = batch.trouble
  local stopped = send(run, batch, first, middle)
  if stopped then return stopped end
  -- When the first half was taken the second one holds what the whole was refused for; only
  -- of a request that was too large can both halves be taken.
  local second = batch.trouble == before and err.status ~= 413 and middle + 1 < last
  return send(run, batch, middle + 1, last, second and err or nil)
end

-- Verdicts
-- ----------------------------------------------------------------------------------

local COUNTS = { "rows", "inserted", "updated", "rejected", "unknown", "folded" }

-- What was written last is on the disk before the checkpoint counts on it.
local function record(run, batch)
  local refused = run.rejects
  if refused and refused.size ~= run.synced then
    local ok, err = rejects.sync(refused)
    if not ok then return nil, err end
    run.synced = refused.size
  end
  return checkpoint.record(run.checkpoint, batch, run.report, refused and refused.size)
end

-- The verdicts of a batch into the report. Rows without one count only where the service may
-- have them.
local function tally(run, batch, err)
  local report, verdicts = run.report, batch.rows:settle()
  if err and err.outcome == "unknown" then
    verdicts.unknown = verdicts.unknown + verdicts.open
  elseif err then
    verdicts.rows = verdicts.rows - verdicts.open
  end
  for _, name in ipairs(COUNTS) do report[name] = report[name] + verdicts[name] end
  report.sent = report.sent + verdicts.rows - batch.refused
  report.ragged = report.ragged + batch.ragged
  report.batches = report.batches + 1
  return verdicts
end

-- The batch is answered, or (with an error) the last of a run that stops: its verdicts into the
-- report, the rejects and, where it was answered, the checkpoint.
local function settle(run, batch, stopped)
  local encoder = run.encoder
  local verdicts = tally(run, batch, stopped)
  local ok, err = true, nil
  if run.rejects and verdicts.rejected > 0 then
    ok, err = rejects.add(run.rejects, encoder.rows, batch)
  end
  if not stopped then
    run.done_bytes = run.done_bytes + batch.end_offset - batch.offset
    if ok and run.checkpoint then ok, err = record(run, batch) end
  end
  if not ok then stop(run, err) end
  batches.release(encoder, batch)
  -- LuaJIT and 5.1 wait until there is as much garbage as the program takes; a step a batch
  -- costs less than that memory.
  collectgarbage("step", 8)
  run.tell()
end

-- Workers
-- ------------------------------------------------------------------------------------

-- The batch that goes next, or nil where this worker has nothing to do.
local take

local function work(run)
  while true do
    local batch = take(run)
    if not batch then break end
    local err = batch.sent > 0 and send(run, batch, 1, batch.sent) or nil
    if err then stop(run, err) end
    settle(run, batch, err)
  end
  run.active = run.active - 1
end

local function add_worker(run)
  run.active = run.active + 1
  run.width = math.max(run.width, run.active)
  crew.add(run.crew, work, run)
end

-- Makes the next batch ready; only one task does so at a time, for an iterator may wait.
local function prepare(run)
  local encoder = run.encoder
  if run.prepared or encoder.busy or encoder.ended or run.err then return end
  local began = run.transport:now()
  local batch, err = batches.next(encoder)
  local took = run.transport:now() - began
  run.making = ((run.making or took) * 3 + took) / 4
  if err then stop(run, err) end
  run.prepared = batch
end

-- Whether one more request on its way gets the work done sooner. Where answers come while the
-- next batches are made it would only take memory; one that is late for once says nothing.
local function is_wider_better(run)
  if run.active < run.width or run.answers == 0 then return true end
  local quickest = math.huge
  for _, took in pairs(run.took) do quickest = math.min(quickest, took) end
  return quickest > 2 * run.width * run.making
end

-- A task that sends the prepared batch where all who could take it wait for too long: one
-- answer that does not come must not hold up the rest.
local function watch(run)
  while run.prepared and not run.err and run.active < run.concurrency do
    local batch = run.prepared
    local serial = batch.serial
    if not run.transport:sleep(PATIENCE) then break end
    if run.prepared == batch and batch.serial == serial and run.active < run.concurrency then
      add_worker(run)
    end
  end
  run.watched = false
end

-- In a task of its own, behind a send that has just begun: lets its bytes go first, then makes
-- the next batch ready, before a slot is free or for one that is. Batches so leave one by one,
-- and their answers come one by one.
local function prepare_ahead(run)
  run.transport:sleep(0)
  run.preparing = false
  prepare(run)
  if not run.prepared or run.active >= run.concurrency then return end
  if is_wider_better(run) then
    add_worker(run)
  elseif not run.watched then
    run.watched = true
    run.watcher = run.transport:spawn(watch, run)
  end
end

function take(run)
  if not run.preparing then prepare(run) end
  local batch = run.prepared
  if run.err or not batch or batches.is_blocked(batch) then return nil end
  run.prepared = nil
  if not run.encoder.ended and not run.preparing then
    run.preparing = true
    crew.add(run.crew, prepare_ahead, run)
  end
  return batch
end

local function send_all(run)
  local failed, raised = false, nil
  add_worker(run)
  crew.wait(run.crew, function(problem)
    stop(run, errors.new { kind = "cancelled", operation = OPERATION,
      message = "the import was stopped", outcome = "unknown" })
    if not failed and not (type(problem) == "table" and problem.kind == "cancelled") then
      failed, raised = true, problem
    end
  end)
  if run.watcher then run.transport:cancel(run.watcher) end
  if failed then error(raised, 0) end
end

-- A dry run: everything but the sending.
local function check_all(run)
  local encoder, report = run.encoder, run.report
  while not run.err do
    local batch, err = batches.next(encoder)
    if err then stop(run, err) end
    if not batch then break end
    if batch.sent > 0 then
      report.requests = report.requests + 1
      report.bytes = report.bytes + #batch.body
    end
    settle(run, batch)
  end
end

-- Beginning and end
-- -------------------------------------------------------------------------

local function new_report()
  return { rows = 0, sent = 0, inserted = 0, updated = 0, rejected = 0, unknown = 0,
    folded = 0, ragged = 0, batches = 0, requests = 0, retries = 0, bytes = 0, seconds = 0,
    complete = false }
end

local function new_run(state, transport, encoder, options)
  local run = {
    state = state, transport = transport, encoder = encoder, report = new_report(),
    plan = plan.of(state.config.provider, OPERATION),
    concurrency = options.concurrency or math.min(state.config.concurrency, MOST_CONCURRENT),
    active = 0, width = 0, answers = 0, took = {}, crew = crew.new(transport), silent = 0,
    hopeless = 0, waiting = 0,
    done_bytes = encoder.start_offset, dry = options.dry_run,
  }
  local from = encoder.source
  run.tell = progress.teller(options.on_progress, function()
    local report = run.report
    return {
      rows = report.rows, inserted = report.inserted, updated = report.updated,
      rejected = report.rejected, waiting = run.waiting,
      total_bytes = from.size, done_bytes = from.size and run.done_bytes,
    }
  end, function(told)
    return told.total_bytes and told.total_bytes > 0 and told.done_bytes / told.total_bytes
  end, true)
  return run
end

-- What a run writes beside the service: refused rows, and how far it came.
local function open_files(run, options)
  local encoder = run.encoder
  local err
  local refused, from = options.rejects, encoder.source
  if place.same(refused, from.path or from.file) or place.same(refused, options.checkpoint) then
    return errors.invalid(OPERATION, "rejects",
      "would write over the source or the checkpoint; name another file")
  end
  if options.checkpoint and not options.dry_run then
    run.checkpoint, err = checkpoint.open(options.checkpoint, encoder, options, run.report)
    if not run.checkpoint then return err end
    run.done_bytes = run.done_bytes + run.checkpoint.done_bytes
  end
  if options.rejects then
    local resumed = run.checkpoint and run.checkpoint.rejects
    run.rejects, err = rejects.open(options.rejects, encoder.rows, encoder.header, resumed)
    return err
  end
end

local function finish(run, started)
  local report = run.report
  report.seconds = report.seconds + core.now() - started
  report.complete = run.err == nil
  if run.rejects then rejects.close(run.rejects) end
  if run.checkpoint and report.complete then
    local ok, err = checkpoint.finish(run.checkpoint, report,
      run.rejects and run.rejects.size)
    if not ok then stop(run, err) end
  end
  if not run.err then return report end
  report.complete = false
  run.err.report, run.err.operation = report, run.err.operation or OPERATION
  return nil, run.err
end

local function begin_with(state, from, options)
  local transport, err = state:transport()
  if not transport then return nil, err end
  local encoder
  encoder, err = batches.encoder(state, from, options)
  if not encoder then return nil, err end
  local run = new_run(state, transport, encoder, options)
  err = open_files(run, options)
  if err then return nil, err end
  run.tell()
  return run
end

local function begin(state, given, options)
  local err = check_options(options)
  if err then return nil, err end
  if state.closed then
    return nil, errors.new { kind = "closed", operation = OPERATION,
      message = "the client is closed", outcome = "not_sent" }
  end
  local from, run
  from, err = source.open(given)
  if not from then return nil, err end
  run, err = begin_with(state, from, options)
  if not run then source.close(from) end
  return run, err
end

--- Imports members.
---@param state table the client's inner state
---@param given string|table|function|file* a path, an array of members, an iterator, an
---  open file
---@param options sendcloud.ImportOptions
---@return sendcloud.ImportReport|nil
---@return sendcloud.Error? err with `report`: how far it came
function import.run(state, given, options)
  local started = core.now()
  local run, err = begin(state, given, options)
  if not run then
    err.report, err.operation = new_report(), OPERATION
    err.outcome = "not_sent"
    return nil, err
  end
  if not (run.checkpoint and run.checkpoint.complete) then
    if options.dry_run then check_all(run) else send_all(run) end
  end
  source.close(run.encoder.source)
  local report
  report, err = finish(run, started)
  if report and not options.limit then run.done_bytes = run.encoder.source.size end
  run.tell(true)
  return report, err
end

return import
