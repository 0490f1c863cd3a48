local scripted = require "spec.support.scripted"
local sendcloud = require "sendcloud"

local json, script = scripted.json, scripted.client

describe("client:request", function()
  it("sends what no operation describes", function()
    local client, requests = script { json(200, '{"ok":true}', { ["X-Trace"] = "7" }) }
    local body, status, headers = client:request {
      method = "post", path = "/marketing/lists/fields",
      query = { b = "x y&", a = 1, c = true, d = 2 ^ 40 },
      body = { fieldName = "城市", options = { "a", "b" } },
    }
    assert.same({ ok = true }, body)
    assert.equal(200, status)
    assert.equal("7", headers["x-trace"])
    local request = requests[1]
    assert.equal("POST", request.method)
    assert.equal("https://api2.sendcloud.net/marketing/lists/fields"
      .. "?a=1&b=x%20y%26&c=true&d=1099511627776", request.url)
    assert.same({ fieldName = "城市", options = { "a", "b" } },
      require("cjson").decode(request.body))
    assert.equal("application/json; charset=utf-8", request.headers["content-type"])
    assert.truthy(request.headers.Authorization)
  end)

  it("is a GET without a body when nothing else is said", function()
    local client, requests = script { json(200, "[1,2.5,null]") }
    local body = assert(client:request { path = "/x" })
    assert.equal("GET", requests[1].method)
    assert.is_nil(requests[1].body)
    assert.is_nil(requests[1].headers["Content-Type"])
    assert.same({ 1, 2.5, sendcloud.null }, body)
  end)

  it("lays out once what requests of a kind share", function()
    local core, made = require "sendcloud.core", 0
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk",
      base_url = "http://127.0.0.1:1", retry = false })
    local real = core.preset
    core.preset = function(...)
      made = made + 1
      return real(...)
    end
    for index = 1, 3 do
      client:request { path = "/" .. index }
      client:request { path = "/" .. index, method = "POST", body = "{}" }
    end
    core.preset = real
    client:close()
    assert.equal(2, made)
  end)

  it("gives whole numbers as integers where there are any", function()
    local client = script { json(200, '{"total":3,"deep":{"n":[7]},"half":0.5}') }
    local body = assert(client:request { path = "/x" })
    assert.equal("3", tostring(body.total))
    assert.equal("7", tostring(body.deep.n[1]))
    assert.equal(0.5, body.half)
  end)

  it("takes a body that is text already", function()
    local client, requests = script { json(204, "") }
    assert.is_true(client:request { method = "PUT", path = "/x", body = '{"a":[]}' })
    assert.equal('{"a":[]}', requests[1].body)
  end)

  it("has the errors of every call", function()
    for _, row in ipairs {
      { 401, '{"status":401,"error":{"parameter":"","message":"Unauthorized"}}', "auth" },
      { 404, "not found", "not_found" }, { 500, "", "server" },
      { 200, '{"status":404,"error":{"parameter":"","message":"gone"}}', "not_found" },
      { 200, "<html>", "protocol" },
    } do
      local client = script({ json(row[1], row[2]) }, { retry = false })
      local body, err = client:request { path = "/x" }
      assert.is_nil(body)
      assert.equal(row[3], err.kind)
      assert.equal("request", err.operation)
      assert.equal(row[1], err.status)
    end
  end)

  it("is repeated only where that does no harm", function()
    local lost = { failure = { kind = "network", message = "lost", outcome = "unknown" } }
    for method, expected in pairs { GET = 5, HEAD = 5, PUT = 5, DELETE = 5, POST = 1, PATCH = 1 } do
      local client, requests = script { lost }
      client:request { method = method, path = "/x" }
      assert.equal(expected, #requests, method)
    end
    local client, requests = script { lost }
    client:request { method = "POST", path = "/x", class = "read" }
    assert.equal(5, #requests)
  end)

  it("refuses what cannot be sent", function()
    local cycle = {}
    cycle.cycle = cycle
    local client, requests = script { json(200, "{}") }
    for parameter, given in pairs {
      path = { path = "x" }, method = { path = "/x", method = "FETCH" },
      class = { path = "/x", class = "safe" }, query = { path = "/x", query = "a=1" },
      ["query.a"] = { path = "/x", query = { a = {} } },
      ["query.n"] = { path = "/x", query = { n = 0 / 0 } },
      ["query.h"] = { path = "/x", query = { h = -math.huge } }, body = { path = "/x", body = 5 },
      boddy = { path = "/x", boddy = {} }, deadline = { path = "/x", deadline = -1 },
      timeout = { path = "/x", timeout = 0 / 0 },
    } do
      local body, err = client:request(given)
      assert.is_nil(body)
      assert.same({ "invalid", parameter }, { err.kind, err.parameter })
    end
    for _, path in ipairs { "/a b", "/a?b=1", "/a#b", "/a/../b", "/./a", "/a\n", "//evil/..", 5 } do
      assert.equal("invalid", select(2, client:request { path = path }).kind)
    end
    for _, body in ipairs { cycle, { f = print }, { [1] = 1, [1000] = 2 }, { n = 0 / 0 },
      { t = "\255" } } do
      assert.equal("body", select(2, client:request { path = "/x", body = body }).parameter)
    end
    assert.equal("invalid", select(2, client:request {}).kind)
    assert.equal(0, #requests)
  end)

  it("keeps settings of the program's lua-cjson out", function()
    local cjson = require "cjson"
    cjson.encode_keep_buffer(false)
    local before = cjson.decode_max_depth()
    cjson.decode_max_depth(1)
    local client = script { json(200, '{"a":{"b":[]}}') }
    local ok, body = pcall(client.request, client, { path = "/x" })
    cjson.decode_max_depth(before)
    assert.is_true(ok)
    assert.same({ a = { b = {} } }, body)
  end)
end)
