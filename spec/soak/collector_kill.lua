-- A process that takes sign-ups in and sends them, killed with SIGKILL at random moments, over and
-- over on one journal, against a sandbox that misbehaves. Whatever `add` accepted must be there in
-- the end, the last word of each address included.
--
--   lua5.4 spec/soak/collector_kill.lua [kills] [seed] [policy]
--
-- The suite runs it with a few kills. The same file is the child.

local LUA = arg[-1] or "lua5.4"
local collector = require "sendcloud.collector"

-- Adds as fast as it can, now and then sends; writes down what was accepted, after the fact.
local function child(url, folder, accepted, run, policy)
  local client = assert(require("sendcloud").new {
    api_user = "api_user", api_key = "api_key", base_url = url, timeout = 2,
  })
  local made = assert(collector.new {
    client = client, journal = folder, sync = policy, batch = 40, age = 0,
    retry = { base = 0.001, cap = 0.01 },
  })
  local out = assert(io.open(accepted, "a"))
  out:setvbuf "no"
  assert(io.open(accepted .. ".begun", "w")):close()
  local n = 0
  while true do
    n = n + 1
    local email = ("u%d-%d@x.org"):format(run, n % 50 == 0 and n - 25 or n)
    if made:add { email = email, name = ("%d.%d"):format(run, n) } then
      out:write(("%s %d.%d\n"):format(email, run, n))
    end
    if n % 30 == 0 then
      local turns = 0
      made:run(function()
        turns = turns + 1
        return turns > 2
      end)
    end
  end
end

if arg[1] == "child" then return child(arg[2], arg[3], arg[4], tonumber(arg[5]), arg[6]) end

local kills, policy = tonumber(arg[1]) or 200, arg[3] or "always"
math.randomseed(tonumber(arg[2]) or 1)

local base = os.tmpname()
local folder, accepted = base .. ".journal", base .. ".accepted"
local box = assert(require("sendcloud.sandbox").start {
  port = 0, seed = 1, clock = "machine", log_entries = 0, api_user = "api_user", api_key = "api_key",
})
for _, fault in ipairs {
  { status = 503 }, { reset = "before" }, { reset = "after" }, { status = 500, applied = true },
  { status = 429, retry_after = 0 },
} do
  fault.operation, fault.probability = "members.upsert", 0.02
  box:fault(fault)
end

local KILL = [[
  %s %s child %s %s %s %d %s 2>>%s.err & pid=$!
  while [ ! -e %s.begun ] && kill -0 $pid; do sleep 0.01; done; rm -f %s.begun
  sleep %.3f; kill -9 $pid; wait $pid 2>/dev/null]]
for run = 1, kills do
  os.execute(KILL:format(LUA, arg[0], box.url, folder, accepted, run, policy, base, accepted, accepted,
    math.random() * 0.2))
end

-- What was accepted last for each address. The last line of a run may be torn; the `add` before it
-- had returned, but nobody heard of it.
local wanted, count, adds = {}, 0, 0
for line in io.lines(accepted) do
  local email, name = line:match "^(%S+) (%d+%.%d+)$"
  if email then
    adds = adds + 1
    if not wanted[email] then count = count + 1 end
    wanted[email] = name
  end
end

local client = assert(box:client { transport = "sandbox" })
local made = assert(collector.new { client = client, journal = folder })
local report = assert(made:flush())
made:close()

local function number(name) return tonumber(name:match "%.(%d+)$") end

local seen, stale = 0, 0
for member in client.members:each {} do
  local name = wanted[member.email]
  if name then
    seen = seen + 1
    -- One more may have got in, of which the child could not tell before it died.
    if number(member.name) < number(name) then stale = stale + 1 end
  end
end
local missing = count - seen
for line in io.lines(base .. ".err") do assert(not line:find "%.lua:%d+:", line) end
os.execute(("rm -rf %s %s.err %s %s"):format(base, base, folder, accepted))
box:stop()
print(("%d kills, %s: %d adds of %d addresses accepted, %d sent at last, %d missing, %d stale"):format(
  kills, policy, adds, count, report.sent, missing, stale))
os.exit(missing == 0 and stale == 0 and adds > 0 and 0 or 1)
