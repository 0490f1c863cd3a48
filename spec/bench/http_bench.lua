-- Calls over the curl transport: how close to the latency bound side by side, and CPU beside a C
-- program over libcurl's multi interface that asks for the same.
--
-- Wall: CALLS calls to a server that answers after 50 ms; the bound is CALLS / in flight * 50 ms.
-- CPU: kept connections, answers at once, one call at a time and eight. Medians of ROUNDS.
-- Exit status 1 when a target is missed; TARGET=no changes that.

local core = require "sendcloud.core"
local curl = require "sendcloud.transport.curl"
local native = require "spec.support.native"
local support = require "spec.support.http"

local CALLS = tonumber(os.getenv "CALLS") or 1000
local ROUNDS = tonumber(os.getenv "ROUNDS") or 5

local peer = support.peer()
local program = native.compile("../bench/http_multi", "build/spec/http_multi", "-O2", "-lcurl")
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
  local request = {
    method = "GET",
    url = peer.url .. path,
    headers = { Accept = "application/json", ["User-Agent"] = "bench" },
    credential = core.credential("Basic", "user", "key"),
    timeout = 30,
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

local function theirs(path, calls, width)
  local pipe = assert(io.popen(("%s %s%s %d %d"):format(program, peer.url, path, calls, width)))
  local wall, cpu = pipe:read("*a"):match "(%S+) (%S+)"
  pipe:close()
  return tonumber(wall), tonumber(cpu)
end

for _, case in ipairs { { 8, 1.05 }, { 32, 1.05 }, { 100, 1.15 } } do
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

for _, width in ipairs { 1, 8 } do
  local calls = CALLS * 5
  local mine, c, ratios = {}, {}, {}
  for round = 1, ROUNDS do
    local _
    _, mine[round] = ours("/delay/0", calls, width)
    _, c[round] = theirs("/delay/0", calls, width)
    ratios[round] = mine[round] / c[round]
  end
  print(
    ("CPU a call, kept connections, %d in flight: %.1f us (C %.1f us), ratio %s"):format(
      width,
      median(mine) / calls * 1e6,
      median(c) / calls * 1e6,
      verdict(median(ratios), 1.3)
    )
  )
end

support.stop()
os.exit((missed == 0 or os.getenv "TARGET" == "no") and 0 or 1, true)
