-- 100,000 calls in one worker of nginx, 64 at a time: its memory and its descriptors before and after.
--
--   eval "$(make -s env LUA=luajit)"; luajit spec/soak/calls.lua [calls] [pool]
--
-- With `pool` the helper thread cannot start, and nginx's own threads carry the requests.

local load = require "spec.nginx.load"
local server = require "spec.nginx.server"
if not server.possible() then error "nginx with its Lua module is wanted, and LuaJIT" end

local calls, pool = tonumber(arg[1]) or 100000, arg[2] == "pool"
local PARTS = 10
local MOST = 2048 -- kB that the memory may have grown from the second part to the last

local SERVICE = [[
    keepalive_requests 1000000;
    location / {
      default_type application/json;
      return 200 '{"list":[],"total":0}';
    }
]]

local LOCATIONS = [[
    keepalive_requests 10000000;
    location = /call { content_by_lua_block {
      CLIENT = CLIENT or assert(require("sendcloud").new { api_user = "u", api_key = "k", retry = false,
        base_url = "%s", thread_pool = "carriers" })
      local page, err = CLIENT.members:list()
      ngx.print(page and "ok" or tostring(err))
    } }
]]

local service = server.start { locations = SERVICE }
local driver = server.start { locations = load.LOCATION }
local nginx = server.start { locations = LOCATIONS:format(service.url),
  main = "thread_pool carriers threads=64;", tmpdir = pool and "/nowhere" or nil }
local pid = nginx:workers()[1]

local function figures()
  local pipe = io.popen(("grep VmRSS /proc/%d/status; ls /proc/%d/fd | wc -l; ls /proc/%d/task | wc -l"):format(
    pid, pid, pid))
  local memory, descriptors, threads = pipe:read("*a"):match "(%d+) kB%s+(%d+)%s+(%d+)"
  pipe:close()
  return tonumber(memory), tonumber(descriptors), tonumber(threads)
end

print(("%d calls%s"):format(calls, pool and ", on a thread pool" or ""))
print(("%10s %10s %12s %8s %10s"):format("calls", "kB", "descriptors", "threads", "a second"))
local done, wrong, first, last = 0, 0, nil, nil
print(("%10d %10d %12d %8d"):format(0, figures()))
for _ = 1, PARTS do
  local told = load.read(driver:ask(("/load?port=%d&path=/call&askers=64&count=%d"):format(nginx.port,
    calls / PARTS), nil, "-m 600"))
  done, wrong = done + told.asked, wrong + told.wrong
  local memory, descriptors, threads = figures()
  print(("%10d %10d %12d %8d %10d"):format(done, memory, descriptors, threads, told.asked / told.seconds))
  last = { memory, descriptors }
  first = first or _ == 2 and last or nil
  assert(told.wrong == 0, told.told)
end
assert(nginx:workers()[1] == pid, "the worker was replaced")
print(("from %d calls on: %+d kB, %+d descriptors; %d calls failed"):format(calls / PARTS * 2,
  last[1] - first[1], last[2] - first[2], wrong))
local complaints = nginx:stop()
print(complaints)
for _, one in ipairs { driver, service } do one:stop() end
os.exit(complaints == "" and wrong == 0 and last[1] - first[1] <= MOST and last[2] <= first[2] + 8
  and 0 or 1)
