-- Import and export beside a C program over libcurl's multi interface that does the same job, and
-- beside what Lua and Python users write: CPU in pairs, instructions a contact, wall clock where
-- answers take 50 ms, memory.
--
-- nginx (Debian's, with its Lua module) answers from memory. Every figure is of whole processes,
-- run one after the other: the limit, a rival, the limit; the median of PAIRS such ratios is told.
-- Times swing on a shared machine, instructions (callgrind, between two sizes) do not.
--
--   PAIRS=5 ROWS=200000 PAGES=500 MOST=1000000 lua5.4 spec/bench/bulk_bench.lua [part …]
--
-- Parts: cpu, peers, counted, latency, sandbox, memory; all when none is named. A table goes to
-- standard output, the same as JSON to build/bench/bulk.json, from which spec/bench/readme.lua writes the
-- README's. Exit status 1 when a target is missed; TARGET=no changes that.

local core = require "sendcloud.core"
local cjson = require "cjson"

local PAIRS = tonumber(os.getenv "PAIRS") or 5
local ROWS = tonumber(os.getenv "ROWS") or 200000
local MOST = tonumber(os.getenv "MOST") or 1000000
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
  sh(("lua5.4 %sdata.lua %s %d"):format(HERE, folder, math.max(ROWS, MOST)))
  if has "go" then
    sh("GO111MODULE=off go build -o build/bench/peer " .. HERE .. "peer.go")
  end
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

-- What reads the list of contacts; the others write a file.
local READS = { import = true, send = true, penlight = true, transform = true, tables = true }

local function command(who, job, url, width, rows)
  local path = folder .. (READS[job] and "/contacts.csv" or job == "jsonl" and "/out.jsonl"
    or "/out.csv")
  local arguments = (" %s %s %d %d %s"):format(job == "jsonl" and "export" or job, url, width,
    rows, path)
  if who == "limit" then return "build/bench/limit" .. arguments end
  if who == "go" then return "build/bench/peer" .. arguments end
  if who == "python" then return "python3 " .. HERE .. "peer.py" .. arguments end
  local lua, program = who:match("^(%S+) (%S+)$")
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
  local note, good = "", nil
  if target then
    good = least and value >= target or not least and value <= target
    note = ("  (%s %g)%s"):format(least and "at least" or "at most", target,
      good and "" or "  MISSED")
    if not good then missed = missed + 1 end
  end
  print(("%-46s %10.2f %-14s%s"):format(name, value, unit, note))
  results[#results + 1] = { name = name, value = value, unit = unit, target = target,
    least = least or nil, good = good }
end

-- Median of the CPU ratios to the limit.
local function ratio(who, job, url, width, rows, limit)
  local list = {}
  for _ = 1, PAIRS do
    local _, before = measure("limit", limit or job, url, width, rows)
    local _, cpu = measure(who, job, url, width, rows)
    local _, after = measure("limit", limit or job, url, width, rows)
    list[#list + 1] = cpu / ((before + after) / 2)
  end
  return median(list)
end

local function callgrind(file, who, job, url, rows)
  local line = command(who, job, url, 1, rows)
  local variables, rest = line:match("^(LUA_PATH=.- LUA_CPATH=%S+ )(.*)$")
  return tonumber(read_all(("%svalgrind --tool=callgrind --callgrind-out-file=%s %s 2>&1 "
    .. "| awk '/Collected/{print $4}'"):format(variables or "", file, rest or line)))
end

-- User instructions a contact, and of these how many the interpreter itself took.
local function instructions(who, job, url, few, many)
  local all, inside = {}, {}
  for index, rows in ipairs { few, many } do
    local file = ("%s/callgrind.%d"):format(folder, index)
    all[index] = callgrind(file, who, job, url, rows)
    inside[index] = tonumber(read_all("callgrind_annotate --threshold=100 " .. file
      .. " | awk '/bin.lua[^/]*]$/ {gsub(/,/, \"\", $1); sum += $1} END {printf \"%d\", sum}'"))
  end
  return (all[2] - all[1]) / (many - few), (inside[2] - inside[1]) / (many - few)
end

-- The bench
-- ------------------------------------------------------------------------------

local parts = {}

function parts.cpu(url)
  for _, lua in ipairs(LUAS) do
    local who = lua .. " ours"
    tell(lua .. ": import, CPU", ratio(who, "import", url, 1, ROWS), "x limit", 1.5)
    tell(lua .. ": import, CPU, 8 in flight", ratio(who, "import", url, 8, ROWS), "x limit", 1.5)
    tell(lua .. ": export to CSV, CPU", ratio(who, "export", url, 1, MEMBERS), "x limit", 1.5)
    tell(lua .. ": export to JSONL, CPU", ratio(who, "jsonl", url, 1, MEMBERS), "x limit", 1.5)
    tell(lua .. ": import with a transform, CPU", ratio(who, "transform", url, 1, ROWS, "import"),
      "x limit", lua == "luajit" and 6 or 8)
  end
end

-- Who, what the peer does, what is ours, how many rows, the target of an import and an export.
local PEERS = {
  { "lua5.4 peer", "penlight", rows = 20000, least = 25, name = "lua5.4, LuaSocket, cjson, Penlight" },
  { "lua5.4 peer", "import", least = 15, name = "lua5.4, LuaSocket, cjson, CSV by hand" },
  { "luajit peer", "import", least = 10, name = "luajit, LuaSocket, cjson, CSV by hand" },
  { "go", "import", least = 10, name = "Go, standard library" },
  { "python", "import", name = "Python, standard library" },
  { "lua5.4 peer", "export", least = 6, name = "lua5.4, LuaSocket, cjson, CSV by hand" },
  { "luajit peer", "export", least = 3, name = "luajit, LuaSocket, cjson, CSV by hand" },
  { "go", "export", name = "Go, standard library" },
  { "python", "export", name = "Python, standard library" },
}

function parts.peers(url)
  for _, peer in ipairs(PEERS) do
    local who, job = peer[1], peer[2]
    local lua = who:match("^lua%S+") or "lua5.4"
    local ours = job == "export" and "export" or "import"
    local rows = peer.rows or (job == "export" and MEMBERS or ROWS)
    local list = {}
    for _ = 1, math.min(PAIRS, 3) do
      local ok, _, theirs = pcall(measure, who, job, url, 1, rows)
      if not ok then break end
      list[#list + 1] = theirs / select(2, measure(lua .. " ours", ours, url, 1, rows))
    end
    if #list > 0 then
      tell(("%s: %s, CPU"):format(peer.name, ours), median(list), "x ours", peer.least, true)
    else
      print(peer.name .. ": not here")
    end
  end
end

function parts.counted(url)
  if not has("valgrind") then return print("no valgrind: instructions are not counted") end
  for _, job in ipairs { "import", "export", "jsonl" } do
    local few, many = 20000, 60000
    if job ~= "import" then few, many = 5000, 15000 end
    tell("limit: " .. job .. ", instructions", instructions("limit", job, url, few, many),
      "a contact")
    tell("lua5.4: " .. job .. ", instructions",
      (instructions("lua5.4 ours", job, url, few, many)), "a contact",
      job == "import" and 2700 or nil)
  end
  local all, inside = instructions("lua5.4 ours", "tables", url, 20000, 60000)
  tell("lua5.4: import of tables, instructions", all, "a contact")
  tell("lua5.4: the same without the interpreter's", all - inside, "a contact", 4500)
  tell("lua5.4: each, instructions", (instructions("lua5.4 ours", "each", url, 2000, 6000)),
    "a contact", 26000)
end

function parts.latency(_, late)
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

-- The same jobs through the sandbox, whose answers take as long: nobody should wait for it. Where
-- they come at once, what it does for them is seen.
function parts.sandbox(url, late)
  local rows, best = math.min(ROWS, 200000), {}
  local function fastest(name, at, job, count)
    best[name] = math.min(best[name] or math.huge, (measure("lua5.4 ours", job, at, 8, count)))
  end
  local function beside(nginx, delay)
    local fifo = folder .. "/sandbox.url"
    sh("rm -f " .. fifo .. " && mkfifo " .. fifo)
    local server = io.popen(environment "lua5.4" .. "lua5.4 " .. HERE .. "sandbox.lua " .. delay
      .. " >" .. fifo, "w")
    local said = assert(io.open(fifo))
    local at = said:read("*l")
    fastest("nginx, import, " .. delay, nginx, "import", rows)
    fastest("sandbox, import, " .. delay, at, "import", rows)
    fastest("nginx, export, " .. delay, nginx, "export", MEMBERS)
    fastest("sandbox, export, " .. delay, at, "export", MEMBERS)
    said:close()
    server:close()
  end
  for _ = 1, PAIRS do
    beside(late, "0.05")
    beside(url, "0")
  end
  for _, job in ipairs { "import", "export" } do
    tell(job .. " through the sandbox, 50 ms, 8 in flight, wall",
      best["sandbox, " .. job .. ", 0.05"] / best["nginx, " .. job .. ", 0.05"], "x nginx", 1.02)
    tell(job .. " through the sandbox, at once, 8 in flight, wall",
      best["sandbox, " .. job .. ", 0"] / best["nginx, " .. job .. ", 0"], "x nginx")
  end
end

function parts.memory(url)
  for _, job in ipairs { "import", "export" } do
    local limit = select(3, measure("limit", job, url, 8, MOST))
    for _, lua in ipairs(LUAS) do
      local small = select(3, measure(lua .. " ours", job, url, 8, 20000))
      local large = select(3, measure(lua .. " ours", job, url, 8, MOST))
      tell(("%s: %s, memory at %d over 20,000"):format(lua, job, MOST), (large - small) / 1024,
        "MB", 1.5)
      tell(("%s: %s, memory over the limit's"):format(lua, job), (large - limit) / 1024, "MB", 4)
    end
  end
end

local function run()
  compile()
  local url, late = serve()
  local wanted = #arg > 0 and arg or { "cpu", "peers", "counted", "latency", "sandbox", "memory" }
  for _, part in ipairs(wanted) do
    assert(parts[part], "no part of that name: " .. part)(url, late)
  end
end

local function machine()
  local file = io.open "/proc/cpuinfo"
  local text = file and file:read("*a") or ""
  if file then file:close() end
  local _, cores = text:gsub("\nprocessor%s*:", "")
  return { system = read_all("uname -srm"), cores = cores + 1,
    cpu = text:match("model name%s*:%s*([^\n]+)") or "unknown" }
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
  date = os.date("!%Y-%m-%dT%H:%M:%SZ"), machine = machine(), pairs = PAIRS,
  rows = ROWS, members = MEMBERS, most = MOST, results = results,
})
if missed > 0 then
  print(("%d targets missed"):format(missed))
  if os.getenv "TARGET" ~= "no" then os.exit(1) end
end
