--- Sends what waits in a journal: one request at a time, so that what came later for an
--- address is never overtaken by what came before.
--
-- One process at a time does this, whoever holds the lock; that falls with the process. It
-- looks, sends what is due, writes down what was answered for, and says when to look again.
-- What failed for now stays where it is: the next request is made anew, with what has come
-- meanwhile. What is refused goes to the dead letters; a request that is refused as a whole
-- is halved until what is wrong stands alone.

local backlog = require "sendcloud.collector.backlog"
local call = require "sendcloud.call"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local letters = require "sendcloud.collector.letters"
local policy = require "sendcloud.policy"

local drain = {}

local OPERATION = "members.upsert"
local SLICE = 128 -- entries read before others get their turn
local MOST_OFTEN, LEAST_OFTEN = 0.02, 1 -- s between two looks
local LONGEST_WAIT = 3600 -- s, whatever the service asks for

-- Answers that say something of what was sent, not of the service or the account.
local OF_THE_CONTENT = { [400] = true, [413] = true, [422] = true }

---@class sendcloud.Drain
---@field backlog sendcloud.Backlog|nil  while this process is the one that sends
---@field failures integer            in a row
---@field sent integer
---@field refused integer
---@field requests integer
---@field err sendcloud.Error|nil     of the last request, where it failed
local Drain = {}
Drain.__index = Drain

--- A drain. Opens nothing.
---@param state table    the client's inner state
---@param options table  as options.check gives them
---@param fits fun(contact: table): boolean
---@return sendcloud.Drain
function drain.new(state, options, fits)
  return setmetatable({
    state = state, options = options, fits = fits, folder = options.journal,
    failures = 0, not_before = -math.huge, sent = 0, refused = 0, requests = 0,
    interval = math.max(MOST_OFTEN, math.min(LEAST_OFTEN, options.age / 2)),
  }, Drain)
end

local function say(self, message)
  if self.options.log then self.options.log(message) end
end

local function trouble(reason)
  return errors.new { kind = "config", operation = OPERATION, parameter = "journal",
    message = "journal: " .. tostring(reason) }
end

-- Becoming the one that sends ---------------------------------------------------------------

-- A journal is one account's: what waits in it must not end up in the lists of another.
local function check_account(self)
  local path, mine = self.folder .. "/account", self.state.account .. "\n"
  local file = io.open(path, "rb")
  local known = file and file:read(#mine + 1) or nil
  if file then file:close() end
  if known == mine then return nil end
  if file then
    return trouble(path .. ": what waits here belongs to another account; name another folder")
  end
  local ok, reason = core.replace(path, path .. ".tmp", mine, true)
  return not ok and trouble(path .. ": " .. reason) or nil
end

-- True, or false where another process is the one.
local function hold(self)
  if self.lock and self.pid == core.pid() then return true end
  self:close()
  local ok, reason = core.make_folder(self.folder)
  if not ok then return nil, trouble(self.folder .. ": " .. reason) end
  local lock, why, taken = core.file_lock(self.folder .. "/lock")
  if not lock and taken then return false end
  if not lock then return nil, trouble(self.folder .. "/lock: " .. why) end
  local err = check_account(self)
  if err then
    lock:close()
    return nil, err
  end
  self.lock, self.pid = lock, core.pid()
  self.backlog = backlog.new(self.options, self.fits, function(message) say(self, message) end)
  return true
end

--- Lets another process send. While a request is on its way that waits for its answer.
function Drain:close()
  self.closing = self.busy
  if self.busy then return end
  if self.backlog then self.backlog:close() end
  if self.lock then self.lock:close() end
  self.backlog, self.lock = nil, nil
end

-- Requests ----------------------------------------------------------------------------------

-- One attempt; whether and when there is another is decided by the drain.
local function upsert(self, items)
  local members = {}
  for index, item in ipairs(items) do members[index] = item.contact end
  self.requests = self.requests + 1
  return call.run(self.state, OPERATION, {
    members = members, tag_mode = self.options.tag_mode,
    update_existing = self.options.update_existing,
  }, { attempts = 1 })
end

-- Writes the refused down, then counts all items as done with.
local function settle(self, items, refused)
  local ok, reason = letters.add(self.options.refused, refused)
  if not ok then return trouble(reason) end
  for _, item in ipairs(items) do self.backlog:settle(item) end
  self.refused, self.sent = self.refused + #refused, self.sent + #items - #refused
  if #refused > 0 then
    say(self, ("%d contacts were refused, see %s"):format(#refused, self.options.refused))
  end
end

-- Who of the items an answer refuses. The service may spell an address in its own way.
local function refusals(self, items, report)
  local by_address, list = {}, {}
  for _, item in ipairs(items) do by_address[item.address] = item end
  for _, entry in ipairs(report.errors or {}) do
    local email = type(entry) == "table" and entry.email
    local key = type(email) == "string" and email:lower()
    if key and by_address[key] then
      list[#list + 1] = {
        item = by_address[key], reason = tostring(entry.message or "refused without a reason"),
      }
      by_address[key] = nil
    else
      say(self, "the service refused a contact that it does not name")
    end
  end
  return list
end

local function is_refusal(err)
  if err.kind ~= "invalid" and err.kind ~= "rejected" then return false end
  return not err.status or err.status < 300 or OF_THE_CONTENT[err.status] or false
end

-- Sends items; the error where some of them remain.
local function send(self, items)
  local report, err = self:guard(upsert, items)
  if report then return settle(self, items, refusals(self, items, report)) end
  if not is_refusal(err) then return err end
  if #items == 1 then
    return settle(self, items, { { item = items[1], reason = err.message } })
  end
  local halves, middle = { {}, {} }, math.ceil(#items / 2)
  for index, item in ipairs(items) do
    local half = halves[index <= middle and 1 or 2]
    half[#half + 1] = item
  end
  return send(self, halves[1]) or send(self, halves[2])
end

--- Runs a request; a timer of nginx puts something in its place that can be cut short.
---@param request function
---@param ... any
---@return any
function Drain:guard(request, ...)
  return request(self, ...)
end

-- Looking -------------------------------------------------------------------------------------

-- Dead letters first: what was never a contact cannot be sent.
local function without_strangers(self, items)
  local good, bad, letters_of = {}, {}, {}
  for _, item in ipairs(items) do
    if item.contact then
      good[#good + 1] = item
    else
      bad[#bad + 1] = item
      letters_of[#letters_of + 1] = { item = item, reason = item.reason }
    end
  end
  return good, #bad > 0 and settle(self, bad, letters_of) or nil
end

local function read_all(self, transport)
  while true do
    local ok, more = self.backlog:refill(transport:now(), SLICE)
    if not ok then return trouble(self.folder .. ": " .. tostring(more)) end
    if not more then return nil end
    transport:sleep(0) -- in nginx: others go on
  end
end

-- What is due: a full request, or the oldest when it has waited long enough.
local function due(self, now, all)
  local waiting = self.backlog
  if waiting.count == 0 then return nil end
  if all or waiting.count >= self.options.batch or waiting.bytes >= self.options.batch_bytes
    or now - waiting:since() >= self.options.age
  then
    return waiting:take()
  end
end

-- Seconds until it is worth trying again.
local function backoff(self, err)
  local retry = self.options.retry
  local wait = policy.backoff(retry.base, retry.cap, self.failures, self.state.random())
  return math.max(wait, retry.base / 2, math.min(err.retry_after or 0, LONGEST_WAIT))
end

local function after(self, err, now)
  local ok, reason = self.backlog:acknowledge()
  if not ok then err = err or trouble(reason) end
  self.err = err
  if not err then
    self.failures = 0
    return 0
  end
  self.failures = self.failures + 1
  local wait = backoff(self, err)
  self.not_before = now + wait
  say(self, ("%s; tried again in %.1f s"):format(tostring(err), wait))
  return wait
end

-- Sends what is due. Seconds until the next look, and the error where there was one.
local function turn(self, transport, all)
  local now = transport:now()
  local err = read_all(self, transport)
  if not err and now < self.not_before then
    -- Not less than a clock can tell: one that moves only when it is waited on would stand.
    return math.max(self.not_before - now, MOST_OFTEN), self.err
  end
  local items = not err and due(self, now, all)
  if not err and not items then
    local ok, reason = self.backlog:acknowledge()
    if ok then return self.interval end
    err = trouble(reason)
  end
  if items then
    items, err = without_strangers(self, items)
    if not err and #items > 0 then err = send(self, items) end
  end
  return after(self, err, transport:now()), err
end

--- Looks once.
---@param all boolean? send what waits however little it is, and not long
---@return number|nil wait  seconds until the next look is worth it; nil where none is
---@return sendcloud.Error? err what went wrong
---@return boolean? elsewhere  another process sends
function Drain:look(all)
  local transport, err = self.state:transport()
  if self.state.closed then
    err = errors.new { kind = "closed", operation = OPERATION, message = "the client is closed" }
  end
  if err then
    self:close()
    return nil, err
  end
  if self.busy then return self.interval, nil, true end
  local mine
  mine, err = hold(self)
  if mine == nil then return LEAST_OFTEN, err end
  if not mine then return LEAST_OFTEN, nil, true end
  self.busy = true
  local wait
  wait, err = turn(self, transport, all)
  self.busy = false
  if self.closing then self:close() end
  return wait, err
end

--- Whether this process sends, and nothing waits in what it has read.
---@return boolean
function Drain:is_empty()
  return self.backlog ~= nil and self.backlog.count == 0
end

return drain
