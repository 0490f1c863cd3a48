-- Import and export beside a C program over libcurl's multi interface that does the same job, and
-- beside what Lua and Python users write: CPU in pairs, instructions a contact, wall clock where
-- answers take 50 ms, memory.
--
-- nginx (Debian's, with its Lua module) answers from memory. Every figure is of whole processes,
-- run one after the other: the limit, a rival, the limit; the median of PAIRS such ratios is told.
-- Times swing on a shared machine, instructions (callgrind, between two sizes) do not.
--
--   PAIRS=3 ROWS=200000 PAGES=500 lua5.4 spec/bench/bulk_bench.lua
--
-- A table goes to standard output, the same as JSON to build/bench/bulk.json. Exit status 1 when
-- a target is missed; TARGET=no changes that.

local core = require "sendcloud.core"
local cjson = require "cjson"

local PAIRS = tonumber(os.getenv "PAIRS") or 3
local ROWS = tonumber(os.getenv "ROWS") or 200000
local MEMBERS = (tonumber(os.getenv "PAGES") or 500) * 100
local HERE = "spec/bench/bulk/"
local LUAS = { "lua5.4", "luajit" }

local results, missed = {}, 0

local function read_all(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a"):gsub("%s+$", "")
  pipe:close()
  return text
end

local function sh(command)
  local ok = os.execute(command)
  assert(ok == true or ok == 0, "failed: " .. command)
end

local function has(command)
  return read_all("command -v " .. command .. " 2>/dev/null") ~= ""
end

local function slurp(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function spit(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- The place, the programs, the server
-- -------------------------------------------------------------------

local folder = read_all("mktemp -d")
local life -- of nginx: it ends when this pipe does

local function compile()
  sh("mkdir -p build/bench")
  sh("${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -o build/bench/measure " .. HERE .. "measure.c")
  sh("${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -Icsrc -o build/bench/limit " .. HERE .. "limit.c "
    .. "csrc/core/buf.c csrc/core/csv.c csrc/core/ids.c csrc/core/lines.c csrc/core/lines_fast.c "
    .. "csrc/core/lines_write.c csrc/core/json_read.c csrc/core/utf8.c -lcurl -lm")
  sh(("lua5.4 %sdata.lua %s %d"):format(HERE, folder, ROWS))
end

local function modules()
  for _, path in ipairs { "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules" } do
    if io.open(path .. "/ngx_http_lua_module.so") then return path end
  end
end

local function serve()
  for try = 1, 20 do
    local port = 20000 + (core.pid() * 7 + try * 131) % 9000
    local text = slurp(HERE .. "nginx.conf"):gsub("%f[%w]%u%u%u%u+%f[%W]", {
      FOLDER = folder, PORT = port, LATE = port + 1, MODULES = modules(),
    })
    spit(folder .. "/nginx.conf", text)
    life = io.popen(("nginx -p %s -c %s/nginx.conf 2>/dev/null & pid=$!; cat >/dev/null; kill $pid")
      :format(folder, folder), "w")
    for _ = 1, 30 do
      os.execute("sleep 0.1")
      if read_all(("curl -s -o /dev/null -w '%%{http_code}' -d '{}' http://127.0.0.1:%d"
        .. "/marketing/lists/members"):format(port)) == "200" then
        return "http://127.0.0.1:" .. port, "http://127.0.0.1:" .. port + 1
      end
    end
    life:close()
  end
  error("nginx does not start: see " .. folder .. "/error.log")
end

-- Measuring
-- -----------------------------------------------------------------------------

local function environment(lua)
  return ('LUA_PATH="%s/lua/?.lua;%s/lua/?/init.lua;;" LUA_CPATH="%s/build/%s/?.so;;" '):format(
    ".", ".", ".", lua)
end

local function command(who, job, url, width, rows)
  local path = folder .. ((job == "import" or job == "send") and "/contacts.csv" or "/out." .. (job == "jsonl"
    and "jsonl" or "csv"))
  local arguments = (" %s %s %d %d %s"):format(job == "jsonl" and "export" or job, url, width,
    rows, path)
  if who == "limit" then
    return "build/bench/limit" .. (arguments:gsub("^ jsonl", " export"))
  elseif who == "python" then
    return "python3 " .. HERE .. "peer.py" .. arguments
  end
  local lua, program = who:match("^(%S+) (%S+)$")
  if program == "ours" and (job == "transform" or job == "tables") then
    arguments = (" %s %s %d %d %s/contacts.csv"):format(job, url, width, rows, folder)
  end
  return environment(lua) .. lua .. " " .. HERE .. program .. ".lua" .. arguments
end

-- Wall clock and CPU seconds, peak memory in KiB.
local function measure(...)
  local line = command(...)
  local variables, rest = line:match("^(LUA_PATH=.- LUA_CPATH=%S+ )(.*)$")
  sh(("%sbuild/bench/measure %s 3>%s/figures >/dev/null"):format(variables or "",
    rest or line, folder))
  local wall, cpu, memory = slurp(folder .. "/figures"):match("(%S+) (%S+) (%S+)")
  return tonumber(wall), tonumber(cpu), tonumber(memory)
end

local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

local function tell(name, value, unit, target, least)
  local note = ""
  if target then
    local good = least and value >= target or not least and value <= target
    note = ("  (%s %g)%s"):format(least and "at least" or "at most", target,
      good and "" or "  MISSED")
    if not good then missed = missed + 1 end
  end
  print(("%-46s %10.2f %-14s%s"):format(name, value, unit, note))
  results[#results + 1] = { name = name, value = value, unit = unit, target = target }
end

-- Median of the CPU ratios to the limit.
local function ratio(who, job, url, width, rows)
  local list = {}
  for _ = 1, PAIRS do
    local _, before = measure("limit", job, url, width, rows)
    local _, cpu = measure(who, job, url, width, rows)
    local _, after = measure("limit", job, url, width, rows)
    list[#list + 1] = cpu / ((before + after) / 2)
  end
  return median(list)
end

local function instructions(who, job, url, few, many)
  local function count(rows)
    local line = command(who, job, url, 1, rows)
    local variables, rest = line:match("^(LUA_PATH=.- LUA_CPATH=%S+ )(.*)$")
    return tonumber(read_all(("%svalgrind --tool=callgrind --callgrind-out-file=/dev/null %s 2>&1 "
      .. "| awk '/Collected/{print $4}'"):format(variables or "", rest or line)))
  end
  return (count(many) - count(few)) / (many - few)
end

-- The bench
-- ------------------------------------------------------------------------------

local function cpu(url)
  for _, lua in ipairs(LUAS) do
    tell(lua .. ": import, CPU", ratio(lua .. " ours", "import", url, 1, ROWS), "x limit", 1.5)
    tell(lua .. ": import, CPU, 8 in flight", ratio(lua .. " ours", "import", url, 8, ROWS),
      "x limit", 1.5)
    tell(lua .. ": export to CSV, CPU", ratio(lua .. " ours", "export", url, 1, MEMBERS),
      "x limit", 1.5)
    tell(lua .. ": export to JSONL, CPU", ratio(lua .. " ours", "jsonl", url, 1, MEMBERS),
      "x limit", 1.5)
  end
  local few = math.min(ROWS, 50000)
  for _, lua in ipairs(LUAS) do
    local _, limit = measure("limit", "import", url, 1, few)
    local _, ours = measure(lua .. " ours", "transform", url, 1, few)
    tell(lua .. ": import with a transform, CPU", ours / limit, "x limit",
      lua == "luajit" and 6 or 8)
  end
end

local function peers(url)
  local few = math.min(ROWS, 50000)
  for _, peer in ipairs { "lua5.4 peer", "luajit peer", "python" } do
    local lua = peer:match("^lua%S+") or "lua5.4"
    local _, ours = measure(lua .. " ours", "import", url, 1, few)
    local ok, _, theirs = pcall(measure, peer, "import", url, 1, few)
    if ok then
      tell(peer .. ": import, CPU beside ours", theirs / ours, "x",
        peer == "lua5.4 peer" and 25 or peer == "luajit peer" and 10 or nil, true)
      local _, exported = measure(lua .. " ours", "export", url, 1, MEMBERS)
      local _, told = measure(peer, "export", url, 1, MEMBERS)
      tell(peer .. ": export, CPU beside ours", told / exported, "x",
        peer == "lua5.4 peer" and 6 or peer == "luajit peer" and 3 or nil, true)
    else
      print(peer .. ": not here")
    end
  end
end

local function counted(url)
  if not has("valgrind") then return print("no valgrind: instructions are not counted") end
  for _, job in ipairs { "import", "export", "jsonl" } do
    local few, many = 20000, 60000
    if job ~= "import" then few, many = 5000, 15000 end
    tell("limit: " .. job .. ", instructions", instructions("limit", job, url, few, many),
      "a contact")
    tell("lua5.4: " .. job .. ", instructions", instructions("lua5.4 ours", job, url, few, many),
      "a contact", job == "import" and 2700 or nil)
  end
  tell("lua5.4: import of tables, instructions",
    instructions("lua5.4 ours", "tables", url, 20000, 60000), "a contact")
  tell("lua5.4: each, instructions", instructions("lua5.4 ours", "each", url, 2000, 6000),
    "a contact", 26000)
end

local function latency(late)
  local few = math.min(ROWS, 200000)
  local best = {}
  for _ = 1, PAIRS do
    for name, case in pairs {
      ["transport, import"] = { "limit", "send", few }, import = { "lua5.4 ours", "import", few },
      ["transport, export"] = { "limit", "fetch", MEMBERS }, export = { "lua5.4 ours", "export", MEMBERS },
    } do
      local wall = measure(case[1], case[2], late, 8,
        case[3])
      best[name] = math.min(best[name] or math.huge, wall)
    end
  end
  local ideal = math.ceil(few / 1000 / 8) * 0.05
  tell("import, 50 ms, 8 in flight, wall", best.import / best["transport, import"], "x transport", 1.05)
  tell("import, 50 ms, 8 in flight, of the ideal", ideal / best.import * 100, "%", 93, true)
  ideal = (1 + math.ceil((MEMBERS / 100 - 1) / 8)) * 0.05
  tell("export, 50 ms, 8 in flight, wall", best.export / best["transport, export"], "x transport", 1.05)
  tell("export, 50 ms, 8 in flight, of the ideal", ideal / best.export * 100, "%", 97, true)
end

-- The same jobs through the sandbox, whose answers take as long: nobody should wait for it.
local function through_the_sandbox(late)
  local rows, best = math.min(ROWS, 200000), {}
  local function fastest(name, url, job, count)
    best[name] = math.min(best[name] or math.huge, (measure("lua5.4 ours", job, url, 8, count)))
  end
  for _ = 1, PAIRS do
    local fifo = folder .. "/sandbox.url"
    sh("rm -f " .. fifo .. " && mkfifo " .. fifo)
    local server = io.popen(environment "lua5.4" .. "lua5.4 " .. HERE .. "sandbox.lua >" .. fifo, "w")
    local said = assert(io.open(fifo))
    local url = said:read("*l")
    fastest("nginx, import", late, "import", rows)
    fastest("sandbox, import", url, "import", rows)
    fastest("nginx, export", late, "export", MEMBERS)
    fastest("sandbox, export", url, "export", MEMBERS)
    said:close()
    server:close()
  end
  for _, job in ipairs { "import", "export" } do
    tell(job .. " through the sandbox, 50 ms, 8 in flight, wall",
      best["sandbox, " .. job] / best["nginx, " .. job], "x nginx", 1.02)
  end
end

local function memory(url)
  for _, lua in ipairs(LUAS) do
    local _, _, small = measure(lua .. " ours", "import", url, 8, 20000)
    local _, _, large = measure(lua .. " ours", "import", url, 8, ROWS)
    local _, _, limit = measure("limit", "import", url, 8, ROWS)
    tell(lua .. (": import, memory at %d over 20,000"):format(ROWS), (large - small) / 1024, "MB", 1.5)
    tell(lua .. ": import, memory over the limit's", (large - limit) / 1024, "MB", 4)
  end
end

local function run()
  compile()
  local url, late = serve()
  cpu(url)
  peers(url)
  counted(url)
  latency(late)
  through_the_sandbox(late)
  memory(url)
end

if not has("nginx") or not modules() then
  print("nginx with its Lua module is not here: nothing measured")
  os.exit(0)
end
local ok, problem = xpcall(run, debug.traceback)
if life then life:close() end
os.execute("rm -rf " .. folder)
if not ok then error(problem, 0) end
spit("build/bench/bulk.json", cjson.encode {
  date = os.date("!%Y-%m-%dT%H:%M:%SZ"), machine = read_all("uname -srm; nproc"), pairs = PAIRS,
  rows = ROWS, members = MEMBERS, results = results,
})
if missed > 0 then
  print(("%d targets missed"):format(missed))
  if os.getenv "TARGET" ~= "no" then os.exit(1) end
end
