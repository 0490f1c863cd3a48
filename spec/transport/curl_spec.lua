local core = require "sendcloud.core"
local curl = require "sendcloud.transport.curl"
local native = require "spec.support.native"
local support = require "spec.support.http"

describe("the curl transport", function()
  local peer, transport
  setup(function()
    peer = support.peer()
  end)
  teardown(function()
    support.stop()
  end)
  before_each(function()
    transport = curl.new()
  end)
  after_each(function()
    transport:close()
  end)

  local function request(path, more)
    local r = { method = "GET", url = peer.url .. path, timeout = 20 }
    for key, value in pairs(more or {}) do
      r[key] = value
    end
    return r
  end

  it("sends what the pipeline asks for", function()
    local credential = core.credential("Bearer", "u", "k")
    local response = assert(transport:send(request("/echo", {
      method = "PATCH",
      headers = { ["X-One"] = "1", ["Content-Type"] = "application/json" },
      credential = credential,
      body = "{}",
      user_agent = "spec",
      operation = "members.update",
    })))
    assert.equal(200, response.status)
    assert.equal("text/plain", response.headers["content-type"])
    for _, line in ipairs {
      "PATCH /echo HTTP/1.1\r\n",
      "X-One: 1\r\n",
      "Content-Type: application/json\r\n",
      "Authorization: " .. credential:header() .. "\r\n",
      "User-Agent: spec\r\n",
      "\r\n\r\n{}",
    } do
      assert.truthy(response.body:find(line, 1, true), line)
    end
  end)

  it("returns failures", function()
    local response, failure = transport:send(request "/reset")
    assert.is_nil(response)
    assert.same({ "network", "unknown" }, { failure.kind, failure.outcome })
    response, failure = transport:send(request("/echo", { headers = { X = "a\r\nb" } }))
    assert.is_nil(response)
    assert.equal("config", failure.kind)
  end)

  it("runs tasks side by side", function()
    local tasks = {}
    for i = 1, 10 do
      tasks[i] = transport:spawn(function()
        local first = assert(transport:send(request "/gate/10"))
        local second = assert(transport:send(request "/gate/10"))
        return first.body .. second.body
      end)
    end
    for i = 1, 10 do
      assert.same({ true, "throughthrough" }, { transport:await(tasks[i]) })
    end
  end)

  it("sends side by side from within pcall and `for` too", function()
    local tasks = {}
    for i = 1, 8 do
      tasks[i] = transport:spawn(function()
        local count = 0
        for response in
          function()
            count = count + 1
            -- where tasks step (Lua 5.1) only the first round can be met by all of them at once
            local path = count == 1 and "/gate/8" or "/status/200"
            local _, r = assert(pcall(transport.send, transport, request(path)))
            return count < 4 and r or nil
          end
        do
          assert(response.status == 200)
        end
        return count
      end)
    end
    for i = 1, 8 do
      assert.same({ true, 4 }, { transport:await(tasks[i]) })
    end
  end)

  it("sleeps on the real clock", function()
    local before = transport:now()
    assert.is_true(transport:sleep(0.02))
    assert.is_true(transport:now() - before >= 0.02)
    assert.is_true(math.abs(transport:time() - os.time()) <= 2)
  end)

  it("closes what is on its way", function()
    local task = transport:spawn(transport.send, transport, request "/hang")
    transport:sleep(0.01)
    transport:close()
    local ok, response, failure = transport:await(task)
    assert.same({ true, nil, "cancelled" }, { ok, response, failure.kind })
    assert.equal("cancelled", select(2, transport:send(request "/echo")).kind)
  end)

  it("stops what nobody can wait for any more", function()
    local alone = curl.new()
    alone:spawn(alone.send, alone, request "/hang")
    alone:sleep(0)
    alone = nil -- luacheck: ignore alone
    collectgarbage()
    collectgarbage()
    -- the connection is closed: the peer counts none but that of the question itself
    local text
    repeat
      text = assert(transport:send(request "/stats")).body
    until text:match "open=(%d+)" == "1"
  end)

  describe("after a fork", function()
    it("the child has connections of its own and the parent keeps its own", function()
      assert(transport:send(request "/echo"))
      local tasks = {}
      for i = 1, 2 do
        tasks[i] = transport:spawn(transport.send, transport, request "/gate/3")
      end
      transport:sleep(0.01)
      assert.is_true(native.fork(function()
        for i = 1, 2 do
          local ok, response, failure = transport:await(tasks[i])
          assert(ok and response == nil)
          assert(failure.kind == "network" and failure.outcome == "unknown", failure.message)
        end
        assert(transport:send(request "/echo").status == 200)
        local child = transport:spawn(transport.send, transport, request "/status/201")
        assert(select(2, transport:await(child)).status == 201)
        transport:close()
        collectgarbage()
        return true
      end))
      assert.is_true(native.fork(function()
        transport:close() -- at once, with the parent's transfers in it
        return true
      end))
      assert.equal("through", assert(transport:send(request "/gate/3")).body)
      for i = 1, 2 do
        local _, response = transport:await(tasks[i])
        assert.equal("through", response.body)
      end
    end)
  end)

  describe("with a slow name service", function()
    local function run(script)
      local lua = native.runtime()
      local preload = (os.getenv "LD_PRELOAD" or "") .. ":" .. native.slow_dns()
      local pipe = assert(io.popen(("LD_PRELOAD=%s %s - <<'END'\n%s\nEND"):format(preload, lua, script)))
      local out = pipe:read "*a"
      pipe:close()
      return out
    end

    it("a time-out, other calls and the end of the program do not wait for it", function()
      local started = core.now()
      local out = run(([[
        local transport = require("sendcloud.transport.curl").new()
        local slow = transport:spawn(transport.send, transport,
          { method = "GET", url = "http://slow.test/", timeout = 0.05 })
        local other = transport:spawn(transport.send, transport,
          { method = "GET", url = "%s/status/204" })
        print((select(2, transport:await(other))).status)
        local _, response, failure = transport:await(slow)
        print(failure.kind, failure.outcome, failure.place)
        transport:spawn(transport.send, transport,
          { method = "GET", url = "http://slow.test/" })
        transport:sleep(0.01)
        transport:close()
      ]]):format(peer.url))
      local said = { out:match "^(%d+)%s+(%w+)%s+([%w_]+)%s+(%w+)%s*$" }
      assert.same({ "204", "timeout", "not_sent", "dns" }, said)
      assert.is_true(core.now() - started < 4)
    end)
  end)
end)
