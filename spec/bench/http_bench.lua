-- Calls over the curl transport: how close to the latency bound side by side, and CPU beside a C
-- program over libcurl's multi interface that asks for the same.
--
-- Wall: CALLS calls to a server that answers after 50 ms; the bound is CALLS / in flight * 50 ms.
-- CPU: kept connections, answers at once, one call at a time and eight, medians of ROUNDS. Once for
-- the transport, which does what the C program does, and once for whole calls of members:get, which
-- also check the id, keep to the policy and make a table of the member; there the C program reads
-- the answer too, into a struct (see http_multi.c), and its figure without that is told beside it.
-- The C program forgets each answer before the next; so do eight tasks that call one after the
-- other. What `parallel` takes when each call is a function of its own, all of whose members it
-- gives back at the end, is told as well: that holds CALLS * 5 members in memory.
-- Exit status 1 when a target is missed; TARGET=no changes that.

local core = require "sendcloud.core"
local curl = require "sendcloud.transport.curl"
local sendcloud = require "sendcloud"
local native = require "spec.support.native"
local support = require "spec.support.http"

local CALLS = tonumber(os.getenv "CALLS") or 1000
local ROUNDS = tonumber(os.getenv "ROUNDS") or 5

local peer = support.peer()
local program = native.compile("../bench/http_multi", "build/spec/http_multi", "-O2 -Icsrc",
  "csrc/core/json_read.c csrc/core/utf8.c -lm -lcurl")
local missed = 0

local function verdict(value, target)
  if value <= target then
    return ("%.3f of at most %.2f"):format(value, target)
  end
  missed = missed + 1
  return ("%.3f, MISSED: at most %.2f"):format(value, target)
end

local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

-- Wall and CPU seconds of so many calls, so many at a time.
local function ours(path, calls, width)
  local transport = curl.new()
  local request = { url = peer.url .. path, timeout = 30 }
  request.preset = core.preset { -- as the pipeline makes them
    method = "GET",
    headers = { Accept = "application/json", ["User-Agent"] = "bench" },
    credential = core.credential("Basic", "user", "key"),
    connect_timeout = 5,
  }
  local wall, cpu, begun = core.now(), os.clock(), 0
  local workers = {}
  for i = 1, width do
    workers[i] = transport:spawn(function()
      while begun < calls do
        begun = begun + 1
        assert(transport:send(request).status == 200)
      end
    end)
  end
  for _, worker in ipairs(workers) do
    assert(transport:await(worker))
  end
  transport:close()
  return core.now() - wall, os.clock() - cpu
end

local ID = "62974a5e490f33c5eee647a2"
local MEMBER = [[{"id":"%s","email":"a@b.example","phone":"13800000000","name":"Name Surname",
"fields":{"age":"12","city":"Shanghai"},"tagIds":["1","2"],"tagNames":["vip","new"],"listId":63486,
"userId":149,"createTime":"2022-06-01 12:13:14","updateTime":"2022-06-01 12:13:14"}]]
local member_path = "/keep/marketing/lists/members/" .. ID
os.execute(("mkdir -p '%s/marketing/lists/members'"):format(peer.directory))
local member = MEMBER:format(ID)
peer.put("marketing/lists/members/" .. ID, ("HTTP/1.1 200 OK\r\nContent-Type: application/json"
  .. "\r\nContent-Length: %d\r\n\r\n%s"):format(#member, member))

-- The same of whole calls, by a function that makes them.
local function whole(make_calls)
  return function(_, calls, width)
    local client = assert(sendcloud.new { api_user = "user", api_key = "key",
      base_url = peer.url .. "/keep", user_agent = "bench" })
    local wall, cpu = core.now(), os.clock()
    make_calls(client, calls, width)
    client:close()
    return core.now() - wall, os.clock() - cpu
  end
end

-- So many tasks, each of which calls, looks and forgets.
local function forget(client, calls, width)
  local begun = 0
  local function work()
    while begun < calls do
      begun = begun + 1
      assert(client.members:get(ID).id == ID)
    end
    return true
  end
  if width == 1 then return work() end
  local functions = {}
  for i = 1, width do functions[i] = work end
  local _, failures = client:parallel(functions, { concurrency = width })
  assert(next(failures) == nil)
end

-- Each call a function of its own, and all members at the end.
local function keep(client, calls, width)
  local functions = {}
  for i = 1, calls do
    functions[i] = function() return client.members:get(ID) end
  end
  local members, failures = client:parallel(functions, { concurrency = width })
  assert(#members == calls and next(failures) == nil)
end

local function theirs(path, calls, width, id)
  local command = "%s %s%s %d %d %s"
  local pipe = assert(io.popen(command:format(program, peer.url, path, calls, width, id or "")))
  local wall, cpu = pipe:read("*a"):match "(%S+) (%S+)"
  pipe:close()
  return tonumber(wall), tonumber(cpu)
end

for _, case in ipairs(os.getenv "CPU" and {} or { { 8, 1.05 }, { 32, 1.05 }, { 100, 1.15 } }) do
  local width, target = case[1], case[2]
  local bound = math.ceil(CALLS / width) * 0.050
  local walls, c = {}, {}
  for round = 1, ROUNDS do
    walls[round] = ours("/delay/50", CALLS, width)
    c[round] = theirs("/delay/50", CALLS, width)
  end
  print(
    ("%d calls of 50 ms, %d in flight: %.3f s, of the bound %s (the C program %.3f)"):format(
      CALLS,
      width,
      median(walls),
      verdict(median(walls) / bound, target),
      median(c) / bound
    )
  )
end

-- CPU in pairs: ours, the C program, ours, … `id`: the C program reads the answers, too.
local function pairs_of(name, work, widths, path, id, target)
  for _, width in ipairs(widths) do
    local calls = CALLS * 5
    local mine, c, plain, ratios, loose = {}, {}, {}, {}, {}
    for round = 1, ROUNDS do
      collectgarbage()
      local _
      _, mine[round] = work(path, calls, width)
      _, c[round] = theirs(path, calls, width, id)
      ratios[round] = mine[round] / c[round]
      if id then
        _, plain[round] = theirs(path, calls, width)
        loose[round] = mine[round] / plain[round]
      end
    end
    local ratio = target and verdict(median(ratios), target) or ("%.3f"):format(median(ratios))
    local more = id and ("; of C that does not read it %.3f"):format(median(loose)) or ""
    print(
      ("CPU a %s, kept connections, %d in flight: %.1f us (C %.1f us), ratio %s%s"):format(
        name, width, median(mine) / calls * 1e6, median(c) / calls * 1e6, ratio, more
      )
    )
  end
end

print(jit and jit.version or _VERSION) -- luacheck: ignore 113
pairs_of("request", ours, { 1, 8 }, "/delay/0", nil, 1.3)
pairs_of("whole call", whole(forget), { 1, 8 }, member_path, ID, 1.3)
pairs_of("whole call, all members kept", whole(keep), { 8 }, member_path, ID)

support.stop()
os.exit((missed == 0 or os.getenv "TARGET" == "no") and 0 or 1, true)
