local events = require "sendcloud.events"

describe("events", function()
  local event = {
    type = "retry", operation = "members.upsert", attempt = 2, wait = 0.41234, kind = "server",
    status = 503, reason = "HTTP 503",
  }

  it("cost nothing when nobody listens", function()
    assert.is_nil(events.listener(nil, nil))
    assert.is_nil(events.listener(nil, "verbose"))
  end)

  it("come to on_event", function()
    local got = {}
    local listener = events.listener(function(e) got[#got + 1] = e end)
    listener(event)
    assert.same({ event }, got)
  end)

  it("do not carry away the call with what a listener raises", function()
    local listener = events.listener(function() error("boom") end)
    listener(event)
  end)

  it("are written as lines when the environment asks", function()
    local text = ""
    local write = function(t) text = text .. t end
    events.listener(nil, "info", write)(event)
    assert.equal("sendcloud members.upsert retry attempt=2 kind=server status=503 wait=0.412 "
      .. "reason=HTTP 503\n", text)
  end)

  it("tell attempts only to who debugs", function()
    local text = ""
    local write = function(t) text = text .. t end
    local attempt = { type = "attempt", operation = "tags.get", attempt = 1, method = "GET" }
    events.listener(nil, "info", write)(attempt)
    assert.equal("", text)
    events.listener(nil, "debug", write)(attempt)
    assert.equal("sendcloud tags.get attempt attempt=1 method=GET\n", text)
  end)
end)
