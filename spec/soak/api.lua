-- Calls everything that sendcloud.core and sendcloud.sandbox.core have, with arguments that are
-- sometimes right: nothing that a script says may break the process. Run it with both modules under
-- AddressSanitizer in an empty folder (.ci/fuzz-api does):   lua5.4 spec/soak/api.lua SECONDS [SEED]
--
-- Methods are found in the metatables, so that a new one takes part by itself. Objects live in a
-- pool, are dropped, closed and used again; finalizers call more of it in the middle of a call.

local core = require "sendcloud.core"
local has_box, box_core = pcall(require, "sendcloud.sandbox.core")

local SECONDS, SEED = tonumber(arg[1]) or 10, tonumber(arg[2]) or os.time() % 100000
local POOL = 48  -- objects of one type that are kept
local DEEP = 2   -- calls within finalizers within calls

local random = math.random
math.randomseed(SEED)

local pool, depth, calls, refused, kinds = {}, 0, 0, 0, {}
local trace = os.getenv "API_TRACE" and io.stderr

-- Values
-- ---------------------------------------------------------------------------------------------

local function pick(list) return list[random(#list)] end

local function maybe(percent) return random(100) <= percent end

local NUMBERS = {
  0, 1, 2, 3, 4, 7, 8, 63, 64, 65, 100, 255, 256, 1000, 65535, 65536, -1, -2, 0.5, -0.0, 1e9, 1e15,
  2 ^ 31 - 1, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, -2 ^ 63, 1e308, math.huge, -math.huge, 0 / 0,
}

local TEXTS = {
  "", "a", "b", "a@x.org", "b@x.org", "{}", "[]", "null", "\0", "a\0b", ("x"):rep(300), "\255\254",
  "\r\nX: 1", "{\"list\":[{\"id\":\"1\",\"email\":\"a@x\",\"fields\":{\"k\":\"v\"},\"tags\":[\"t\"]}]}",
  "{\"list\":[{\"id\":\"2\",\"fields\":{\"", "{\"ins\":[{\"mail\":\"a@x\"}],\"err\":[]}", "\"", "\\",
  "a@x,n,t;u,c\nb@x,\"q\"\"q\",;,\n", "\"open\na@y,1\n", ("a,"):rep(5000) .. "\n", "sep=;\na;b\n",
  ("[" ):rep(100), "{\"a\":\"\\u0000\\ud83d\\ude00\"}", "GET", "POST", "name", "id", "é", ("é"):rep(70),
  "file", "temporary", "/", ".", "1e400", "-0", "12345678901234567890", ",", ";", "\t", "|", "xy",
}

local function text()
  if maybe(85) then return pick(TEXTS) end
  local bytes = {}
  for index = 1, random(0, 40) do bytes[index] = string.char(random(0, 255)) end
  return table.concat(bytes)
end

local function pooled(kind)
  local list = pool[kind]
  return list and #list > 0 and pick(list) or nil
end

local function any_pooled()
  return #kinds > 0 and pooled(pick(kinds)) or nil
end

local any

-- A finalizer on every Lua: __gc of a table, or of a proxy where tables have none.
local function finalized(action)
  if newproxy then -- luacheck: ignore 113
    local proxy = newproxy(true) -- luacheck: ignore 113
    getmetatable(proxy).__gc = action
    return proxy
  end
  return setmetatable({}, { __gc = action })
end

local call_anything

local ended = false -- what is used after it was finalized, when the state closes, stays

local function trap()
  finalized(function()
    if depth < DEEP and not ended then pcall(call_anything) end
  end)
end

local function node(deep)
  local kind = pick { "string", "integer", "number", "boolean", "any", "map", "list", "record", "bad" }
  local made = { type = kind }
  if maybe(30) then made.min = any(0) end
  if maybe(30) then made.max = pick(NUMBERS) end
  if maybe(20) then made.values = { on = maybe(50) and 1 or "1", off = maybe(50) and 0 or "0" } end
  if maybe(20) then made.forbid = text() end
  if maybe(20) then made.nullable = maybe(50) end
  if kind == "list" and deep < 4 then made.of = node(deep + 1) end
  if kind == "record" and deep < 4 then
    for index = 1, random(0, 6) do
      local field = node(deep + 1)
      field.name = pick { "id", "email", "fields", "tags", "name", "list", "a", "b" }
      if maybe(30) then field.wire = maybe(50) and text() or { text(), text() } end
      if maybe(20) then field.default = any(1) end
      field.required, field.empty = maybe(20) or nil, maybe(10) or nil
      made[index] = field
    end
    made.open, made.mark = maybe(20) or nil, maybe(20) and "member" or nil
    if maybe(10) then made.refuse = "error" end
  end
  return made
end

local function member()
  local made = { mail = maybe(80) and "a" .. random(9) .. "@x.org" or any(1), name = any(1) }
  if maybe(50) then made.fields = { City = any(2), [text()] = text() } end
  if maybe(50) then made.tags = { text(), any(2) } end
  return made
end

local function object(deep)
  local made = {}
  for _ = 1, random(0, 5) do
    local value = any(deep + 1)
    if maybe(50) then made[#made + 1] = value
    else made[pick { "id", "email", "fields", "tags", "name", "list", "a", "b" }] = value end
  end
  if maybe(5) then made.self = made end
  if maybe(5) then
    setmetatable(made, { __index = function() return any(3) end, __len = function() return 1e9 end,
      __pairs = function() error "pairs" end })
  end
  return made
end

function any(deep)
  local dice = random(100)
  if dice <= 25 then return text() end
  if dice <= 45 then return pick(NUMBERS) end
  if dice <= 50 then return nil end
  if dice <= 55 then return maybe(50) end
  if dice <= 58 then return core.null end
  if dice <= 60 then return print end
  if dice <= 85 or deep > 3 then return any_pooled() end
  return object(deep)
end

-- Arguments that a function could be meant to have
-- ---------------------------------------------------------------------------------------------

local function step(use, cell)
  return { use = use, cell = cell, name = pick(TEXTS), target = pick { "mail", "name", "k" },
    max = maybe(50) and random(0, 80) or nil,
    key = use == "address" and "{\"mail\":\"" or use == "tags" and "" or "\"k" .. cell .. "\":\"" }
end

local function url()
  local box = pooled "sendcloud.sandbox.box"
  local ok, port = pcall(function() return box:listen {} end)
  return ("http://127.0.0.1:%d/api"):format(ok and maybe(80) and port or 1)
end

local function request()
  return {
    method = pick { "GET", "POST", "PUT", "HEAD", "DELETE", "PATCH" }, url = url(),
    headers = maybe(50) and { "X-A: " .. random(9), "X-B:" } or { ["X-C"] = random(9) },
    credential = pooled "sendcloud.credential", body = maybe(50) and pooled "sendcloud.buffer" or text(),
    into = maybe(30) and pooled "sendcloud.buffer" or nil, timeout = 0.2, connect_timeout = 0.2,
    once = maybe(20), no_repeat = maybe(20), max_body = maybe(20) and random(100) or nil,
    preset = maybe(20) and pooled "sendcloud.preset" or nil,
  }
end

local member_shape = core.shape {
  type = "record", { name = "mail", type = "string", required = true, max = 60 },
  { name = "name", type = "string" }, { name = "fields", type = "map" },
  { name = "tags", type = "list", of = { type = "string" } },
}

local usual = {
  buffer = function() return maybe(50) and random(0, 5000) or nil end,
  credential = function() return "Bearer", "user", text() end,
  http = function() return { max_connections = random(4) } end,
  shape = function() return node(0) end,
  rows = function() return { batch = random(5), live = random(4), forgetful = maybe(30) } end,
  lines = function()
    local columns = {}
    for index = 1, random(0, 4) do
      columns[index] = { name = text(), part = maybe(50) and random(3) or nil, json = "\"k\":" }
    end
    return { separator = pick { "", ",", ";", "\t" }, guard = maybe(50), crlf = maybe(50),
      finding = maybe(50), list = { "list" }, total = { "total" }, id = random(3), fields = random(3),
      parts = { { keys = { "id" }, json = "\"id\":" }, { keys = { "email" }, json = "\"email\":" },
        { keys = { "fields" }, json = "\"fields\":" } }, columns = columns }
  end,
  file_info = function() return pick { "file", "none", "." } end,
  replace = function() return "file", "temporary", text() end,
  truncate = function() return "file", random(0, 3) end,
  sync = function() return "file" end,
  make_folder = function() return "folder" end,
  folder = function() return pick { "folder", "none" } end,
  file_lock = function() return "lock" .. random(3) end,
  add_lines = function() return "lines", text() end,
  journal_writer = function() return "folder", "j" .. random(9) end,
  journal_reader = function() return "folder/j" .. random(9), random(3) == 1 and random(50) or 0 end,
  preset = function() return request() end,
  open = function() return maybe(50) and { seed = random(9) } or nil end,
  -- methods, by type
  ["sendcloud.journal_writer"] = { append = function() return text(), random(99), false end },
  ["sendcloud.http"] = { add = request, step = function() return 0.001 end },
  ["sendcloud.http_thread"] = { submit = request },
  ["sendcloud.shape"] = {
    write = function() return object(0), maybe(40) and pooled "sendcloud.buffer" or nil end,
    read = function() return maybe(60) and text() or pooled "sendcloud.buffer", { member = {} } end,
  },
  ["sendcloud.rows"] = {
    plan = function()
      return { head = "{\"list\":[", tail = "]}", fields = ",\"fields\":{", tags = ",\"tags\":[",
        more_tags = maybe(20) and "\"m\"," or nil, steps = { step("address", random(3)),
          step("text", random(9)), step("field", random(5000)), step("tags", random(4)) } }
    end,
    answers = function()
      return { inserted = { "ins" }, updated = { "upd" }, errors = { "err" }, inserted_count = { "n" },
        updated_count = { "m" }, address = { "mail" }, message = { "why" } }
    end,
    feed = function() return text() end,
    feed_from = function() return pooled "file", random(1, 300) end,
    seek = function() return random(0, 100), 1 end,
    sniff = function() return maybe(50) and pick { ",", "", ";" } or nil end,
  },
  ["sendcloud.batch"] = {
    begin = function(rows, body) return rows, body end,
    put = function(rows, body) return rows, body, member_shape, member() end,
    write = function(rows, body)
      return rows, body, member_shape, { member(), member(), member() }, 1, random(4), 1
    end,
    slice = function(rows, body) return rows, body, 1, random(3), pooled "sendcloud.buffer" end,
    answer = function(rows, body) return rows, body, text(), 1, random(3) end,
    judge = function() return 1, random(3), pick { "rejected", "unknown" }, text() end,
    rejects = function(rows, body) return rows, body, pooled "sendcloud.buffer" end,
    refuse = function() return text(), text() end,
    enter = function(rows, body) return rows, body, random(0, 40) end,
    entry = function() return random(9) end,
  },
  ["sendcloud.lines"] = {
    page = function() return text(), pooled "sendcloud.buffer", pooled "sendcloud.buffer" end,
    cell = function() return text(), pooled "sendcloud.buffer" end,
    cut = function() return text(), random(0, 5) end,
    pad = function() return text(), random(0, 5), pooled "sendcloud.buffer" end,
    remember = function() return text() end,
  },
  ["sendcloud.sandbox.box"] = {
    handle = function()
      return pick { "GET", "POST", "DELETE" }, "/api/" .. text(), { "Content-Type: application/json" },
        text(), 1
    end,
  },
}

-- Calls
-- ---------------------------------------------------------------------------------------------

local methods, type_of = {}, {}

local function learn(name, metatable)
  if not metatable or methods[name] then return end
  local list = {}
  for key in pairs(metatable.__index) do list[#list + 1] = key end
  table.sort(list)
  methods[name], type_of[metatable] = list, name
  kinds[#kinds + 1] = name
end

-- Types come from the registry, a new one by itself.
local function learn_all()
  local names = {}
  for name, value in pairs(debug.getregistry()) do
    if type(name) == "string" and name:find "^sendcloud%." and type(value) == "table"
      and type(value.__index) == "table" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do learn(name, debug.getregistry()[name]) end
end
learn_all()

local function keep(value)
  if type(value) ~= "userdata" and io.type(value) == nil then return end
  local name = type_of[debug.getmetatable(value)]
  if io.type(value) then name = "file" end
  if not name then return end
  local list = pool[name] or {}
  pool[name] = list
  list[#list < POOL and #list + 1 or random(POOL)] = value
end

local BLOCKING = { step = true, run = true, advance = true, until_signal = true }

-- Nothing may wait for long, and nothing may touch a file outside this folder.
local function tame(what, name, list)
  for index = 1, list.n do
    local value = list[index]
    if BLOCKING[name] and index > 1 and tonumber(value) then
      list[index] = math.min(tonumber(value), 0.002)
    end
    if what == "core" and type(value) == "string" then
      list[index] = value:find "^folder/j%d$" and value or value:gsub("[/.]", "_"):sub(1, 100)
    end
  end
end

local function pack(...) return { n = select("#", ...), ... } end
local unpack = table.unpack or unpack -- luacheck: ignore 113

local function arguments(make, ...)
  if make and maybe(80) then
    local list = pack(make(...))
    if maybe(10) and list.n > 0 then list[random(list.n)] = any(0) end
    return list
  end
  local list = { n = random(0, 6) }
  for index = 1, list.n do list[index] = any(0) end
  return list
end

local function run(what, name, action, list)
  tame(what, name, list)
  calls = calls + 1
  if trace then
    local shown = {}
    for index = 1, list.n do shown[index] = tostring(list[index]):sub(1, 30):gsub("%c", "?") end
    trace:write(("%s%s.%s(%s)\n"):format(("  "):rep(depth), what, name, table.concat(shown, ", ")))
    trace:flush()
  end
  depth = depth + 1
  local results = pack(pcall(action, unpack(list, 1, list.n)))
  depth = depth - 1
  if not results[1] then refused = refused + 1 end
  for index = 2, results.n do keep(results[index]) end
end

-- The rows and the body that go with a batch most of the time.
local function partners(batch)
  local number = 1
  for index, found in ipairs(pool["sendcloud.batch"] or {}) do
    if found == batch then number = index end
  end
  local rows, bodies = pool["sendcloud.rows"] or {}, pool["sendcloud.buffer"] or {}
  return rows[(number - 1) % math.max(#rows, 1) + 1], bodies[(number - 1) % math.max(#bodies, 1) + 1]
end

local function call_method()
  local kind = pick(kinds)
  local self = pooled(kind)
  if not self then return end
  local index = debug.getmetatable(self).__index
  local name = pick(methods[kind])
  local known = usual[kind] and usual[kind][name]
  local list
  if kind == "sendcloud.batch" then
    local rows, body = partners(self)
    known = known or function() return rows, body end
    list = arguments(known, rows, body)
  else
    list = arguments(known)
  end
  if maybe(3) then self = any(0) end
  for at = list.n, 1, -1 do list[at + 1] = list[at] end
  list[1], list.n = self, list.n + 1
  run(kind, name, index[name], list)
end

local functions, boxed = {}, {}
for name, value in pairs(core) do
  if type(value) == "function" then functions[#functions + 1] = name end
end
table.sort(functions)

local function call_function()
  if has_box and maybe(10) then
    boxed[1], boxed[2] = "open", "switches"
    local name = pick(boxed)
    run("box", name, box_core[name], arguments(usual[name]))
    return
  end
  local name = pick(functions)
  run("core", name, core[name], arguments(usual[name]))
end

local function call_metamethod()
  local value = any_pooled()
  local name = value and type_of[debug.getmetatable(value)]
  if not name then return end
  local dice = random(4)
  if dice == 1 then pcall(tostring, value)
  elseif dice == 2 then pcall(function() return #value end)
  elseif dice == 3 then
    local close = debug.getmetatable(value).__close
    if close and maybe(20) then pcall(close, value) end
  else
    pcall(function() return value == any_pooled(), value.x end)
  end
end

function call_anything()
  local dice = random(100)
  if dice <= 20 then call_function()
  elseif dice <= 90 then call_method()
  elseif dice <= 93 then call_metamethod()
  elseif dice <= 96 then trap()
  elseif dice <= 98 then collectgarbage(maybe(50) and "step" or "collect")
  else
    local list = #kinds > 0 and pool[pick(kinds)]
    if list and #list > 0 then table.remove(list, random(#list)) end
  end
end

-- Work
-- ---------------------------------------------------------------------------------------------

local function open_files()
  local file = assert(io.open("file", "w+"))
  file:write(("a@x,1\n"):rep(50))
  file:seek "set"
  keep(file)
  local closed = assert(io.open("file"))
  closed:close()
  keep(closed)
end

if has_box then
  local opened, box = pcall(box_core.open)
  if opened then keep(box) end
end

local stop = core.now() + SECONDS
local slowest, slow_at = 0, 0
while core.now() < stop do
  if maybe(2) then open_files() end
  local before = core.now()
  call_anything()
  local took = core.now() - before
  if took > slowest then slowest, slow_at = took, calls end
end
ended = true
print(("%d calls with seed %d, %d of them refused; the slowest took %.2f s (call %d)"):format(
  calls, SEED, refused, slowest, slow_at))
