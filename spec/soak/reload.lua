-- nginx reloaded every second while 32 clients call and others leave before the answer: no crash, no
-- alert in its log, every old worker gone within 5 seconds, no socket or folder left behind.
--
--   eval "$(make -s env LUA=luajit)"; luajit spec/soak/reload.lua [seconds] [pool]
--
-- With `pool` the helper thread cannot start, and nginx's own threads carry the requests.

local load = require "spec.nginx.load"
local server = require "spec.nginx.server"
if not server.possible() then error "nginx with its Lua module is wanted, and LuaJIT" end

local seconds, pool = tonumber(arg[1]) or 60, arg[2] == "pool"

local SERVICE = [[
    keepalive_requests 1000000;
    location / { content_by_lua_block {
      ngx.sleep(0.05)
      ngx.print '{"list":[],"total":0}'
    } }
]]

-- One request in four makes three calls side by side, one in eight leaves a timer behind that calls.
local LOCATIONS = [[
    lua_check_client_abort on;
    location = /call { content_by_lua_block {
      NUMBER = (NUMBER or 0) + 1
      CLIENT = CLIENT or assert(require("sendcloud").new { api_user = "u", api_key = "k", retry = false,
        base_url = "%s", thread_pool = "%s" })
      local function call() return CLIENT:request { path = "/tags" } end
      if NUMBER %% 8 == 0 then
        ngx.timer.at(0, function()
          local body, err = call()
          if not body then ngx.log(ngx.ERR, "the timer's call: ", tostring(err)) end
        end)
      end
      if NUMBER %% 4 == 0 then
        local _, errors = CLIENT:parallel({ call, call, call }, { concurrency = 3 })
        ngx.print(next(errors) and tostring(errors[next(errors)]) or "ok")
      else
        local body, err = call()
        ngx.print(body and "ok" or tostring(err))
      end
    } }
]]

local core = require "sendcloud.core"
local engine = core.http()

local service = server.start { locations = SERVICE }
local driver = server.start { locations = load.LOCATION }
local nginx = server.start { workers = 2, locations = LOCATIONS:format(service.url, "carriers"),
  main = "thread_pool carriers threads=64;", tmpdir = pool and "/nowhere" or nil }

local driving = io.popen(("unset LD_PRELOAD; curl -s -m %d '%s/load?port=%d&path=/call&askers=32&leavers=2"
  .. "&seconds=%g'"):format(seconds + 60, driver.url, nginx.port, seconds))

local old, gone, longest, reloads = {}, 0, 0, 0
local function look()
  local now, alive = core.now(), {}
  for _, pid in ipairs(nginx:workers()) do alive[pid] = true end
  for pid, since in pairs(old) do
    if not alive[pid] then
      gone, longest = gone + 1, math.max(longest, now - since)
      old[pid] = nil
    elseif now - since > 5 then
      error(("worker %d is still there %.1f s after the reload"):format(pid, now - since))
    end
  end
  return alive, now
end

local begun = core.now()
engine:step(0.5)
while core.now() - begun < seconds do
  local born, now = look()
  nginx:signal "HUP"
  reloads = reloads + 1
  for pid in pairs(born) do old[pid] = old[pid] or now end
  local till = now + 1
  while core.now() < till do
    os.execute "sleep 0.1"
    look()
  end
end
local told = load.read(driving:read "*a")
driving:close()
local born, now = look()
nginx:signal "HUP"
for pid in pairs(born) do old[pid] = old[pid] or now end
while next(old) do
  os.execute "sleep 0.1"
  look()
end
local sockets = pool and "" or nginx:sockets()
local log, complaints = nginx:log(), nginx:stop()
local _, alerts = log:gsub("%[alert%]", "")
local _, crashes = log:gsub("exited on signal", "")
local _, timers = log:gsub("the timer's call: [^\n]*", "")

print(("%d s%s: %d reloads, %d old workers gone, the slowest after %.1f s"):format(seconds,
  pool and ", on a thread pool" or "", reloads, gone, longest))
print(("%d requests answered, %d clients left, %d answers lost, %d calls of timers failed"):format(
  told.asked, told.left, told.wrong, timers))
print(("%d requests made again, for nginx had closed the connection before"):format(told.again))
print(("%d alerts, %d crashes, left behind: %s"):format(alerts, crashes,
  sockets == "" and "nothing" or sockets))
print(told.told:match "| (.*)$" or "")
print(complaints)
for _, one in ipairs { driver, service } do one:stop() end
os.exit(complaints == "" and sockets == "" and told.asked > 0 and told.wrong == 0
  and timers == 0 and 0 or 1)
