-- Sign-ups taken in by one worker of nginx, 50 at a time, each on the disk before its visitor is
-- answered: how many a second, and how long a trivial location of that worker takes meanwhile, asked
-- every 5 ms. Beside it the same with the policy `interval`, with the sign-ups at another nginx, so that
-- only the machine's load is left, and on a disk that takes 50 ms for a sync.

local load = require "spec.nginx.load"
local server = require "spec.nginx.server"
if not server.possible() then return server.again "spec/bench/sign_ups_bench.lua" end

local files = require "spec.support.files"
local native = require "spec.support.native"

local SECONDS = tonumber(os.getenv "NGINX_BENCH_SECONDS") or 4

local SERVICE = [[
    location / { content_by_lua_block {
      ngx.req.read_body()
      local _, members = (ngx.req.get_body_data() or ""):gsub('"email":', "")
      ngx.print('{"totalInserted":', members, ',"totalUpdated":0,"errorCount":0}')
    } }
]]

local HTTP = [[
  init_by_lua_block {
    local client = assert(require("sendcloud").new { api_user = "u", api_key = "k", base_url = "%s" })
    local collector = require "sendcloud.collector"
    local made, n = {}, 0
    for _, sync in ipairs { "always", "interval" } do
      made[sync] = assert(collector.new { client = client, journal = "$D/" .. sync, sync = sync })
    end
    function ADD(sync)
      n = n + 1
      local ok, err = made[sync]:add { email = ngx.worker.pid() .. "-" .. n .. "@example.com", name = "Li Lei",
        fields = { City = "Shanghai" }, tags = { "newsletter" } }
      ngx.print(ok and "ok" or tostring(err))
    end
  }
]]

local WORKER = [[
    keepalive_requests 1000000;
    location = /trivial { content_by_lua_block { ngx.print "ok" } }
    location ~ ^/add/(.*)$ { content_by_lua_block { ADD(ngx.var[1]) } }
]]

local service = server.start { locations = SERVICE }
local function start(env)
  return server.start { http = HTTP:format(service.url), locations = WORKER, env = env }
end
local worker, other = start(), start()
local slow = start(("LD_PRELOAD=%s SLOW_SYNC=50"):format(native.slow_disk()))
local driver = server.start { locations = load.LOCATION }

local function measure(name, path, askers, of, beside)
  local found = load.read(driver:ask(("/load?port=%d&path=%s&askers=%d&seconds=%g&beside=/trivial"
    .. "&beside_pause=0.005&beside_port=%d"):format(of.port, path, askers, SECONDS, (beside or of).port)))
  assert(found.wrong == 0, found.told)
  print(("  %-34s %8.1f %9.1f / %-9.1f %8.2f / %.2f / %.2f"):format(name, found.asked / SECONDS, found.asked_p50,
    found.asked_p99, found.beside_p50, found.beside_p99, found.beside_max))
end

print(("%-36s %8s %21s %21s"):format("50 sign-ups at a time", "a second", "p50 / p99 ms",
  "trivial p50 / p99 / max ms"))
measure("control: another nginx, always", "/add/always", 50, other, worker)
measure("always", "/add/always", 50, worker)
measure("interval", "/add/interval", 50, worker)
measure("always, a sync takes 50 ms", "/add/always", 50, slow)
measure("interval, a sync takes 50 ms", "/add/interval", 50, slow)
measure("one at a time, always", "/add/always", 1, worker)

for _, one in ipairs { driver, worker, other, slow, service } do one:stop() end
files.clean()
