-- What it costs to take a sign-up in, and to send it: instructions and microseconds a contact.
--
--   lua5.4 spec/bench/collector_bench.lua [contacts]
--
-- Instructions (callgrind, between two sizes) do not depend on what else the machine does. Time with
-- the policy `always` is that of the disk: beside it stands a bare append and fdatasync of as many
-- bytes. The service is a function that answers at once.

local collector = require "sendcloud.collector"
local core = require "sendcloud.core"

local LUA = arg[-1] or "lua5.4"
local CONTACTS = tonumber(arg[1]) or 20000

local function service(request)
  local _, members = request.body:gsub('"email":', "")
  return { status = 200, body = ('{"totalInserted":%d,"totalUpdated":0,"errorCount":0}'):format(members) }
end

local function contact(index)
  return {
    email = ("reader%d@example.com"):format(index), name = "Li Lei", phone = "13800138000",
    fields = { Age = index % 90, City = "Shanghai" }, tags = { "newsletter" },
  }
end

local function with_collector(policy, work)
  local folder = os.tmpname()
  os.remove(folder)
  local client = assert(require("sendcloud").new { api_user = "u", api_key = "k", transport = service })
  local made = assert(collector.new { client = client, journal = folder, sync = policy })
  local result = work(made)
  made:close()
  os.execute("rm -rf " .. folder)
  return result
end

local function add_some(made, count)
  for index = 1, count do assert(made:add(contact(index))) end
end

-- What callgrind looks at.
if arg[1] == "child" then
  local count = tonumber(arg[2])
  with_collector("interval", function(made)
    add_some(made, count)
    if arg[3] == "send" then assert(made:flush()) end
  end)
  os.exit(0)
end

local function instructions(job)
  local function count(n)
    local pipe = io.popen(("valgrind --tool=callgrind --callgrind-out-file=/dev/null %s %s child %d %s 2>&1 "
      .. "| awk '/Collected/{print $4}'"):format(LUA, arg[0], n, job))
    local text = pipe:read "*a"
    pipe:close()
    return tonumber(text)
  end
  local few, many = count(1000), count(3000)
  return few and many and (many - few) / 2000
end

local function tell(name, value, unit) print(("%-52s %10.1f %s"):format(name, value, unit)) end

local function seconds(work)
  local start = core.now()
  work()
  return core.now() - start
end

-- An append and a sync of one entry's bytes, by the journal alone.
local function bare(count)
  local folder = os.tmpname()
  os.remove(folder)
  assert(core.make_folder(folder))
  local writer = assert(core.journal_writer(folder, "a"))
  local bytes = ("x"):rep(150)
  local took = seconds(function()
    for index = 1, count do assert(writer:append(bytes, index, true)) end
  end)
  writer:close()
  os.execute("rm -rf " .. folder)
  return took / count
end

local few = math.floor(CONTACTS / 20)
with_collector("interval", function(made)
  tell("add, interval", seconds(function() add_some(made, CONTACTS) end) / CONTACTS * 1e6, "us")
  tell("read back, merged and sent", seconds(function() assert(made:flush()) end) / CONTACTS * 1e6, "us")
end)
with_collector("always", function(made)
  tell("add, always", seconds(function() add_some(made, few) end) / few * 1e6, "us")
end)
tell("append and fdatasync alone", bare(few) * 1e6, "us")
if os.execute "command -v valgrind >/dev/null 2>&1" then
  local add, all = instructions "add", instructions "send"
  if add and all then
    tell("add, interval", add, "instructions")
    tell("read back, merged and sent", all - add, "instructions")
  end
end
