local core = require "sendcloud.core"
local support = require "spec.support.http"

describe("core.http over TLS", function()
  local certificates, peer, ports
  setup(function()
    certificates = support.certificates()
    peer = support.peer()
    ports = {}
    for _, name in ipairs { "good", "expired", "self_signed", "wrong_host" } do
      ports[name] = support.tls_server(certificates, name)
    end
    ports.h2 = support.h2_server(certificates, peer.port)
  end)
  teardown(function()
    support.stop()
  end)

  local engine
  before_each(function()
    engine = core.http()
  end)
  after_each(function()
    engine:close()
  end)

  local function get(request)
    request.method = request.method or "GET"
    local transfer = assert(engine:add(request))
    while not transfer:done() do
      engine:step(1)
    end
    return transfer:result()
  end

  local function ca()
    return certificates .. "/ca.pem"
  end

  for _, host in ipairs { "localhost", "127.0.0.1" } do
    it("takes a good certificate for " .. host, function()
      local response = assert(get { url = "https://" .. host .. ":" .. ports.good .. "/", ca_file = ca() })
      assert.equal(200, response.status)
    end)
  end

  local refused = {
    { "good", "an unknown CA", "unknown CA" },
    { "expired", "an expired certificate", "has expired", true },
    { "self_signed", "a self-signed certificate", "self-signed", true },
    { "wrong_host", "a certificate for another host", "another host name", true },
  }
  for _, case in ipairs(refused) do
    it("refuses " .. case[2], function()
      local url = "https://localhost:" .. ports[case[1]] .. "/?private=1"
      local response, failure = get { url = url, ca_file = case[4] and ca() or nil }
      assert.is_nil(response)
      assert.same({ "tls", "not_sent", "tls" }, { failure.kind, failure.outcome, failure.place })
      assert.truthy(failure.message:find(case[3], 1, true))
      assert.truthy(failure.message:find("localhost:" .. ports[case[1]], 1, true))
      assert.is_nil(failure.message:find "private")
    end)
  end

  it("forgets one request's CA file before the next", function()
    local url = "https://localhost:" .. ports.wrong_host .. "/"
    assert.truthy(select(2, get { url = url, ca_file = ca() }).message:find "another host name")
    assert.truthy(select(2, get { url = url }).message:find "unknown CA")
  end)

  it("does not use a connection that was opened with another CA file", function()
    local url = "https://localhost:" .. ports.good .. "/"
    assert(get { url = url, ca_file = ca() })
    assert.equal("tls", select(2, get { url = url }).kind)
  end)

  it("says that the CA file cannot be read", function()
    local _, failure = get { url = "https://localhost:" .. ports.good .. "/", ca_file = "/nonexistent.pem" }
    assert.same({ "config", "not_sent" }, { failure.kind, failure.outcome })
  end)

  it("goes through a proxy's tunnel, which sees neither header nor credential", function()
    local response = assert(get {
      url = "https://localhost:" .. ports.good .. "/",
      ca_file = ca(),
      proxy = "http://who:what@127.0.0.1:" .. peer.port,
      credential = core.credential("Basic", "user", "key"),
    })
    assert.equal(200, response.status)
  end)

  it("refuses a bad certificate behind a proxy: nothing was sent", function()
    local _, failure = get {
      url = "https://localhost:" .. ports.expired .. "/",
      ca_file = ca(),
      proxy = "http://127.0.0.1:" .. peer.port,
    }
    assert.same({ "tls", "not_sent" }, { failure.kind, failure.outcome })
  end)

  it("raises no signal when the connection breaks under it", function()
    local fragile
    local function crash()
      local other = core.http()
      local transfer = other:add { method = "GET", url = fragile.url .. "/crash" }
      while not transfer:done() do
        other:step(1)
      end
      other:close()
    end
    local function request(path)
      return {
        url = "https://localhost:" .. ports.h2 .. path,
        ca_file = ca(),
        proxy = "http://127.0.0.1:" .. fragile.port,
      }
    end
    if not ports.h2 then
      pending "nginx is not installed"
      return
    end
    fragile = support.peer()
    assert(get(request "/"))
    crash() -- while it is idle
    assert.equal("network", select(2, get(request "/")).kind)
    fragile = support.peer()
    local hanging = request "/up/hang"
    hanging.method, hanging.body = "POST", "x"
    local transfer = engine:add(hanging)
    for _ = 1, 20 do
      engine:step(0.002)
    end
    crash() -- while it waits
    while not transfer:done() do
      engine:step(1)
    end
    local _, failure = transfer:result()
    assert.same({ "network", "unknown" }, { failure.kind, failure.outcome })
  end)

  describe("with HTTP/2", function()
    local function h2(path, more)
      local request = more or {}
      request.method = request.method or "GET"
      request.url = "https://localhost:" .. ports.h2 .. path
      request.ca_file = ca()
      return request
    end

    local function test(name, run)
      it(name, function()
        if not ports.h2 then
          pending "nginx is not installed"
          return
        end
        run()
      end)
    end

    test("multiplexes: one connection for many requests", function()
      local transfers, seen = {}, {}
      for i = 1, 20 do
        transfers[i] = engine:add(h2("/" .. i, { method = "POST", body = "x" }))
      end
      while engine:count() > 0 do
        engine:step(1)
      end
      for _, transfer in ipairs(transfers) do
        local response = assert(transfer:result())
        assert.truthy(response.body:find("HTTP/2.0", 1, true))
        seen[response.body] = true
      end
      assert.is_nil(next(seen, next(seen)))
    end)

    test("cancels one stream and leaves the connection to the others", function()
      local hanging = engine:add(h2 "/up/hang")
      local first = assert(get(h2 "/")).body
      hanging:cancel()
      assert.equal("cancelled", select(2, hanging:result()).kind)
      assert.equal(first, assert(get(h2 "/")).body)
    end)

    test("sends large bodies and takes large answers", function()
      local body = ("0123456789"):rep(100000)
      local transfer = engine:add(h2("/up/echo", { method = "DELETE", body = body }))
      while not transfer:done() do
        engine:step(1)
      end
      local text = assert(transfer:result()).body
      assert.equal("DELETE /echo HTTP/1.0", text:match "^[^\r]*")
      assert.is_true(text:sub(-#body) == body)
    end)
  end)
end)
