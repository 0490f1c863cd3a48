local core = require "sendcloud.core"
local func = require "sendcloud.transport.function"

describe("a user's function as a transport", function()
  local credential = core.credential("Basic", "user", "mark-key")

  local function send(fn, more)
    local request = {
      operation = "members.get",
      method = "GET",
      url = "http://host/path?a=1",
      path = "/path",
      query = "a=1",
      headers = { ["Content-Type"] = "application/json" },
      credential = credential,
      timeout = 3,
    }
    for key, value in pairs(more or {}) do
      request[key] = value
    end
    return func.new(fn):send(request)
  end

  it("gets the request and gives the answer", function()
    local buffer = core.buffer()
    local seen
    local response = assert(send(function(request)
      seen = request
      return { status = 201, headers = { ["X-One"] = 1, ["Retry-After"] = "7" }, body = "hi" }
    end, { body = buffer }))
    assert.same({ status = 201, headers = { ["x-one"] = "1", ["retry-after"] = "7" }, body = "hi" }, response)
    assert.equal("members.get", seen.operation)
    assert.equal("GET", seen.method)
    assert.equal("http://host/path?a=1", seen.url)
    assert.equal("/path", seen.path)
    assert.equal("a=1", seen.query)
    assert.equal("", seen.body)
    assert.equal(3, seen.timeout)
  end)

  it("finds headers by any spelling; the credential does not show", function()
    send(function(request)
      local headers = request.headers
      assert.equal("application/json", headers["content-type"])
      assert.equal("application/json", headers["Content-Type"])
      assert.equal(credential:header(), headers.Authorization)
      assert.equal(credential:header(), headers.AUTHORIZATION)
      assert.is_nil(headers["X-Other"])
      assert.is_nil(headers[1])
      for name, value in pairs(headers) do
        assert.is_nil((name .. value):lower():find "authorization")
      end
      assert.equal(false, getmetatable(headers))
      for key, value in pairs(request) do
        assert.is_nil((tostring(key) .. tostring(value)):find(credential:header(), 1, true))
      end
      return { status = 200 }
    end)
  end)

  it("may leave out headers and body", function()
    local response = assert(send(function()
      return { status = 204 }
    end))
    assert.same({ status = 204, headers = {}, body = "" }, response)
  end)

  it("may say what failed", function()
    local cases = {
      { "no line", { "network", "no line", "unknown", "receive" } },
      { nil, { "network", "the transport gave no reason", "unknown", "receive" } },
      {
        { kind = "timeout", message = "too slow", outcome = "not_sent", place = "connect" },
        { "timeout", "too slow", "not_sent", "connect" },
      },
      { { kind = "surprise", message = "?" }, { "network", "?", "unknown", "receive" } },
      { {}, { "network", "the transport gave no reason", "unknown", "receive" } },
    }
    for _, case in ipairs(cases) do
      local response, failure = send(function()
        return nil, case[1]
      end)
      assert.is_nil(response)
      assert.same(case[2], { failure.kind, failure.message, failure.outcome, failure.place })
    end
  end)

  it("that raises has failed on the network, outcome unknown; what it quotes is hidden", function()
    local response, failure = send(function(request)
      error("cannot send " .. request.headers.authorization .. " twice")
    end)
    assert.is_nil(response)
    assert.same({ "network", "unknown" }, { failure.kind, failure.outcome })
    assert.truthy(failure.message:find("cannot send (hidden) twice", 1, true))
    failure = select(2, send(function(request)
      return nil, "bad token " .. request.headers.authorization:match "%S+$"
    end))
    assert.equal("bad token (hidden)", failure.message)
    failure = select(2, send(function()
      error { any = "thing" }
    end))
    assert.equal("network", failure.kind)
  end)

  it("that answers nonsense is a protocol failure", function()
    for _, answer in ipairs {
      "text",
      true,
      {},
      { status = "200" },
      { status = 99 },
      { status = 200.5 },
      { status = 200, headers = "x" },
      { status = 200, body = 5 },
    } do
      local response, failure = send(function()
        return answer
      end)
      assert.is_nil(response)
      assert.same({ "protocol", "unknown" }, { failure.kind, failure.outcome })
    end
  end)

  it("that answers what raises when it is read is a protocol failure", function()
    local function boom() error("boom") end
    local hostile = setmetatable({}, { __index = boom, __tostring = boom })
    for _, case in ipairs {
      { hostile }, { nil, hostile }, { nil, { message = hostile } },
      { { status = 200, headers = { x = hostile } } }, { { status = 200, headers = { [hostile] = 1 } } },
    } do
      local response, failure = send(function() return case[1], case[2] end)
      assert.is_nil(response)
      assert.same({ "protocol", "unknown" }, { failure.kind, failure.outcome })
    end
    local response, failure = send(function() error(hostile) end)
    assert.is_nil(response)
    assert.equal("protocol", failure.kind)
  end)

  it("may itself use another transport, inside a task too", function()
    local inner = func.new(function()
      return { status = 200, body = "inner" }
    end)
    local outer = func.new(function()
      inner:sleep(0)
      return inner:send { method = "GET", url = "http://host/" }
    end)
    local task = outer:spawn(outer.send, outer, { method = "GET", url = "http://host/" })
    local ok, response = outer:await(task)
    assert.is_true(ok)
    assert.equal("inner", response.body)
  end)

  it("sleeps on the clock it was given", function()
    local clock = { at = 5 }
    local transport = func.new(function()
      return { status = 200 }
    end, {
      now = function()
        return clock.at
      end,
      time = function()
        return 77
      end,
      wait = function(seconds)
        clock.at = clock.at + seconds
      end,
    })
    transport:sleep(1000)
    assert.equal(1005, transport:now())
    assert.equal(77, transport:time())
    transport:close()
    assert.equal("cancelled", select(2, transport:send {}).kind)
  end)
end)
