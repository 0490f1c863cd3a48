-- The in-process transport: the loop's methods over a sandbox's clock.

local tools = require "spec.sandbox.tools"
local transport = require "sendcloud.transport.sandbox"

local LIST = "/marketing/lists/listMembers"

after_each(tools.stop_all)

local function request(box, more)
  local out = {
    method = "POST", url = "http://127.0.0.1" .. LIST, body = "{}", timeout = 30,
    headers = { ["Content-Type"] = "application/json", Authorization = "Bearer " .. tools.token(box) },
  }
  for name, value in pairs(more or {}) do out[name] = value end
  return out
end

describe("the sandbox's transport", function()
  local box, carrier

  before_each(function()
    box = tools.start { clock = "2026-11-22 09:00:00", seed = 1 }
    carrier = transport.new(box)
  end)

  it("carries a request and its answer", function()
    local answer = assert(carrier:send(request(box)))
    assert.equal(200, answer.status)
    assert.truthy(answer.body:find('"total":0', 1, true))
    assert.truthy(answer.headers["content-type"]:find("json", 1, true))
    assert.equal(tostring(#answer.body), answer.headers["content-length"])
    local seen = box:requests()[1]
    assert.equal("application/json", seen.headers["content-type"])
    assert.equal("Bearer (hidden)", seen.headers.authorization)
  end)

  it("takes a path and a query in the place of a url", function()
    local asked = request(box, { path = LIST, query = "count=7" })
    asked.url = nil
    assert(carrier:send(asked))
    asked.query = nil
    assert(carrier:send(asked))
    assert.same({ LIST, "count=7" }, { box:requests()[1].path, box:requests()[1].query })
    assert.equal("", box:requests()[2].query)
    assert(carrier:send(request(box, { url = "https://a.example?x=1" })))
    assert.same({ "/", "x=1" }, { box:requests()[3].path, box:requests()[3].query })
  end)

  it("sleeps on the sandbox's clock", function()
    local before = carrier:now()
    assert(carrier:sleep(600))
    assert.equal("2026-11-22 09:10:00", box:clock())
    assert.equal(1795309800, carrier:time())
    assert(math.abs(carrier:now() - before - 600) < 1e-6)
    box:clock("2020-01-01")
    assert(carrier:now() >= before + 600 - 1e-6)
  end)

  it("waits for an answer that is delayed", function()
    box:fault { nth = 1, delay = 12.5 }
    assert.equal(200, carrier:send(request(box)).status)
    assert.equal(1795309200 + 12.5, box:time())
  end)

  it("gives up when the time for an answer is over", function()
    box:fault { nth = 1, delay = 31 }
    local answer, failure = carrier:send(request(box))
    assert.is_nil(answer)
    assert.same({ "timeout", "unknown" }, { failure.kind, failure.outcome })
    assert.equal(1795309230, box:time())
  end)

  it("lets delays of tasks side by side pass together", function()
    box:fault { delay = 10 }
    local order = {}
    local tasks = {}
    for i = 1, 5 do
      tasks[i] = carrier:spawn(function()
        local answer = carrier:send(request(box))
        order[#order + 1] = answer.status
        carrier:sleep(i)
        order[#order + 1] = i
      end)
    end
    for i = 1, 5 do assert(carrier:await(tasks[i])) end
    assert.equal("200 200 200 200 200 1 2 3 4 5", table.concat(order, " "))
    assert.equal(1795309215, box:time())
  end)

  it("cancels what is on its way", function()
    box:fault { delay = 10 }
    local failure
    local task = carrier:spawn(function()
      local _, why = carrier:send(request(box))
      failure = why
    end)
    carrier:sleep(1)
    carrier:cancel(task)
    carrier:await(task)
    assert.same({ "cancelled", "unknown" }, { failure.kind, failure.outcome })
  end)

  it("fails, and goes on sleeping, when the sandbox was stopped", function()
    box:stop()
    local answer, failure = carrier:send(request(box))
    assert.is_nil(answer)
    assert.same({ "network", "not_sent" }, { failure.kind, failure.outcome })
    local before = carrier:now()
    assert(carrier:sleep(30))
    assert(carrier:now() >= before + 30 - 1e-6)
    assert(carrier:time() > 0)
  end)

  it("has a sandbox of its own where none is given", function()
    local own = transport.new()
    local answer = assert(own:send(request(box, { headers = { Authorization = "Bearer any" } })))
    assert.equal(200, answer.status)
    own:close()
    own:close()
    assert.is_nil((own:send(request(box))))
  end)
end)
