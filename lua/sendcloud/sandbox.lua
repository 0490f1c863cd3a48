--- The sandbox: a local double of both services.
--
-- start{} gives a box that keeps contacts, tags and segments as the services do and
-- answers in both dialects, over HTTP on loopback and in process. It can be told to
-- misbehave (box:fault), its clock can be moved (box:advance) and everything that was
-- asked of it can be looked at (box:requests). What the documents leave open is decided
-- by options, which csrc/sandbox/README.md lists.
--
-- Time. Without a seed the clock is the machine's. With one it stands, at `clock` or else
-- at 2026-01-01 09:00:00, so that the same calls give the same answers; it moves by
-- box:advance, by the waiting of a client in process, and over HTTP by pauses of a tenth
-- of a second and more.

local check = require "sendcloud.sandbox.check"
local core = require "sendcloud.sandbox.core"
local fault = require "sendcloud.sandbox.fault"
local load = require "sendcloud.sandbox.load"

local sandbox = {}

local FIRST_MOMENT = "2026-01-01 09:00:00"
local ZONE = 8 * 3600 -- the services' times are at UTC+8
local USER, KEY = "sandbox_user", "sandbox-key-3c1e7a90"

---@class sendcloud.Box
---@field url string        where it listens; asking for it opens the door
---@field api_user string   credentials that it takes
---@field api_key string
---@field core userdata     the engine
local Box = {}

local listening = setmetatable({}, { __mode = "k" }) -- box -> url
local doors = setmetatable({}, { __mode = "k" }) -- box -> options of its server
local served = setmetatable({}, { __mode = "k" }) -- client -> box: it lives while its clients do

-- Time ----------------------------------------------------------------------------------

-- Days since 1970 of a date (Howard Hinnant, days_from_civil).
local function days(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year
    - 719468
end

local function to_ms(time)
  if type(time) == "number" then return math.floor(time * 1000 + 0.5) end
  local y, mo, d, h, mi, s = tostring(time):match(
    "^(%d%d%d%d)-(%d%d)-(%d%d)[ T]?(%d?%d?):?(%d?%d?):?(%d?%d?)$")
  if not y then error('a time is needed, like "2026-11-22 09:00:00" (at UTC+8)', 0) end
  local seconds = (tonumber(h) or 0) * 3600 + (tonumber(mi) or 0) * 60 + (tonumber(s) or 0)
  return (days(tonumber(y), tonumber(mo), tonumber(d)) * 86400 + seconds - ZONE) * 1000
end

local function to_text(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S", math.floor(seconds + ZONE))
end

-- Starting ------------------------------------------------------------------------------

local function first_clock(options)
  local clock = options.clock
  if clock == nil then clock = options.seed and FIRST_MOMENT or "machine" end
  return clock ~= "machine" and to_ms(clock) or nil
end

local function set_switches(engine, values)
  for name, value in pairs(values) do
    local ok, why = engine:switch(name, value)
    if not ok then error(("sandbox: %s: %s"):format(name, why), 0) end
  end
end

-- Opens the door where it is not open yet.
local function open_door(box)
  if not listening[box] then
    local door = doors[box]
    local port, why = box.core:listen(door)
    if not port then return nil, why end
    local host = door.address or "127.0.0.1"
    if host:find(":", 1, true) then host = "[" .. host .. "]" end
    listening[box] = ("http://%s:%d"):format(host, port)
  end
  return listening[box]
end

local Meta = {
  __index = function(box, name)
    if name ~= "url" then return Box[name] end
    if not box.core:is_open() then error("sandbox: it was stopped", 2) end
    local url, why = open_door(box)
    return url or error(why, 2)
  end,
  __tostring = function(box)
    local where = not box.core:is_open() and "stopped" or listening[box] or "in process"
    return ("sandbox (%s)"):format(where)
  end,
}
Meta.__close = function(box) box:stop() end

local function start(options)
  local values = check.options(options, core.switches())
  local engine, why = core.open {
    path = options.path, seed = options.seed, clock = first_clock(options),
    user = options.api_user or USER, key = options.api_key or KEY,
    examples = not (options.api_user or options.api_key),
    max_body = options.max_body, log_entries = options.log_entries, log_bytes = options.log_bytes,
  }
  if not engine then return nil, options.path and options.path .. ": " .. why or why end
  set_switches(engine, values)
  local box = setmetatable({
    core = engine, api_user = options.api_user or USER, api_key = options.api_key or KEY,
    switches = values,
  }, Meta)
  doors[box] = {
    address = options.address, port = options.port, exposed = options.exposed,
    silence = options.silence, connections = options.connections, max_body = options.max_body,
  }
  if (options.port or 0) ~= 0 or options.address then
    local url, problem = open_door(box)
    if not url then
      box:stop()
      return nil, problem
    end
  end
  return box
end

---@class sendcloud.BoxOptions
---@field port? integer      0 or nil: one that is free, when box.url is first asked for
---@field path? string       a file that keeps the state; nil: memory
---@field seed? integer      of ids and of everything drawn; also makes the clock stand
---@field clock? string|number   "2026-11-22 09:00:00" at UTC+8, seconds since 1970, or
---  "machine"
---@field address? string    numeric; other than loopback only together with exposed =
---  true
---@field exposed? boolean
---@field api_user? string   the only credentials that are accepted then; else the
---  documents'
---                           api_user and api_key are, besides the box's own
---@field api_key? string
---@field silence? integer   seconds after which a silent connection is dropped; default
---  60
---@field connections? integer   at one time; default 1000
---@field max_body? integer  bytes of a request; default 16 MiB
---@field log_entries? integer   requests that are kept to be looked at; default 10,000
---@field log_bytes? integer     and bytes of them; default 64 MiB

--- Starts a sandbox. Besides the options here it takes every rule that the documents
--- leave open by its name, e.g. unknown_tag = "refuse"; csrc/sandbox/README.md lists
--- them.
---@param options? sendcloud.BoxOptions
---@return sendcloud.Box? box
---@return string? reason   the port is taken, the file is none of ours; mistakes in
---  options raise
function sandbox.start(options)
  if options ~= nil and type(options) ~= "table" then
    error("sandbox.start: a table is needed", 2)
  end
  local results = { pcall(start, options or {}) }
  if not results[1] then error(results[2], 2) end
  return results[2], results[3]
end

--- The rules that the documents leave open: { name, choices, rule, default }, as options
--- of start.
function sandbox.switches()
  return core.switches()
end

-- Using ---------------------------------------------------------------------------------

--- A client of this sandbox with its credentials.
---@param options? table   as sendcloud.new takes; transport = "sandbox" needs no socket
---@return sendcloud.Client? client
---@return table? err
function Box:client(options)
  local wanted = { provider = "sendcloud", api_user = self.api_user, api_key = self.api_key }
  for name, value in pairs(options or {}) do wanted[name] = value end
  if wanted.transport == "sandbox" then
    wanted.transport = require("sendcloud.transport.sandbox").new(self)
    wanted.base_url = wanted.base_url or "http://127.0.0.1"
  end
  wanted.base_url = wanted.base_url or self.url
  local client, err = require("sendcloud").new(wanted)
  if client then served[client] = self end
  return client, err
end

--- The variables that lead any program to this sandbox.
---@return table<string, string>
function Box:environment(provider)
  return {
    SENDCLOUD_PROVIDER = provider or "sendcloud", SENDCLOUD_API_USER = self.api_user,
    SENDCLOUD_API_KEY = self.api_key, SENDCLOUD_BASE_URL = self.url,
  }
end

--- Stops it: the port is closed, a state in memory is gone. Idempotent; the collector
--- does it too.
function Box:stop()
  self.core:close()
  listening[self] = nil
end

-- A mistake of the script, told at its line: what method has to be given.
local function need(ok, method, what)
  if not ok then error(("%s: %s is needed"):format(method, what), 4) end
end

local function is_id(member)
  return type(member) == "string" and member ~= ""
end

-- Misbehaving ---------------------------------------------------------------------------

local Fault = {}
Fault.__index = Fault

--- How often it has happened.
function Fault:fired()
  return self.core:fired(self.id) or 0
end

--- Takes it back.
function Fault:remove()
  return self.core:unfault(self.id)
end

---@class sendcloud.BoxFault
---@field operation? string   "members.upsert", "members.*"; nil: every request
---@field provider? string    only this dialect
---@field nth? integer        only the n-th such request from now on
---@field every? integer      every n-th
---@field probability? number 0 to 1, drawn from the seed
---@field times? integer      at most so often
---@field rate? number        only those that come faster than so many a second: status
---  429 with
---                           the Retry-After that the bucket needs
---@field burst? number       requests that the bucket holds; default: the rate
---@field status? integer     answers this instead of doing anything
---@field headers? table      more headers
---@field body? string        another body
---@field retry_after? number|table|string   seconds; { date = seconds } as a date;
---  "date"; any text
---@field delay? number|table seconds, or { from, to }
---@field reset? "before"|"after"|"connect"  the connection breaks before or after the
---  change
---@field applied? boolean    status, html and error_body: the change is made all the same
---@field strip? boolean      the request's body is lost on its way: the service sees none
---@field truncate? integer|true   bytes of the body that arrive; true: half of them
---@field drip? number        seconds over which the body trickles
---@field content_length? integer  what the header claims
---@field error_body? integer|true the error of that status (400) in a body under 200
---@field html? boolean       a page instead of JSON, under 200 or `status`

--- Makes requests go wrong. Of several faults that mean a request the first made one
--- happens.
---@param rule sendcloud.BoxFault
---@return table   fault:fired() -> times it has happened; fault:remove()
function Box:fault(rule)
  local ok, checked = pcall(fault.check, rule)
  if not ok then error(checked, 3) end
  return setmetatable({ core = self.core, id = self.core:fault(checked) }, Fault)
end

-- Time ----------------------------------------------------------------------------------

--- Sets the clock, which stands from then on; "run" lets it run on, "machine" with the
--- machine's.
---@param time? string|number   "2026-11-22 09:00:00" (UTC+8), or seconds since 1970
---@return string   the time, in the same form
function Box:clock(time)
  if time == "run" or time == "machine" then
    if time == "machine" then self.core:clock(os.time() * 1000) end
    self.core:run()
  elseif time ~= nil then
    local ok, ms = pcall(to_ms, time)
    if not ok then error("clock: " .. ms, 3) end
    self.core:clock(ms)
  end
  return to_text(self.core:time())
end

--- Moves the clock.
---@param seconds number   0 or more
---@return string   the time
function Box:advance(seconds)
  need(type(seconds) == "number" and seconds >= 0 and seconds < math.huge, "advance",
    "a number of seconds, 0 or more,")
  self.core:advance(seconds)
  return to_text(self.core:time())
end

--- The clock in seconds since 1970.
---@return number
function Box:time()
  return self.core:time()
end

-- Looking in ----------------------------------------------------------------------------

local Headers = {
  __index = function(headers, name)
    if type(name) ~= "string" then return nil end
    for key, value in pairs(headers) do
      if key:lower() == name:lower() then return value end
    end
  end,
}

---@class sendcloud.BoxRequest
---@field number integer     1 for the first since the start or reset
---@field time number        the sandbox's clock, seconds since 1970
---@field operation? string  nil: it led nowhere
---@field provider string
---@field method string
---@field path string        percent-encoded, as it came
---@field query string
---@field headers table      any letter case finds them; the secret is not among them
---@field body string
---@field status? integer    nil: the connection was reset
---@field answer? string
---@field answer_headers? table
---@field fault? string      what was done to it

--- What was asked of it, the oldest first.
---@param filter? { operation?: string, last?: integer }|string   "members.upsert",
---  "members.*"; the last so many of them
---@return sendcloud.BoxRequest[]
function Box:requests(filter)
  local ok, operation, last = pcall(check.filter, filter)
  if not ok then error(operation, 3) end
  local found = self.core:requests(operation, last)
  for _, request in ipairs(found) do
    setmetatable(request.headers, Headers)
    if request.answer_headers then setmetatable(request.answer_headers, Headers) end
  end
  return found
end

--- As it was started: no contacts, faults or requests, and the clock where it began.
function Box:reset()
  assert(self.core:reset())
  set_switches(self.core, self.switches)
end

--- The whole state as a string, for restore.
---@return string
function Box:snapshot()
  return assert(self.core:snapshot())
end

---@param snapshot string
function Box:restore(snapshot)
  need(type(snapshot) == "string", "restore", "what snapshot() gave")
  assert(self.core:restore(snapshot))
end

--- The whole state as JSON: fields, members, tags, segments, campaigns.
---@return string
function Box:dump()
  return assert(self.core:dump())
end

-- What no call of the services does -----------------------------------------------------

--- Puts the contacts of a CSV file in.
---@param path string
---@return { rows: integer, inserted: integer, updated: integer, rejected: integer }?
---  report
---@return string? reason
function Box:load(path)
  need(type(path) == "string", "load", "the path of a CSV file")
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text = file:read("*a")
  file:close()
  local report, problem = load.contacts(text, function(members)
    return self.core:upsert(members)
  end)
  return report, problem and path .. ": " .. problem
end

local function is_campaign(number)
  return type(number) == "number" and number % 1 == 0 and math.abs(number) <= 2 ^ 53
end

local EVENTS = { sent = "sent", open = "open", opened = "open", click = "click", clicked = "click" }

--- Records that members were sent a campaign, opened it or clicked in it.
---@param campaign integer
---@param members string|string[]   ids or addresses
---@param event "sent"|"open"|"click"
---@return true? ok
---@return string? reason
function Box:event(campaign, members, event)
  local name = EVENTS[event]
  need(name, "event", '"sent", "open" or "click"')
  need(is_campaign(campaign), "event", "a campaign's number")
  need(is_id(members) or type(members) == "table", "event", "an id, an address or a list of them")
  for _, member in ipairs(type(members) == "table" and members or { members }) do
    need(is_id(member), "event", "an id, an address or a list of them")
    local ok, why = self.core:event(campaign, member, name)
    if not ok then return nil, why end
  end
  return true
end

--- Makes a campaign, or changes its status.
---@param campaign integer
---@param status "draft"|"sending"|"sent"
---@return true? ok
---@return string? reason
function Box:campaign(campaign, status)
  need(is_campaign(campaign), "campaign", "a number")
  need(type(status) == "string", "campaign", '"draft", "sending" or "sent"')
  return self.core:campaign(campaign, status)
end

--- Marks a contact as unsubscribed now.
---@param member string   an id or address
---@param unsubscribed? boolean   false: subscribed again
---@return true? ok
---@return string? reason
function Box:unsubscribe(member, unsubscribed)
  need(is_id(member), "unsubscribe", "an id or an address")
  return self.core:unsubscribe(member, unsubscribed ~= false)
end

local TYPES = { text = 0, number = 1, date = 2, birthday = 3, dropdown = 4 }

--- Defines a field of the contacts.
---@param field { name: string, type: string, format?: string, options?: string[] }
---   type: text, number, date, birthday or dropdown
function Box:field(field)
  need(type(field) == "table" and is_id(field.name), "field", "a table with a name")
  local kind = TYPES[field.type or "text"]
  need(kind, "field", "text, number, date, birthday or dropdown")
  return self.core:field(field.name, kind, field.format, field.options and load.list(field.options))
end

--- Makes the evaluation of a segment fail: the one it is in, or its next; nil: the next
--- of any.
---@param segment? string   an id or name
function Box:segment_fail(segment)
  return self.core:segment_fail(segment)
end

-- Every method is called with a colon, and on a box that runs; stop() may come twice.
local function pass(...) return ... end

for name, method in pairs(Box) do
  Box[name] = function(self, ...)
    if getmetatable(self) ~= Meta then
      error(("sandbox: call it with a colon: box:%s(…)"):format(name), 2)
    elseif name ~= "stop" and not self.core:is_open() then
      error("sandbox: it was stopped", 2)
    end
    return pass(method(self, ...)) -- no tail call: mistakes are told at the caller's line
  end
end

-- On its own ----------------------------------------------------------------------------

--- Runs a sandbox until SIGINT or SIGTERM. Prints where it is and what to export; lines
--- that a shell can take as they are. Options as for start; the port is 8025 when none is
--- given. Raises what kept it from starting.
---@param options? sendcloud.BoxOptions
---@return string signal   which one ended it
function sandbox.serve(options)
  if options ~= nil and type(options) ~= "table" then
    error("sandbox.serve: a table is needed", 2)
  end
  local wanted = { port = 8025 }
  for name, value in pairs(options or {}) do wanted[name] = value end
  local box
  local ended, signal = pcall(core.until_signal, function()
    local why
    box, why = start(wanted)
    if not box then error(why, 0) end
    local lines = { "# sandbox of SendCloud and EngageLab at " .. box.url .. " (Ctrl-C stops it)" }
    for name, value in pairs(box:environment()) do
      lines[#lines + 1] = ("export %s='%s'"):format(name, value)
    end
    table.sort(lines)
    io.stdout:write(table.concat(lines, "\n"), "\n")
    io.stdout:flush()
  end)
  if box then box:stop() end
  if not ended then error(signal, 2) end
  return signal
end

return sandbox
