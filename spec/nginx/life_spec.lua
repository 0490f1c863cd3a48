-- The helper thread's life: reload, quit and kill with calls on their way, clients that leave,
-- certificates, and places where it cannot start.

local server = require "spec.nginx.server"
if not server.possible() then return end

local files = require "spec.support.files"
local http = require "spec.support.http"
local sandbox = require "sendcloud.sandbox"

local LOCATIONS = [[
    lua_check_client_abort on;
    location = /pid { content_by_lua_block { ngx.print(ngx.worker.pid()) } }
    location = /call { content_by_lua_block {
      local client = assert(require("sendcloud").new {
        api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", retry = false,
        base_url = ngx.var.arg_url, ca_file = ngx.var.arg_ca, timeout = 20 })
      local page, err
      if ngx.var.arg_get then
        page, err = client:request { path = "/" }
      else
        page, err = client.members:list()
      end
      ngx.print(page and "total=" .. page.total or err.kind .. ": " .. err.message)
    } }
]]

describe("the helper thread", function()
  local nginx, box
  before_each(function()
    box = sandbox.start { port = 0 }
  end)
  after_each(function()
    box:stop()
    files.clean()
    http.stop()
  end)

  local function start(options)
    options = options or {}
    options.locations = LOCATIONS
    nginx = server.start(options)
  end
  local function call(more)
    return nginx:ask("/call?url=" .. box.url .. (more or ""))
  end
  -- A call that the sandbox takes its time for, made in the background; its answer is in a file.
  local function slow_call(seconds)
    box:fault { operation = "members.list", delay = seconds }
    local path = files.path()
    local pipe = io.popen(("curl -s -m 30 '%s/call?url=%s' >%s"):format(nginx.url, box.url, path), "w")
    local t = os.time() + 10
    while #box:requests { operation = "members.list" } == 0 do assert(os.time() < t, "never asked") end
    return function()
      pipe:close()
      return files.read(path)
    end
  end

  it("starts with the first call, and not in the master", function()
    start()
    assert.equal("", nginx:sockets())
    assert.equal("total=0", call())
    assert.truthy(nginx:sockets():find("^sendcloud%-" .. nginx:ask "/pid" .. "%-%w+$"))
    assert.equal("", nginx:stop())
  end)

  for _, signal in ipairs { "HUP", "QUIT" } do
    it("finishes what is on its way at " .. signal, function()
      start()
      local answer = slow_call(0.7)
      local old = nginx:workers()[1]
      nginx:signal(signal)
      assert.equal("total=0", answer())
      assert.is_true(nginx:wait_for(("! kill -0 %d 2>/dev/null"):format(old)), "the old worker is still there")
      assert.equal("", nginx:sockets())
      assert.equal("", nginx:stop())
    end)
  end

  it("ends at once at TERM", function()
    start()
    local answer = slow_call(20)
    local old = nginx:workers()[1]
    nginx:signal "TERM"
    assert.is_true(nginx:wait_for(("! kill -0 %d 2>/dev/null"):format(old), 3))
    answer()
    assert.equal("", nginx:sockets())
    assert.equal("", nginx:complaints())
    nginx:stop()
  end)

  it("drops the call of a client that has left", function()
    start()
    assert.equal("total=0", call())
    local sockets = ("$(ls -l /proc/%d/fd | grep -c socket:)"):format(nginx:workers()[1])
    local pipe = io.popen("echo " .. sockets)
    local kept = tonumber(pipe:read "*a") -- among them one to the thread and one to the sandbox
    pipe:close()
    box:fault { operation = "members.list", delay = 20 }
    assert.equal("", nginx:ask("/call?url=" .. box.url, nil, "-m 0.4"))
    -- Both are closed long before the answer.
    assert.is_true(nginx:wait_for(("[ %s -le %d ]"):format(sockets, kept - 3), 3))
    box:reset()
    assert.equal("total=0", call())
    assert.equal("", nginx:stop())
  end)

  it("sweeps what a killed worker left", function()
    start()
    assert.equal("total=0", call())
    local old = nginx:workers()[1]
    os.execute("kill -KILL " .. old)
    assert.is_true(nginx:wait_for(("! kill -0 %d 2>/dev/null"):format(old)))
    assert.is_true(nginx:wait_for(("curl -sf -o /dev/null %s/up"):format(nginx.url)))
    assert.truthy(nginx:sockets():find("sendcloud-" .. old, 1, true))
    assert.equal("total=0", call())
    assert.truthy(nginx:sockets():find("^sendcloud%-" .. nginx:workers()[1] .. "%-%w+$"))
    nginx:stop()
  end)

  it("says why it cannot start", function()
    start { tmpdir = "/nowhere" }
    local answer = call()
    assert.truthy(answer:find("^config: the helper thread cannot start: no socket in TMPDIR %(/nowhere%)"), answer)
    assert.truthy(answer:find("set TMPDIR", 1, true), answer)
    assert.equal("", nginx:stop())
  end)

  it("starts again when somebody has removed its socket", function()
    start()
    assert.equal("total=0", call())
    local answer = slow_call(0.5)
    os.execute("rm -r " .. nginx.tmpdir .. "/sendcloud-*")
    box:reset()
    assert.equal("total=0", call()) -- over the connection that was kept
    box:fault { operation = "members.list", delay = 0.5 } -- and these four need more of them
    local pipe = io.popen(("for i in 1 2 3 4; do curl -s -m 30 '%s/call?url=%s' & done; wait"):format(
      nginx.url, box.url))
    assert.equal(("total=0"):rep(4), pipe:read "*a")
    pipe:close()
    assert.equal("total=0", answer())
    assert.truthy(nginx:sockets():find("^sendcloud%-" .. nginx:workers()[1] .. "%-%w+$"))
    nginx:signal "QUIT"
    assert.is_true(nginx:wait_for(("[ -z \"$(ls %s)\" ]"):format(nginx.tmpdir)), "left behind")
    -- Nothing but nginx's own line about the socket that was not there.
    assert.equal("", (nginx:stop():gsub("[^\n]*connect%(%) to unix:[^\n]* failed %(2:[^\n]*", "")
      :gsub("\n", "")))
  end)

  it("says that the folder's name is too long", function()
    local long = "/tmp/" .. ("x"):rep(100)
    start { tmpdir = long }
    local answer = call()
    assert.truthy(answer:find("File name too long", 1, true), answer)
    assert.truthy(answer:find("set TMPDIR", 1, true), answer)
    assert.equal("", nginx:stop())
  end)

  it("checks certificates without a directive", function()
    start()
    local certificates = http.certificates()
    local function ask(name, ca)
      local port = http.tls_server(certificates, name)
      return nginx:ask(("/call?get=1&url=https://127.0.0.1:%d%s"):format(port,
        ca and "&ca=" .. certificates .. "/ca.pem" or ""))
    end
    assert.truthy(ask("good"):find "^tls: ")
    assert.truthy(ask("wrong_host", true):find "^tls: ")
    assert.truthy(ask("expired", true):find "^tls: ")
    local answer = ask("good", true) -- a page of openssl's, no answer of the service's
    assert.truthy(answer:find "^protocol: " or answer:find "^not_found: ", answer)
    assert.equal("", nginx:stop())
  end)

  it("works without a code cache, where each request has a Lua state of its own", function()
    start { http = "  lua_code_cache off;" }
    for _ = 1, 5 do assert.equal("total=0", call()) end
    assert.falsy(nginx:stop():gsub("[^\n]*lua_code_cache is off[^\n]*", ""):find "%S")
  end)

  it("works in a single process", function()
    start { main = "master_process off;" }
    assert.equal("total=0", call())
    assert.equal("", nginx:stop())
  end)
end)
