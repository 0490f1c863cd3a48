-- A rate of 50 a second, seen from the service: two workers of nginx that share it, and a plain Lua
-- process with a limiter of its own, all asking as fast as they may. In no window of one second may
-- there be more than 50 requests of the workers', nor of the process's, and at least 95 % of the rate
-- must be used.
--
--   eval "$(make -s env LUA=luajit)"; luajit spec/soak/rate.lua [seconds] [rate]
--
-- The service's own log says when it got each request. The same file is the plain process.

local sendcloud = require "sendcloud"

local RUNTIME = arg[-1]
local KEY = "sandbox-key-3c1e7a90"

if arg[1] == "plain" then
  local core = require "sendcloud.core"
  local client = assert(sendcloud.new { api_user = "sandbox_user", api_key = KEY, base_url = arg[2],
    rate = tonumber(arg[4]) })
  local ends_at = core.now() + tonumber(arg[3])
  local function ask()
    while core.now() < ends_at do assert(client.segments:list()) end
  end
  client:parallel({ ask, ask, ask, ask }, { concurrency = 4 })
  os.exit(0)
end

local seconds, limit = tonumber(arg[1]) or 20, tonumber(arg[2]) or 50

local server = require "spec.nginx.server"
if not server.possible() then error "nginx with its Lua module is wanted, and LuaJIT" end

local LOCATIONS = [[
    location = /ask { content_by_lua_block {
      local client = assert(require("sendcloud").new {
        api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = ngx.var.arg_url,
        rate = tonumber(ngx.var.arg_rate), shared = "notes" })
      local ends_at, threads = ngx.now() + tonumber(ngx.var.arg_seconds), {}
      for i = 1, 4 do
        threads[i] = ngx.thread.spawn(function()
          while ngx.now() < ends_at do assert(client.tags:list()) end
        end)
      end
      for i = 1, 4 do assert(ngx.thread.wait(threads[i])) end
      ngx.print(ngx.worker.pid(), "\n")
    } }
]]

-- Moments in order; the most in a window of one second, and the share of the rate that was used.
local function judge(name, times)
  table.sort(times)
  local most, over, first = 0, 0, 1
  for last = 1, #times do
    while times[last] - times[first] >= 1 - 5e-4 do first = first + 1 end
    local inside = last - first + 1
    most = math.max(most, inside)
    if inside > limit * 1.01 then over = over + 1 end
  end
  local used = (#times - 1) / (times[#times] - times[1]) / limit
  print(("%-28s %6d requests  most in a second %3d  windows over %3d  used %.1f %%"):format(name,
    #times, most, over, used * 100))
  return over == 0 and used >= 0.95
end

local box = assert(require("sendcloud.sandbox").start { port = 0, log_entries = 100000 })
local nginx = server.start { workers = 2, locations = LOCATIONS }
local url = ("%s/ask?url=%s&rate=%g&seconds=%g"):format(nginx.url, box.url, limit, seconds)
local answers = io.popen(("unset LD_PRELOAD; %s %s plain %s %g %g & for i in 1 2 3 4 5 6; do "
  .. "curl -s -m %d '%s' & done; wait"):format(RUNTIME, arg[0], box.url, seconds, limit,
  seconds + 60, url)):read "*a"

local workers, finished, both = {}, 0, 0
for pid in answers:gmatch "%d+" do
  if not workers[pid] then both = both + 1 end
  workers[pid], finished = true, finished + 1
end
assert(finished == 6, "not every client came to its end: " .. answers)
print(("%g s at %g a second; %d workers of nginx took part"):format(seconds, limit, both))

local times = { ["tags.list"] = {}, ["segments.list"] = {} }
for _, request in ipairs(box:requests()) do
  local list = times[request.operation]
  if list then list[#list + 1] = request.time end
end
local good = judge("the workers together", times["tags.list"])
good = judge("a plain Lua process", times["segments.list"]) and good
local complaints = nginx:stop()
box:stop()
print(complaints)
os.exit(good and complaints == "" and 0 or 1)
