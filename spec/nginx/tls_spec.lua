-- TLS from inside nginx: HTTP/2 with many calls on one connection, and the system's certificate
-- authorities with no directive of nginx's.

local server = require "spec.nginx.server"
if not server.possible() then return end

local files = require "spec.support.files"
local http = require "spec.support.http"
local native = require "spec.support.native"

-- The service answers with what it knows of the connection, when so many requests are there at a time.
local SERVICE = [[
  server {
    listen 127.0.0.1:$PORT2 ssl http2;
    ssl_certificate %s/good.pem; ssl_certificate_key %s/good.key;
    location / { content_by_lua_block {
      local wanted, notes = tonumber(ngx.var.arg_wanted), ngx.shared.notes
      notes:incr("here", 1, 0)
      for _ = 1, 500 do
        if notes:get "here" >= wanted then break end
        ngx.sleep(0.01)
      end
      if notes:get "here" < wanted then return ngx.exit(503) end
      ngx.sleep(0.05) -- until all have seen it
      notes:set("here", 0)
      ngx.print('{"protocol":"', ngx.var.server_protocol, '","connection":', ngx.var.connection, '}')
    } }
  }
]]

local LOCATIONS = [[
    location = /many { content_by_lua_block {
      local client = assert(require("sendcloud").new { api_user = "u", api_key = "k", retry = false,
        base_url = "https://127.0.0.1:" .. ngx.var.arg_port, ca_file = ngx.var.arg_ca,
        thread_pool = "carriers" })
      local calls = {}
      for i = 1, tonumber(ngx.var.arg_calls) do
        calls[i] = function()
          return client:request { path = "/", query = { wanted = tonumber(ngx.var.arg_calls) } }
        end
      end
      local results, errors = client:parallel(calls, { concurrency = #calls })
      local protocols, connections, count = {}, {}, 0
      for i = 1, #calls do
        if not results[i] then return ngx.print(errors[i].kind) end
        protocols[results[i].protocol] = true
        if not connections[results[i].connection] then count = count + 1 end
        connections[results[i].connection] = true
      end
      client:close()
      local first = next(protocols)
      ngx.print(first, next(protocols, first) and " and others" or "", ", ", count, " connection")
    } }
]]

describe("TLS inside nginx", function()
  local certificates, service, nginx
  setup(function()
    certificates = http.certificates()
    service = server.start { servers = (SERVICE:gsub("%%s", certificates)) }
  end)
  after_each(function()
    assert.equal("", nginx:stop())
  end)
  teardown(function()
    service:stop()
    http.stop()
    files.clean()
  end)

  local function ask(calls, more)
    return nginx:ask(("/many?port=%d&calls=%d%s"):format(service.port2, calls, more or ""))
  end

  it("speaks HTTP/2, and all calls of a worker share a connection", function()
    nginx = server.start { locations = LOCATIONS }
    local ca = "&ca=" .. certificates .. "/ca.pem"
    assert.equal("HTTP/2.0, 1 connection", ask(16, ca))
    assert.equal("HTTP/2.0, 1 connection", ask(4, ca))
  end)

  for place, tmpdir in pairs { ["the helper thread"] = false, ["a thread pool"] = "/nowhere" } do
    it("trusts whom the system trusts, with no directive: " .. place, function()
      local seen = files.path()
      nginx = server.start { locations = LOCATIONS, main = "thread_pool carriers threads=4;",
        tmpdir = tmpdir or nil, env = ("LD_PRELOAD=%s AUTHORITIES=%s/ca.pem AUTHORITIES_READ=%s"):format(
          native.authorities(), certificates, seen) }
      assert.equal("HTTP/2.0, 1 connection", ask(1))
      assert.equal("x", files.read(seen))
    end)

    it("trusts nobody else: " .. place, function()
      nginx = server.start { locations = LOCATIONS, main = "thread_pool carriers threads=4;",
        tmpdir = tmpdir or nil }
      assert.equal("tls", ask(1))
    end)
  end
end)
