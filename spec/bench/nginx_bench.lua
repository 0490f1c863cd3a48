-- The worker never waits: 64 requests at a time, each making a call that takes 100 ms, in one worker;
-- beside them a trivial location is asked every 5 ms. The control sleeps instead of calling; another
-- makes the call with the engine that blocks. A second nginx asks, a third answers the calls.

local server = require "spec.nginx.server"
if not server.possible() then
  print "nginx with its Lua module is wanted, and LuaJIT: make bench LUA=luajit"
  return
end

local SECONDS = tonumber(os.getenv "NGINX_BENCH_SECONDS") or 4

local SERVICE = [[
    location / { content_by_lua_block {
      ngx.sleep(0.1)
      ngx.print '{"result":true,"statusCode":200,"info":{"total":0,"count":0,"dataList":[]}}'
    } }
]]

local WORKER = [[
    keepalive_requests 1000000;
    location = /trivial { content_by_lua_block { ngx.print "ok" } }
    location = /sleep { content_by_lua_block { ngx.sleep(0.1) ngx.print "ok" } }
    location = /call { content_by_lua_block { CALL "auto" } }
    location = /blocking { content_by_lua_block { CALL "curl" } }
]]

local CALL = [[
  init_worker_by_lua_block {
    local clients = {}
    function CALL(how)
      clients[how] = clients[how] or assert(require("sendcloud").new { api_user = "u", api_key = "k",
        base_url = "%s", transport = how ~= "auto" and how or nil })
      local body, err = clients[how]:request { path = "/tags" }
      ngx.print(body and "ok" or tostring(err))
    end
  }
]]

local DRIVER = [[
    location = /drive { content_by_lua_block {
      local now = require("sendcloud.core").now
      local port, path = tonumber(ngx.var.arg_port), ngx.var.arg_path
      local ends_at = now() + tonumber(ngx.var.arg_seconds)
      local function asker(what, pause, times)
        local socket = ngx.socket.tcp()
        socket:settimeout(60000)
        assert(socket:connect("127.0.0.1", port))
        while now() < ends_at do
          local begun = now()
          assert(socket:send("GET " .. what .. " HTTP/1.1\r\nHost: x\r\n\r\n"))
          repeat local line = assert(socket:receive "*l") until line == ""
          local body = {}
          repeat
            local length = tonumber(assert(socket:receive "*l"), 16)
            body[#body + 1] = length > 0 and assert(socket:receive(length)) or nil
            assert(socket:receive(2))
          until length == 0
          assert(table.concat(body) == "ok", table.concat(body))
          times[#times + 1] = now() - begun
          if pause then ngx.sleep(pause) end
        end
        socket:close()
      end
      local calls, trivial, threads = {}, {}, {}
      for i = 1, 64 do threads[i] = ngx.thread.spawn(asker, path, nil, calls) end
      threads[65] = ngx.thread.spawn(asker, "/trivial", 0.005, trivial)
      for i = 1, 65 do assert(ngx.thread.wait(threads[i])) end
      table.sort(calls)
      table.sort(trivial)
      local function at(times, part) return times[math.max(1, math.ceil(#times * part))] * 1000 end
      ngx.print(("%d %.1f %.1f %.2f %.2f"):format(#calls / tonumber(ngx.var.arg_seconds),
        at(calls, 0.5), at(calls, 0.99), at(trivial, 0.5), at(trivial, 0.99)))
    } }
]]

local service = server.start { locations = SERVICE .. "    keepalive_requests 1000000;" }
local worker = server.start { http = CALL:format(service.url), locations = WORKER }
local driver = server.start { locations = DRIVER }

print "64 requests at a time, 100 ms each, one worker (ideal 640 a second)"
print(("%-34s %8s %16s %26s"):format("", "a second", "p50 / p99 ms", "trivial p50 / p99 ms"))
local rates = {}
for _, row in ipairs {
  { "/sleep", "control: ngx.sleep(0.1)" }, { "/call", "a call" }, { "/blocking", "a call that blocks" },
} do
  local answer = driver:ask(("/drive?port=%d&path=%s&seconds=%g"):format(worker.port, row[1], SECONDS))
  local rate, p50, p99, trivial50, trivial99 = answer:match "^(%d+) (%S+) (%S+) (%S+) (%S+)"
  assert(rate, answer)
  rates[row[1]] = tonumber(rate)
  print(("%-34s %8s %16s %26s"):format(row[2], rate, p50 .. " / " .. p99, trivial50 .. " / " .. trivial99))
end
print(("a call reaches %.3f of the control"):format(rates["/call"] / rates["/sleep"]))

for _, one in ipairs { driver, worker, service } do one:stop() end
require("spec.support.files").clean()
