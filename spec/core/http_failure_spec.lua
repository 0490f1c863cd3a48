local core = require "sendcloud.core"
local support = require "spec.support.http"

describe("core.http, when things go wrong,", function()
  local engine, peer

  setup(function()
    peer = support.peer()
  end)
  teardown(function()
    support.stop()
  end)
  before_each(function()
    engine = core.http()
  end)
  after_each(function()
    engine:close()
  end)

  local function exchange(request)
    return support.exchange(engine, peer, request)
  end

  local function stats()
    local other = core.http()
    local body = assert(support.exchange(other, peer, { path = "/stats" })).body
    other:close()
    local connections, open, requests = body:match "connections=(%d+) open=(%d+) requests=(%d+)"
    return { connections = tonumber(connections), open = tonumber(open), requests = tonumber(requests) }
  end

  describe("a failure", function()
    local function check(want, request)
      local response, failure = exchange(request)
      assert.is_nil(response)
      assert.same(want, { failure.kind, failure.outcome, failure.place })
      return failure.message
    end

    it("to connect is not_sent", function()
      local port = support.free_port()
      local url = "http://127.0.0.1:" .. port .. "/"
      local message = check({ "network", "not_sent", "connect" }, { url = url })
      assert.truthy(message:find("127.0.0.1:" .. port, 1, true))
    end)

    it("to find the host is not_sent", function()
      local message = check(
        { "network", "not_sent", "dns" },
        { url = "http://" .. ("a"):rep(64) .. ".invalid/?private=1", timeout = 20, connect_timeout = 20 }
      )
      assert.is_nil(message:find "private")
    end)

    it("in the TLS handshake is not_sent and no matter of certificates", function()
      local _, failure = exchange { url = "https://127.0.0.1:" .. peer.slam .. "/" }
      assert.same({ "network", "not_sent" }, { failure.kind, failure.outcome })
    end)

    it("to speak TLS is not_sent", function()
      check({ "tls", "not_sent", "tls" }, { url = "https://127.0.0.1:" .. peer.port .. "/" })
    end)

    it("to get an answer is unknown", function()
      check({ "network", "unknown", "receive" }, { path = "/reset" })
      check({ "network", "unknown", "receive" }, { path = "/close" })
      check({ "network", "unknown", "receive" }, { method = "POST", path = "/close", body = "x" })
    end)

    it("in the middle of the answer is unknown", function()
      peer.put("torn", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
      check({ "network", "unknown", "receive" }, { path = "/tear/torn" })
    end)

    it("to answer in time is unknown", function()
      check({ "timeout", "unknown", "receive" }, { path = "/hang", timeout = 0.05 })
      peer.put("drip", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
      check({ "timeout", "unknown", "receive" }, { path = "/keep/drip", timeout = 0.05 })
    end)

    it("to finish TLS in time is not_sent", function()
      local url = "https://127.0.0.1:" .. peer.mute .. "/"
      check({ "timeout", "not_sent", "tls" }, { url = url, connect_timeout = 0.05 })
      check({ "timeout", "not_sent", "tls" }, { url = url, timeout = 0.05 })
    end)

    it("to take the body in time is unknown", function()
      check(
        { "timeout", "unknown", "send" },
        { method = "POST", path = "/stall", body = ("x"):rep(32 * 1024 * 1024), timeout = 0.2 }
      )
    end)
  end)

  describe("a connection", function()
    it("is kept and used again", function()
      local before = stats()
      for _ = 1, 5 do
        assert(exchange { path = "/status/200" })
      end
      local after = stats()
      assert.equal(before.requests + 6, after.requests)
      assert.equal(before.connections + 2, after.connections) -- ours and that of the second stats()
    end)

    local six = io.open("/proc/net/if_inet6")
    if six then six:close() end
    local test = six and it or pending
    test("goes to an IPv6 address as to any other", function()
      local url = ("http://[::1]:%d/echo"):format(peer.port)
      local text = assert(exchange { url = url }).body
      assert.truthy(text:find(("Host: [::1]:%d"):format(peer.port), 1, true))
      local _, failure = exchange { url = "http://[::1]:1/" }
      assert.same({ "network", "not_sent", "connect" }, { failure.kind, failure.outcome, failure.place })
      assert.truthy(failure.message:find("[::1]:1", 1, true))
    end)

    it("that died in the meantime is replaced without a word", function()
      for _ = 1, 3 do
        assert.equal("faded", assert(exchange { path = "/fade" }).body)
        assert.equal("faded", assert(exchange { method = "POST", path = "/fade", body = "x" }).body)
      end
    end)

    it("that ends without an answer: libcurl asks again, unless that is not wanted", function()
      local function requests(more)
        assert(exchange { path = "/status/200" })
        local before = stats().requests
        more.path = "/reset"
        local _, failure = exchange(more)
        assert.same({ "network", "unknown" }, { failure.kind, failure.outcome })
        return stats().requests - before - 1
      end
      assert.equal(2, requests {})
      assert.equal(1, requests { no_repeat = true })
      assert.equal(1, requests { once = true })
    end)

    it("is closed when its transfer is cancelled", function()
      local before = stats().open
      local transfer = engine:add { method = "GET", url = peer.url .. "/hang" }
      repeat
        engine:step(0.01)
      until stats().open > before
      transfer:cancel()
      assert.is_true(transfer:done())
      local _, failure = transfer:result()
      assert.same({ "cancelled", "unknown" }, { failure.kind, failure.outcome })
      assert.equal(0, engine:count())
      repeat
        local open = stats().open
      until open <= before
    end)

    it("is closed with its engine, and transfers live on as cancelled", function()
      local other = core.http { max_connections = 2 }
      local transfer = other:add { method = "GET", url = peer.url .. "/hang" }
      other:step(0.01)
      other:close()
      other:close()
      assert.is_true(transfer:done())
      assert.equal("cancelled", select(2, transfer:result()).kind)
      assert.equal(0, other:count())
      assert.has_error(function()
        other:add { method = "GET", url = peer.url }
      end)
    end)

    it("is shared out: transfers run side by side", function()
      local transfers = {}
      for i = 1, 20 do
        transfers[i] = engine:add { method = "GET", url = peer.url .. "/gate/20" }
      end
      assert.equal(20, engine:count())
      local finished = 0
      while finished < 20 do
        finished = finished + engine:step(1)
      end
      assert.equal(20, finished)
      for _, transfer in ipairs(transfers) do
        assert.equal("through", assert(transfer:result()).body)
      end
    end)

    it("is no more than allowed", function()
      local before = stats().connections
      local few = core.http { max_connections = 1 }
      local first = few:add { method = "GET", url = peer.url .. "/echo" }
      local second = few:add { method = "GET", url = peer.url .. "/echo" }
      while not (first:done() and second:done()) do
        few:step(1)
      end
      assert(first:result())
      assert(second:result())
      few:close()
      assert.equal(before + 2, stats().connections)
      for _, most in ipairs { 0, -1, 1.5, "1" } do
        assert.has_error(function()
          core.http { max_connections = most }
        end)
      end
    end)
  end)

  describe("a proxy", function()
    it("gets the whole URL and its credentials", function()
      local response = assert(exchange {
        url = "http://service.invalid/echo",
        proxy = "http://who:what@127.0.0.1:" .. peer.port,
      })
      assert.equal("GET http://service.invalid/echo HTTP/1.1", response.body:match "^[^\r]*")
      assert.truthy(response.body:find("Proxy-Authorization: Basic d2hvOndoYXQ=", 1, true))
    end)

    it("is gone from the next request of the same handle", function()
      assert(exchange { url = "http://service.invalid/echo", proxy = "http://a:b@127.0.0.1:" .. peer.port })
      local response = assert(exchange { path = "/echo" })
      assert.is_nil(response.body:find "Proxy%-Authorization")
      assert.equal("GET /echo HTTP/1.1", response.body:match "^[^\r]*")
    end)

    it("that refuses means nothing was sent; no message holds its password", function()
      local proxy = "http://mark-user:mark-secret@127.0.0.1:" .. peer.port
      local cases = {
        { "https://denied/", proxy },
        { "http://service.invalid/", "http://mark-user:mark-secret@127.0.0.1:" .. support.free_port() },
        { "http://service.invalid/", "http://mark-user:mark-secret@" .. ("a"):rep(64) .. ".invalid:1" },
        { "http://service.invalid/", "nonsense://mark-user:mark-secret@127.0.0.1:1" },
        { "http://service.invalid/", "http://mark-user:mark-secret@127.0.0.1:99999999" },
      }
      for _, case in ipairs(cases) do
        local response, failure = exchange { url = case[1], proxy = case[2] }
        assert.is_nil(response)
        assert.equal("not_sent", failure.outcome)
        assert.is_nil(failure.message:find "mark")
      end
    end)
  end)
end)
