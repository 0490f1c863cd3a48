local core = require "sendcloud.core"
local support = require "spec.support.http"

describe("core.preset", function()
  local engine, peer, credential

  setup(function()
    peer = support.peer()
  end)
  teardown(function()
    support.stop()
  end)
  before_each(function()
    engine = core.http()
    credential = core.credential("Basic", "user", "key")
  end)
  after_each(function()
    engine:close()
  end)

  local function preset(common)
    common = common or {}
    common.method = common.method or "GET"
    common.credential = common.credential or credential
    return core.preset(common)
  end

  local function result(transfer)
    while not transfer:done() do
      engine:step(1)
    end
    return transfer:result()
  end

  -- What arrives of the request, but for the peer's name.
  local function echo(request)
    request.url = peer.url .. "/echo"
    return assert(result(assert(engine:add(request)))).body
  end

  it("sends what the same request sends without it", function()
    for _, method in ipairs { "GET", "POST", "PATCH", "DELETE" } do
      local common = {
        method = method, credential = credential, user_agent = "spec/1",
        headers = { "Accept: application/json", "X-Empty:", "Content-Type: text/plain" },
      }
      local shared = assert(core.preset(common))
      for _, body in ipairs { false, "hello" } do
        common.body = body or nil
        local plain = echo(common)
        for _ = 1, 2 do
          assert.equal(plain, echo { preset = shared, body = body or nil })
        end
        common.body, common.url = nil, nil
      end
    end
  end)

  it("is asked for the rest of a request, whatever else that holds", function()
    local shared = assert(preset())
    local text = echo { preset = shared, method = "PUT", headers = { "X-Other: 1" } }
    assert.truthy(text:find("^GET /echo"))
    assert.falsy(text:find("X-Other", 1, true))
  end)

  it("is none where something in it cannot be sent", function()
    for _, bad in ipairs {
      { method = "G T" }, { headers = { "no header" } }, { headers = { "Content-Length: 5" } },
      { user_agent = "a\nb" }, { headers = { "X: a\0b" } },
    } do
      local shared, failure = preset(bad)
      assert.is_nil(shared)
      assert.same({ "config", "not_sent" }, { failure.kind, failure.outcome })
    end
    credential:close()
    local shared, failure = preset()
    assert.is_nil(shared)
    assert.equal("the credential is closed", failure.message)
    assert.has_error(function() core.preset {} end)
    assert.has_error(function() core.preset { method = "GET", credential = {} } end)
  end)

  it("closes once, while requests made from it are still on their way", function()
    local shared = assert(preset())
    local transfer = assert(engine:add { preset = shared, url = peer.url .. "/delay/20" })
    shared:close()
    shared:close()
    assert.equal(200, assert(result(transfer)).status)
    local refused, failure = engine:add { preset = shared, url = peer.url .. "/echo" }
    assert.is_nil(refused)
    assert.same({ "config", "the preset is closed" }, { failure.kind, failure.message })
  end)

  it("may go before its requests", function()
    local transfer = assert(engine:add { preset = preset(), url = peer.url .. "/delay/20" })
    collectgarbage()
    collectgarbage()
    assert.equal(200, assert(result(transfer)).status)
  end)

  it("does not show the key", function()
    local shared = assert(preset())
    assert.falsy(tostring(shared):find(credential:header(), 1, true))
    assert.equal(false, getmetatable(shared))
  end)
end)
