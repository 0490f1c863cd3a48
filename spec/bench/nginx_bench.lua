-- The worker never waits: how long a trivial location takes, asked every 5 ms, while the same worker
-- makes calls. Three kinds of them: of 100 ms, 64 at a time; with answers of 20 MB; and each with a
-- connection and a TLS handshake of its own. Beside each the controls: the worker sleeps instead of
-- calling; another nginx makes the same calls, so that only the machine's load is left; and the calls
-- are made with the engine that blocks.

local load = require "spec.nginx.load"
local server = require "spec.nginx.server"
if not server.possible() then return server.again "spec/bench/nginx_bench.lua" end

local files = require "spec.support.files"
local http = require "spec.support.http"

local SECONDS = tonumber(os.getenv "NGINX_BENCH_SECONDS") or 4

local SERVICE = [[
    keepalive_requests 1000000;
    location / { content_by_lua_block { ngx.sleep(0.1) ngx.print "{}" } }
    location = /big { alias $D/big; }
]]

local TLS = [[
  server {
    listen 127.0.0.1:$PORT2 ssl; keepalive_timeout 0; ssl_session_cache off; ssl_session_tickets off;
    ssl_certificate %s/good.pem; ssl_certificate_key %s/good.key;
    location / { content_by_lua_block { ngx.sleep(0.1) ngx.print "{}" } }
  }
]]

local WORKER = [[
    keepalive_requests 1000000;
    location = /trivial { content_by_lua_block { ngx.print "ok" } }
    location = /sleep { content_by_lua_block { ngx.sleep(0.1) ngx.print "ok" } }
    location ~ ^/(auto|curl)/(small|big|tls|json)$ { content_by_lua_block { CALL(ngx.var[1], ngx.var[2]) } }
]]

-- "big" is what bulk work does with an answer: it stays in a buffer. "json" makes a Lua value of it.
local CALL = [[
  init_worker_by_lua_block {
    local core = require "sendcloud.core"
    local clients, transports, buffers = {}, {}, {}
    local function client(how, kind)
      clients[how .. kind] = clients[how .. kind] or assert(require("sendcloud").new {
        api_user = "u", api_key = "k", retry = false, transport = how ~= "auto" and how or nil,
        base_url = kind == "tls" and "%s" or "%s", ca_file = "%s" })
      return clients[how .. kind]
    end
    local function big(how)
      transports[how] = transports[how]
        or require("sendcloud.transport." .. (how == "auto" and "ngx" or how)).new()
      local into = table.remove(buffers) or core.buffer()
      local answer, why = transports[how]:send { method = "GET", url = "%s/big", into = into, timeout = 30 }
      buffers[#buffers + 1] = into
      return answer and #into > 2e7, why and why.message
    end
    function CALL(how, kind)
      local good, err
      if kind == "big" then
        good, err = big(how)
      else
        good, err = client(how, kind):request { path = kind == "json" and "/big" or "/tags" }
      end
      ngx.print(good and "ok" or tostring(err))
    end
  }
]]

local certificates = http.certificates()
local service = server.start { locations = SERVICE, servers = (TLS:gsub("%%s", certificates)) }
local big = assert(io.open(service.folder .. "/big", "wb"))
big:write('"', ("x"):rep(2 ^ 20):rep(20), '"')
big:close()
local call = CALL:format("https://127.0.0.1:" .. service.port2, service.url, certificates .. "/ca.pem",
  service.url)
local worker = server.start { http = call, locations = WORKER }
local other = server.start { http = call, locations = WORKER }
local driver = server.start { locations = load.LOCATION }

local function measure(name, path, askers, of)
  local found = load.read(driver:ask(("/load?port=%d&path=%s&askers=%d&seconds=%g&beside=/trivial"
    .. "&beside_pause=0.005&beside_port=%d"):format((of or worker).port, path, askers, SECONDS, worker.port)))
  assert(found.wrong == 0, found.told)
  print(("  %-34s %8.1f %9.1f / %-9.1f %8.2f / %-8.2f"):format(name, found.asked / SECONDS, found.asked_p50,
    found.asked_p99, found.beside_p50, found.beside_p99))
  return found
end

local function scenario(title, kind, askers, blocking)
  print(("%-36s %8s %21s %21s"):format(title, "a second", "p50 / p99 ms", "trivial p50 / p99 ms"))
  local sleep = measure("control: ngx.sleep(0.1)", "/sleep", askers)
  local elsewhere = measure("control: another nginx calls", "/auto/" .. kind, askers, other)
  local calls = measure("calls", "/auto/" .. kind, askers)
  print(("  the trivial location's p99: %+.2f ms beside sleeping, %+.2f ms beside the same load elsewhere"):format(
    calls.beside_p99 - sleep.beside_p99, calls.beside_p99 - elsewhere.beside_p99))
  measure("calls that block", "/curl/" .. kind, blocking or askers)
  return calls.asked / sleep.asked
end

local reached = scenario("64 calls of 100 ms at a time", "small", 64)
print(("  calls reach %.3f of the control"):format(reached))
scenario("4 answers of 20 MB at a time", "big", 4)
measure("calls that make a Lua value of it", "/auto/json", 4)
scenario("16 calls with a handshake each", "tls", 16)

for _, one in ipairs { driver, worker, other, service } do one:stop() end
http.stop()
files.clean()
