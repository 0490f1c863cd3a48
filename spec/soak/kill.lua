-- Imports of a large list, killed with SIGKILL at a random moment and run again until done, against
-- a sandbox that misbehaves. Every row must get one verdict, the members must be the model's.
--
--   lua5.4 spec/soak/kill.lua [runs] [rows] [seed]
--
-- Not part of the suite: a run of 100,000 rows takes three seconds. The same file is the child.

local LUA = arg[-1] or "lua5.4"
local sendcloud = require "sendcloud"

local function child(url, source, state, rejects, out)
  local client = assert(sendcloud.new {
    api_user = "api_user", api_key = "api_key", base_url = url,
    retry = { attempts = 12, base = 0.005, cap = 0.05 }, timeout = 5,
  })
  local report, err = client.members:import(source, {
    checkpoint = state, rejects = rejects, concurrency = 6, batch = 500,
  })
  local file = assert(io.open(out, "w"))
  if report then
    file:write(("return { complete = %s, rows = %d, inserted = %d, updated = %d, rejected = %d, "
      .. "unknown = %d }\n"):format(tostring(report.complete), report.rows, report.inserted,
      report.updated, report.rejected, report.unknown))
  else
    file:write(("return { err = %q }\n"):format(tostring(err)))
  end
  file:close()
end

if arg[1] == "child" then
  child(arg[2], arg[3], arg[4], arg[5], arg[6])
  os.exit(0)
end

local runs, rows = tonumber(arg[1]) or 10, tonumber(arg[2]) or 100000
math.randomseed(tonumber(arg[3]) or 1)

-- A list with 2 % bad rows of every kind and 5 % repeated addresses; returns the model.
local function write_list(path)
  local file = assert(io.open(path, "wb"))
  local model, members, bad = {}, 0, 0
  file:write("email,name\n")
  for i = 1, rows do
    local dice = math.random()
    local email = ("u%d@x.org"):format(i)
    if dice < 0.02 then
      bad = bad + 1
      local kind = math.random(4)
      file:write(kind == 1 and (",n%d\n"):format(i) or kind == 2 and ("u%d,n\n"):format(i)
        or kind == 3 and ("%s,\255\n"):format(email) or ("u%d@x,n\n"):format(i))
    else
      if dice < 0.07 and i > 1 then email = ("U%d@X.org"):format(math.random(i - 1)) end
      local name = "n" .. i
      local key = email:lower()
      if not model[key] then members = members + 1 end
      model[key] = name
      file:write(email, ",", name, "\n")
    end
  end
  file:close()
  return model, members, bad
end

local function check(box, model, members)
  local client = assert(box:client { transport = "sandbox" })
  local seen = 0
  for member in client.members:each {} do
    seen = seen + 1
    local wanted = model[member.email:lower()]
    assert(wanted, "a member that was not in the list: " .. member.email)
    assert(wanted == member.name, ("%s: %s, not %s"):format(member.email, member.name, wanted))
  end
  assert(seen == members, ("%d members, not %d"):format(seen, members))
  client:close()
end

local function one(number)
  local base = os.tmpname()
  local source, state = base .. ".csv", base .. ".state"
  local rejects, out = base .. ".rejects", base .. ".out"
  local model, members, bad = write_list(source)
  local box = assert(require("sendcloud.sandbox").start {
    port = 0, seed = number, clock = "machine", log_entries = 0,
    api_user = "api_user", api_key = "api_key", address_rules = "rules",
  })
  for _, fault in ipairs {
    { status = 503 }, { reset = "before" }, { reset = "after" }, { status = 500, applied = true },
    { status = 429, retry_after = 0 },
  } do
    fault.operation, fault.probability = "members.upsert", 0.01
    box:fault(fault)
  end
  local kills, report = 0
  local seconds = rows / 200000 -- about two kills a run
  repeat
    os.remove(out)
    local limit = 0.02 + math.random() * seconds
    os.execute(("timeout -s KILL %.3f %s %s child %s %s %s %s %s 2>/dev/null"):format(limit, LUA,
      arg[0], box.url, source, state, rejects, out))
    local file = io.open(out, "r")
    local text = file and file:read("*a") or ""
    if file then file:close() end
    local load_text = rawget(_G, "loadstring") or load
    local loaded = text ~= "" and load_text(text)
    report = loaded and loaded() or nil
    if report and report.err then error(report.err) end
    kills = kills + (report and 0 or 1)
    assert(kills < 500, "no end in sight")
  until report
  assert(report.complete and report.rows == rows, "rows: " .. report.rows)
  assert(report.rejected == bad, ("%d rejected, not %d"):format(report.rejected, bad))
  assert(report.unknown == 0, "unknown: " .. report.unknown)
  assert(report.inserted + report.updated == rows - bad)
  local lines = 0
  for _ in io.lines(rejects) do lines = lines + 1 end
  assert(lines == bad + 1, ("%d lines of rejects, not %d"):format(lines, bad + 1))
  check(box, model, members)
  box:stop()
  for _, path in ipairs { base, source, state, rejects, out } do os.remove(path) end
  print(("run %d: %d rows, %d bad, %d kills: inserted %d updated %d"):format(number, rows, bad,
    kills, report.inserted, report.updated))
end

for number = 1, runs do one(number) end
print(("%d runs, all right"):format(runs))
