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
    request.method = "GET"
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

  it("multiplexes with HTTP/2: one connection for many requests", function()
    local port = support.h2_server(certificates)
    if not port then
      pending "nginx is not installed"
      return
    end
    local transfers, seen = {}, {}
    for i = 1, 20 do
      local url = "https://localhost:" .. port .. "/" .. i
      transfers[i] = engine:add { method = "POST", url = url, body = "x", ca_file = ca() }
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
end)
