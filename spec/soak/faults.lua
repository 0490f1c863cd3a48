-- 100,000 calls, every operation in turn, against a sandbox where each fault there is strikes one
-- request in twenty: half of all requests go wrong. Resident memory and open descriptors must be
-- flat, nothing may be raised, and every error is an error object.
--
--   make build && eval "$(make -s env)" && lua5.4 spec/soak/faults.lua [calls] [http|inside]
--
-- Without the last word once over HTTP, eight calls at a time, and once in process. The memory is
-- the whole process's, with the sandbox in it. Exit status 1 where something grew or broke.

local curl = require "sendcloud.transport.curl"
local sandbox = require "sendcloud.sandbox"
local sendcloud = require "sendcloud"

local PROBABILITY = 0.05
local MEMORY = 2048 -- kB that may come between the first tenth of the calls and the end
local PARTS = 10
local WIDTH = 8
local ADDRESSES = 200

-- What a call waits for an answer, and what a slow answer takes: seconds of the wall clock over
-- HTTP, of the sandbox's own clock in process.
local TIMEOUT, SLOW = 0.03, 0.05

local FAULTS = {
  { reset = "connect" }, { reset = "before" }, { reset = "after" },
  { delay = SLOW }, { delay = 0.002 },
  { status = 400 }, { status = 401 }, { status = 404 }, { status = 408 }, { status = 409 },
  { status = 429, retry_after = 0.001 }, { status = 429 },
  { status = 500 }, { status = 502, html = true }, { status = 503, retry_after = { date = 0 } },
  { status = 504, html = true },
  { error_body = true }, { error_body = 401 }, { truncate = true }, { truncate = 20 },
  { drip = 0.0001 }, { content_length = 100000 }, { html = true }, { body = "{" },
}

-- A service that answers 429 to one request in ten slows every client down to a crawl. So waits
-- of the limiter and before retries take no time here: the transport's clock jumps over them.
local function without_waits(work)
  local make = curl.new
  function curl.new(...) -- luacheck: ignore 122
    local transport, skipped = make(...), 0
    local sleep, now = transport.sleep, transport.now
    function transport:sleep(seconds)
      skipped = skipped + math.max(seconds, 0)
      return sleep(self, 0)
    end
    function transport:now() return now(self) + skipped end
    return transport
  end
  local ok, result = pcall(work)
  curl.new = make -- luacheck: ignore 122
  return ok and result or error(result, 0)
end

local function number_in(path, pattern)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return tonumber(text:match(pattern))
end

local function resident()
  collectgarbage()
  collectgarbage()
  return number_in("/proc/self/status", "VmRSS:%s+(%d+)")
end

local function descriptors()
  local pipe = assert(io.popen("ls /proc/$PPID/fd | wc -l"))
  local count = tonumber(pipe:read("*a"))
  pipe:close()
  return count
end

-- Calls that leave the service as big as they found it. `serial` tells them apart.
local function calls(client)
  local where = sendcloud.where
  local condition = where.Email:contains("example")
  local ids = {}

  local function member()
    local page = client.members:list { count = 1 }
    ids.member = page and page[1] and page[1].id or ids.member or "62974a5e490f33c5eee647a2"
    return ids.member
  end

  local function tag(work)
    local made = client.tags:create("t")
    if made then work(made) end
    for each in pairs { 1, 2 } do -- what a fault left behind goes too
      local found = each and client.tags:find("t")
      if found then found:delete() end
    end
    return made
  end

  local function segment(work)
    local made = client.segments:create { name = "s", where = condition }
    if made and made.id then work(made) end
    local page = client.segments:list { count = 5 }
    for _, left in ipairs(page or {}) do client.segments:delete(left.id) end
    return made
  end

  return {
    function(serial)
      return client.members:upsert { { email = ("m%d@example.com"):format(serial % ADDRESSES),
        name = "n" .. serial, fields = { Age = serial } } }
    end,
    function() return client.members:get(member()) end,
    function(serial) return client.members:update(member(), { name = "u" .. serial }) end,
    function() return client.members:list { where = condition, count = 20 } end,
    function() return client.members:delete(member()) end,
    function()
      local n = 0
      for _ in client.members:each { page_size = 50, limit = 120 } do n = n + 1 end
      return n
    end,
    function()
      return tag(function(made)
        made:add { member() }
        made:members {}
        made:update { name = "t" }
        made:remove { ids.member }
      end)
    end,
    function()
      return segment(function(made)
        client.segments:get(made.id)
        client.segments:progress(made.id)
        client.segments:members(made.id, { count = 5 })
        client.segments:update(made.id, { name = "s", where = condition })
        client.segments:remove_members(made.id, { member() })
      end)
    end,
    function() return client.members:delete_where(where.Age:gt(1e9)) end,
    function() return client:request { path = "/marketing/lists/tags", query = { count = 5 } } end,
  }
end

-- Runs about so many requests; returns { requests, kinds, wrong, memory, descriptors }.
local function soak(count, over_http, tell)
  local box = assert(sandbox.start { seed = 7, log_entries = 100 })
  local requests, kinds, wrong = 0, {}, {}
  local client = assert(box:client {
    transport = not over_http and "sandbox" or nil, timeout = TIMEOUT, concurrency = WIDTH,
    retry = { attempts = 3, base = 0.0005, cap = 0.002 }, deadline = false,
    on_event = function(event)
      if event.type == "attempt" then requests = requests + 1 end
      if event.type == "done" and event.kind then
        kinds[event.kind] = (kinds[event.kind] or 0) + 1
      end
    end,
  })
  for _, fault in ipairs(FAULTS) do
    local rule = { operation = "*", probability = PROBABILITY }
    for name, value in pairs(fault) do rule[name] = value end
    box:fault(rule)
  end

  local list, serial = calls(client), 0
  local function work()
    serial = serial + 1
    local ok, value, err = pcall(list[serial % #list + 1], serial)
    local failure = not ok and value or value == nil and err or nil
    if failure and not (type(failure) == "table" and failure.kind and failure.message) then
      wrong[#wrong + 1] = tostring(failure)
    end
  end
  local works = {}
  for index = 1, 4 * WIDTH do works[index] = work end

  local report = { kinds = kinds, wrong = wrong, memory = {}, descriptors = {} }
  for part = 1, PARTS do
    while requests < count * part / PARTS do client:parallel(works) end
    report.memory[part], report.descriptors[part] = resident(), descriptors()
    if tell then
      tell(("%9d requests  %7d kB  %3d descriptors"):format(requests, report.memory[part],
        report.descriptors[part]))
    end
  end
  report.requests = requests
  client:close()
  box:stop()
  return report
end

local function run(...)
  local arguments = { ... }
  return without_waits(function() return soak(arguments[1], arguments[2], arguments[3]) end)
end

-- What is wrong with a run; `only` descriptors where the memory is a sanitizer's.
local function verdict(report, only)
  local problems = {}
  local first, last = report.memory[1], report.memory[PARTS]
  if only ~= "descriptors" and last > first + MEMORY then
    problems[#problems + 1] = ("the memory grew from %d to %d kB"):format(first, last)
  end
  local few, many = math.huge, 0
  for part = 1, PARTS do
    few = math.min(few, report.descriptors[part])
    many = math.max(many, report.descriptors[part])
  end
  -- Connections come and go with the faults; what leaks only grows.
  if many > few + 2 * WIDTH or report.descriptors[PARTS] > report.descriptors[1] + WIDTH then
    problems[#problems + 1] = ("the descriptors went from %d to %d"):format(few, many)
  end
  for index = 1, math.min(3, #report.wrong) do
    problems[#problems + 1] = "no error object: " .. report.wrong[index]
  end
  return problems
end

if ... == "library" then return { run = run, verdict = verdict } end

local count, only = tonumber(arg[1]) or 100000, arg[2]
local failed = false
for _, way in ipairs { "http", "inside" } do
  if not only or only == way then
    print(way == "http" and "over HTTP" or "in process")
    local started = os.time()
    local report = run(count, way == "http", print)
    local parts = {}
    for kind, times in pairs(report.kinds) do parts[#parts + 1] = kind .. " " .. times end
    table.sort(parts)
    print(("%d requests in %d s; calls that failed: %s"):format(report.requests,
      os.time() - started, table.concat(parts, ", ")))
    for _, problem in ipairs(verdict(report)) do
      failed = true
      print("FAILED: " .. problem)
    end
  end
end
os.exit(failed and 1 or 0, true)
