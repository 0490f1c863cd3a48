-- Every phase of nginx with the answer that a call gets there.

local server = require "spec.nginx.server"
if not server.possible() then return end

local http = require "spec.support.http"
local sandbox = require "sendcloud.sandbox"

local HTTP = [[
  init_by_lua_block {
    -- One client for all phases, made before the workers are.
    CLIENT = assert(require("sendcloud").new {
      api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = "%s", retry = false })
    function TRY()
      local page, err = CLIENT.members:list()
      if page then return "total=" .. page.total end
      return err.kind .. ": " .. err.message
    end
    function NOTE(phase) ngx.shared.notes:set(phase, TRY()) end
    NOTE "init"
  }
  init_worker_by_lua_block {
    NOTE "init_worker"
    ngx.timer.at(0, function() NOTE "timer of init_worker" end)
  }
  upstream elsewhere {
    server 0.0.0.1;
    balancer_by_lua_block {
      NOTE "balancer"
      assert(require("ngx.balancer").set_current_peer("127.0.0.1", $PORT))
    }
  }
]]

local LOCATIONS = [[
    location = /note { content_by_lua_block {
      local name = ngx.unescape_uri(ngx.var.args)
      for _ = 1, 100 do
        local note = ngx.shared.notes:get(name)
        if note then ngx.print(note) return end
        ngx.sleep(0.02)
      end
    } }
    location = /rewrite { rewrite_by_lua_block { ngx.print(TRY()) ngx.exit(200) } }
    location = /access { access_by_lua_block { ngx.print(TRY()) ngx.exit(200) } }
    location = /content { content_by_lua_block { ngx.print(TRY()) } }
    location = /subrequest { content_by_lua_block {
      ngx.print(ngx.location.capture("/content").body) } }
    location = /thread { content_by_lua_block {
      local thread = ngx.thread.spawn(TRY)
      ngx.print(select(2, ngx.thread.wait(thread))) } }
    location = /set { set_by_lua_block $found { return TRY() } return 200 $found; }
    location = /filters {
      header_filter_by_lua_block { NOTE "header_filter" }
      body_filter_by_lua_block { NOTE "body_filter" }
      log_by_lua_block {
        NOTE "log"
        ngx.timer.at(0, function() NOTE "timer of log" end)
      }
      content_by_lua_block { ngx.print "x" }
    }
    location = /balancer { proxy_pass http://elsewhere/up; }
]]

local SERVERS = [[
  server {
    listen 127.0.0.1:$PORT2 ssl;
    ssl_certificate %s/good.pem; ssl_certificate_key %s/good.key;
    ssl_certificate_by_lua_block { NOTE "ssl_cert" }
    server_rewrite_by_lua_block { ngx.ctx.found = TRY() }
    location / { content_by_lua_block { ngx.print(ngx.ctx.found) } }
  }
]]

describe("a call in nginx's phase", function()
  local nginx, box
  setup(function()
    box = sandbox.start { port = 0 }
    local certificates = http.certificates()
    nginx = server.start { http = (HTTP:gsub("%%s", box.url)), locations = LOCATIONS,
      servers = (SERVERS:gsub("%%s", certificates)) }
  end)
  teardown(function()
    local complaints = nginx:stop()
    box:stop()
    http.stop()
    assert.equal("", complaints)
  end)

  local function note(name)
    return nginx:ask("/note?" .. name:gsub(" ", "%%20"))
  end

  for _, phase in ipairs { "rewrite", "access", "content", "subrequest", "thread" } do
    it(phase .. " waits and is answered", function()
      assert.equal("total=0", nginx:ask("/" .. phase))
    end)
  end

  it("server_rewrite and ssl_cert wait and are answered", function()
    assert.equal("total=0", nginx:ask(("https://127.0.0.1:%d/"):format(nginx.port2), nil, "-k"))
    assert.equal("total=0", note "ssl_cert")
  end)

  for _, phase in ipairs { "init", "init_worker", "timer of init_worker" } do
    it(phase .. " is answered", function()
      assert.equal("total=0", note(phase))
    end)
  end

  local function is_refused(phase, answer)
    assert.truthy(answer:find("unsupported", 1, true), answer)
    assert.truthy(answer:find("phase " .. phase, 1, true), answer)
    assert.truthy(answer:find("ngx.timer.at(0", 1, true), answer)
  end

  it("set is refused", function()
    is_refused("set", nginx:ask "/set")
  end)

  it("header_filter, body_filter and log are refused, and a timer of log is answered", function()
    assert.equal("x", nginx:ask "/filters")
    for _, phase in ipairs { "header_filter", "body_filter", "log" } do
      is_refused(phase, note(phase))
    end
    assert.equal("total=0", note "timer of log")
  end)

  it("balancer is refused", function()
    nginx:ask "/balancer"
    is_refused("balancer", note "balancer")
  end)
end)
