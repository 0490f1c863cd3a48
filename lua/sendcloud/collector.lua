--- Sign-ups gathered and sent in batches, lost by nothing.
--
--   local collector = assert(require("sendcloud.collector").new {
--     client = client, journal = "/var/lib/website/sign-ups",
--   })
--   collector:add { email = "li.lei@example.com", tags = { "newsletter" } }
--
-- `add` checks a contact and appends it to a journal, a folder of files; it waits for no
-- answer of the service. One process of all that share the folder sends what waits there, in
-- upserts of up to 1000: in nginx a timer of one worker, elsewhere whoever calls `run` or
-- `flush`. Contacts stay in the journal until the service has answered for them, over kills,
-- reloads and outages; those that it refuses go to a file of their own, with the reason.
-- Contacts of one address, letter case aside, become one while they wait.
--
-- The files hold addresses, and no credential. Only their owner can read them.

local journal_writer = require "sendcloud.collector.writer"
local core = require "sendcloud.core"
local drain = require "sendcloud.collector.drain"
local errors = require "sendcloud.errors"
local handle = require "sendcloud.handle"
local members = require "sendcloud.members"
local options_of = require "sendcloud.collector.options"
local plan = require "sendcloud.plan"

local collector = {}

local OPERATION = "members.upsert"
local LONGEST = 65536  -- bytes of a contact as JSON
local PATIENCE = 120   -- s of a flush
local MOST_SLEEP = 1   -- s; `run` asks that often whether it is over

-- What nobody can do anything about by asking again.
local HOPELESS = { auth = true, config = true, not_found = true, unsupported = true,
  closed = true, cancelled = true, tls = true, rejected = true }

---@class sendcloud.Collector
local Collector = {}
Collector.metatable = { __index = Collector, __metatable = "sendcloud.collector" }

---@class sendcloud.CollectorOptions
---@field client sendcloud.Client
---@field journal string          folder of the collector's own; made when it is not there
---@field sync? "always"|"interval" when what was added outlives the machine, not only the
---  process: before `add` returns (default), or within sync_interval
---@field sync_interval? number   seconds, default 1
---@field batch? integer          contacts that make a request due, 1 to 1000, default 1000
---@field batch_bytes? integer    the same in bytes, default 1 MiB
---@field age? number             seconds a contact waits for others, default 1
---@field max_bytes? integer      of what waits, default 256 MiB; then `add` refuses
---@field refused? string         JSONL file of refused contacts, default
---  journal .. "/refused.jsonl"; it may be moved away at any time
---@field tag_mode? "append"|"replace"|"keep" default "append"
---@field update_existing? boolean default true
---@field retry? { base: number?, cap: number? } seconds between tries while the service
---  cannot be had, default 1 to 30; there is no end to them
---@field log? fun(message: string) what a person should know; nginx's log where it is there

---@class sendcloud.CollectorReport
---@field sent integer      contacts the service took
---@field refused integer   contacts that went to the file of the refused
---@field requests integer

---@class sendcloud.CollectorStatus: sendcloud.CollectorReport counted since this process began
---@field waiting integer   bytes of the journal that are not answered for
---@field files integer
---@field sending boolean   whether this process is the one that sends
---@field failures integer  requests that failed since the last one that did not
---@field err sendcloud.Error|nil of the last request, where it failed

local function nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.get_phase) == "function" and ngx or nil
end

local function default_log()
  local ngx = nginx()
  return ngx and function(message) ngx.log(ngx.WARN, "sendcloud collector: ", message) end
end

-- Whether an upsert takes a contact: nil, or path and reason.
local function checker(state)
  local upsert, err = plan.of(state.config.provider, OPERATION)
  if not upsert then return nil, err end
  for _, field in ipairs(upsert.row.body) do
    if field.name == "members" then
      local shape = core.shape(field.of)
      return function(contact)
        local written, path, reason = shape:write(contact)
        if not written then return path, reason end
      end
    end
  end
end

--- Makes a collector. Nothing is opened before it is used: one may be made in
--- `init_by_lua`, or before a process forks.
---@param options sendcloud.CollectorOptions
---@return sendcloud.Collector|nil
---@return sendcloud.Error? err kind `config`
function collector.new(options)
  if options == collector then
    errors.misuse("call it with a dot: collector.new{ … }")
  end
  errors.check_type(options, "table", "options")
  local client = options.client
  local state = type(client) == "table" and handle.state(rawget(client, "members"), members.class)
  if not state then
    return nil, errors.config("client: must be a client of this library", "client")
  end
  local checked, err = options_of.check(options)
  if not checked then return nil, err end
  checked.log = checked.log or default_log()
  local check
  check, err = checker(state)
  if not check then return nil, err end
  return handle.new(Collector, {
    client = client, state = state, options = checked, check = check,
    any = core.shape { type = "any" },
    writer = journal_writer.new(checked, state.config.thread_pool),
    drain = drain.new(state, checked, function(contact) return check(contact) == nil end),
  })
end

-- The inner state; raises at the line that called the method where self is something else.
local function inner_of(self, usage)
  local inner = handle.state(self, Collector)
  if not inner then errors.misuse("call it with a colon: collector:" .. usage, 3) end
  return inner
end

local function closed(operation)
  return errors.new { kind = "closed", operation = operation, outcome = "not_sent",
    message = "the collector is closed" }
end

local function say(inner, message)
  if inner.options.log then inner.options.log(message) end
end

-- The timer of this worker, once; nginx's master has none.
local function start(inner)
  if inner.started == core.pid() then return true end
  inner.started = core.pid()
  local ok, reason = require("sendcloud.collector.timer").start(inner.drain, inner.writer,
    function(message) say(inner, message) end, function() inner.started = nil end)
  if not ok then inner.started = nil end
  return ok, reason
end

-- The contact as the journal keeps it, when an upsert would take it.
local function encode(inner, contact)
  local text
  local path, reason = inner.check(contact)
  if not path then text, path, reason = inner.any:write(contact) end
  if text and #text > LONGEST then
    text, path, reason = nil, "", ("a contact has at most %d bytes"):format(LONGEST)
  end
  if text then return text end
  local err = errors.invalid("collector.add", path, reason)
  err.outcome = "not_sent"
  return nil, err
end

--- Takes a contact in. When this returns true it will be sent, whatever becomes of this
--- process; with `sync = "always"`, whatever becomes of the machine.
---@param contact sendcloud.NewMember
---@return true|nil
---@return sendcloud.Error? err `invalid`, as an upsert would say; `rate_limited` with
---  `retry_after` where there is no room; `config` where the journal cannot be written
function Collector:add(contact)
  local inner = inner_of(self, "add{ email = … }")
  errors.check_type(contact, "table", "the contact")
  if inner.closed then return nil, closed("collector.add") end
  local text, err = encode(inner, contact)
  if not text then return nil, err end
  local ok, problem = inner.writer:add(text)
  if not ok then return nil, problem end
  if nginx() and inner.started ~= core.pid() then
    local started, reason = start(inner)
    if not started then problem = "no timer, what is added waits: " .. tostring(reason) end
  end
  if problem then say(inner, problem) end
  return true
end

--- In nginx: starts the timer of this worker; in `init_worker_by_lua`, so that what an
--- earlier nginx left is sent at once. The first `add` of a worker does it too.
---@return true|nil
---@return sendcloud.Error? err `unsupported` elsewhere
function Collector:start()
  local inner = inner_of(self, "start()")
  if inner.closed then return nil, closed("collector.start") end
  local ngx, reason = nginx(), "there is no nginx here: use run() or flush()"
  if ngx and ngx.get_phase() == "init" then
    ngx, reason = nil, "workers have timers, their master has none: call it in init_worker_by_lua"
  end
  local ok
  if ngx then ok, reason = start(inner) end
  if ok then return true end
  return nil, errors.new { kind = "unsupported", operation = "collector.start",
    message = tostring(reason) }
end

local function counts(inner)
  local from = inner.drain
  return { sent = from.sent, refused = from.refused, requests = from.requests }
end

local function report_since(inner, before)
  local report = counts(inner)
  for name, value in pairs(report) do report[name] = value - before[name] end
  return report
end

-- An error of a flush that came so far.
local function stopped(inner, err, before)
  local told = {}
  for name, value in pairs(err) do told[name] = value end
  told.report = report_since(inner, before)
  return nil, errors.new(told)
end

local function too_late(inner, before, err)
  return stopped(inner, err or { kind = "timeout", operation = "collector.flush",
    message = "some contacts still wait" }, before)
end

--- Sends all that waits, and tries again for a while where that fails.
---@param seconds number? at most, default 120
---@return sendcloud.CollectorReport|nil
---@return sendcloud.Error? err with `report`; what is not sent waits in the journal.
---  `conflict` where another process is the one that sends
function Collector:flush(seconds)
  local inner = inner_of(self, "flush()")
  errors.check_type(seconds, "number", "seconds", true)
  if inner.closed then return nil, closed("collector.flush") end
  local before = counts(inner)
  local transport, err = inner.state:transport()
  if not transport then return nil, err end
  local ends_at = transport:now() + (seconds or PATIENCE)
  while true do
    local wait, failed, elsewhere = inner.drain:look(true)
    if elsewhere then
      return stopped(inner, { kind = "conflict", operation = "collector.flush",
        message = "somebody else is sending what waits: another process, or a timer" }, before)
    end
    if failed and (not wait or HOPELESS[failed.kind]) then
      return stopped(inner, failed, before)
    end
    if not failed and inner.drain:is_empty() then return report_since(inner, before) end
    if transport:now() + wait > ends_at then return too_late(inner, before, failed) end
    local _, cut = transport:sleep(wait)
    if cut then return stopped(inner, cut, before) end
  end
end

--- Sends what waits as it comes, where there is no nginx; with several processes, one at a
--- time does. What goes wrong is told to `log`, and tried again.
---@param is_over (fun(): boolean)? asked about once a second; without it there is no end
---@return true|nil
---@return sendcloud.Error? err `closed` where the client or the collector was closed
function Collector:run(is_over)
  local inner = inner_of(self, "run()")
  errors.check_type(is_over, "function", "is_over", true)
  while not inner.closed do
    if is_over and is_over() then return true end
    local wait, err = inner.drain:look()
    if not wait then return nil, err end
    local problem = inner.writer:sync_when_due(core.now())
    if problem then say(inner, problem) end
    inner.state:transport():sleep(math.min(wait, MOST_SLEEP))
  end
  return nil, closed("collector.run")
end

--- How it stands.
---@return sendcloud.CollectorStatus
function Collector:status()
  local inner = inner_of(self, "status()")
  local status = counts(inner)
  status.waiting, status.files = journal_writer.waiting(inner.options.journal)
  status.sending = inner.drain.lock ~= nil
  status.failures, status.err = inner.drain.failures, inner.drain.err
  return status
end

--- Closes the journal; what waits there is sent by the next collector of that folder.
--- Closing again does nothing. What is forgotten the garbage collector closes.
function Collector:close()
  local inner = inner_of(self, "close()")
  inner.closed = true
  inner.writer:close()
  inner.drain:close()
end

Collector.metatable.__close = function(self) self:close() end

Collector.metatable.__tostring = function(self)
  local inner = handle.state(self, Collector)
  return ("sendcloud collector (%s)"):format(inner and inner.options.journal or "?")
end

return collector
