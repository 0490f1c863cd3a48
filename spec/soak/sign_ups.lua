-- Sign-ups through four workers of nginx, fifty at a time, while the service fails for a minute: all
-- are there afterwards, merged, in no more requests than full ones would be, and the failed ones.
--
--   eval "$(make -s env LUA=luajit)"; luajit spec/soak/sign_ups.lua [sign-ups] [distinct] [seconds]

local native = require "spec.support.native"
local server = require "spec.nginx.server"
local sandbox = require "sendcloud.sandbox"
if not server.possible() then error "nginx with its Lua module is wanted, and LuaJIT" end

local total, distinct = tonumber(arg[1]) or 10000, tonumber(arg[2]) or 9000
local failing, workers, batch = tonumber(arg[3]) or 60, 4, 1000

local HTTP = [[
  init_worker_by_lua_block {
    local client = assert(require("sendcloud").new {
      api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = "%s" })
    package.loaded.made = assert(require("sendcloud.collector").new {
      client = client, journal = "%s", batch = %d, sync = "%s" })
    package.loaded.made:start()
  }
]]

local LOCATIONS = [[
    location = /add { content_by_lua_block {
      local started = require("sendcloud.core").now()
      local ok, err = require("made"):add { email = ngx.var.arg_email, fields = { last = ngx.var.arg_n },
        tags = { ngx.var.arg_tag } }
      ngx.print(ok and "taken " .. math.floor((require("sendcloud.core").now() - started) * 1e6)
        or tostring(err), "\n")
    } }
    location = /waits { content_by_lua_block { ngx.print(require("made"):status().waiting) } }
]]

local function sleep(seconds) native.sh("sleep " .. seconds) end

-- Adds them all; returns how many were taken and how long `add` took, sorted, in µs.
local function add_all(nginx)
  local list = os.tmpname()
  local file = assert(io.open(list, "w"))
  file:write('header = "Connection: close"\n')
  for index = 1, total do
    local reader = index % distinct
    file:write(('url = "%s/add?email=%seader%d@example.com&n=%d&tag=t%d"\n'):format(nginx.url,
      index <= distinct and "R" or "r", reader, index, index <= distinct and 1 or 2))
  end
  file:close()
  local pipe = io.popen(("curl -s --parallel --parallel-immediate --parallel-max 50 -K %s 2>/dev/null"):format(list))
  local took = {}
  for line in pipe:lines() do
    local us = line:match "^taken (%d+)$"
    took[#took + 1] = assert(tonumber(us), line)
  end
  pipe:close()
  os.remove(list)
  table.sort(took)
  return took
end

local function check(box)
  local client, n = box:client { transport = "sandbox" }, 0
  for member in client.members:each {} do
    n = n + 1
    local reader = tonumber(member.email:match "^%aeader(%d+)@")
    local again = reader ~= 0 and reader + distinct <= total and reader + distinct
      or reader == 0 and 2 * distinct <= total and 2 * distinct
    local last = again or (reader == 0 and distinct or reader)
    assert(member.fields.last == tostring(last), member.email .. " " .. tostring(member.fields.last))
    assert(#member.tag_names == (again and 2 or 1), member.email)
  end
  assert(n == distinct, n .. " members")
end

for _, policy in ipairs { "always", "interval" } do
  local box = sandbox.start { port = 0, log_entries = 100000 }
  local folder = os.tmpname()
  os.remove(folder)
  box:fault { operation = "members.upsert", status = 503 }
  local nginx = server.start { workers = workers, http = HTTP:format(box.url, folder, batch, policy),
    locations = LOCATIONS }
  local clock = require("sendcloud.core").now
  local began = clock()
  local took = add_all(nginx)
  local seconds = clock() - began
  assert(#took == total, #took .. " taken")
  sleep(math.max(0, failing - seconds))
  local failed = #box:requests { operation = "members.upsert" }
  box:reset() -- the service is well again
  local well_at = clock()
  while nginx:ask "/waits" ~= "0" do sleep(0.1) end
  local after = clock() - well_at
  local sent = #box:requests { operation = "members.upsert" }
  check(box)
  local complaints = nginx:stop()
  assert(complaints == "", complaints)
  box:stop()
  native.sh("rm -rf " .. folder)
  assert(sent <= math.ceil(distinct / batch), sent .. " requests")
  print(("%s: %d sign-ups of %d addresses in %.1f s (add: median %d us, p99 %d us), the service failing for "
    .. "%.0f s: %d requests failed, %d sent all of them within %.1f s"):format(policy, total, distinct, seconds,
    took[math.ceil(#took / 2)], took[math.ceil(#took * 0.99)], failing, failed, sent, after))
end
