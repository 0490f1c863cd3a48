-- The log: what is kept of a request, and what is not.

local tools = require "spec.sandbox.tools"

local LIST = "/marketing/lists/listMembers"

after_each(tools.stop_all)

describe("box:requests", function()
  it("tells all of a request and its answer", function()
    local box = tools.start()
    box:clock("2026-11-22 09:00:00")
    tools.ask(box, "POST", LIST .. "?count=5&offset=0", "{}",
      { "X-Mine: a: b", "Authorization: Bearer " .. tools.token(box) })
    local seen = box:requests()[1]
    assert.same({ 1, "members.list", "sendcloud", "POST", LIST, "count=5&offset=0", "{}", 200 }, {
      seen.number, seen.operation, seen.provider, seen.method, seen.path, seen.query, seen.body,
      seen.status,
    })
    assert.equal(1795309200, seen.time)
    assert.equal("a: b", seen.headers["x-mine"])
    assert.equal("a: b", seen.headers["X-MINE"])
    assert.truthy(seen.answer:find('"total":0', 1, true))
    assert.truthy(seen.answer_headers["content-type"]:find("json", 1, true))
    assert.is_nil(seen.fault)
  end)

  it("never tells a secret", function()
    local box = tools.start()
    local token = tools.token(box)
    for _, value in ipairs {
      "Bearer " .. token, "bearer  " .. token, "Basic " .. token, "Basic\t" .. token, token, " " .. token,
      "Bearer:" .. token,
    } do
      tools.ask(box, "POST", LIST, "{}", { "authorization: " .. value, "Proxy-Authorization: " .. value,
        "cookie: key=" .. token })
    end
    tools.curl("-H", "Authorization:Bearer   " .. token, "-b", "k=" .. token, box.url .. LIST)
    local seen = box:requests()
    assert.equal(8, #seen)
    for _, request in ipairs(seen) do
      for name, value in pairs(request.headers) do
        assert.is_nil(value:find(token, 1, true), name)
      end
      assert.truthy(request.headers.authorization:find("(hidden)", 1, true))
    end
    assert.equal("Bearer (hidden)", seen[1].headers.authorization)
  end)

  it("gives an operation's, or the last ones, oldest first", function()
    local box = tools.start()
    for i = 1, 4 do
      tools.ask(box, "POST", LIST .. "?count=" .. i, "{}")
      tools.ask(box, "GET", "/marketing/lists/tags?count=" .. i)
    end
    local function queries(filter)
      local out = {}
      for i, request in ipairs(box:requests(filter)) do out[i] = request.query end
      return table.concat(out, " ")
    end
    assert.equal(8, #box:requests())
    assert.equal("count=4 count=4", queries { last = 2 })
    assert.equal("count=3 count=4", queries { operation = "members.list", last = 2 })
    assert.equal("count=1 count=2 count=3 count=4", queries { operation = "tags.list" })
    assert.equal("count=1 count=2 count=3 count=4", queries "tags.list")
    assert.equal("", queries { operation = "tags.create" })
    assert.equal("", queries { last = 0 })
    assert.equal(8, box:requests { last = 1 }[1].number)
  end)

  it("has what led nowhere and what was reset", function()
    local box = tools.start()
    tools.ask(box, "GET", "/nowhere")
    box:fault { reset = "after" }
    tools.ask(box, "POST", LIST, "{}")
    local seen = box:requests()
    assert.is_nil(seen[1].operation)
    assert.equal(404, seen[1].status)
    assert.same({ "reset after", "members.list" }, { seen[2].fault, seen[2].operation })
    assert.is_nil(seen[2].status)
    assert.is_nil(seen[2].answer)
  end)

  it("keeps so many, and so many bytes", function()
    local box = tools.start { log_entries = 3 }
    for i = 1, 5 do tools.ask(box, "POST", LIST .. "?count=" .. i, "{}") end
    assert.equal(3, #box:requests())
    assert.equal(3, box:requests()[1].number)
    box = tools.start { log_bytes = 20000 }
    for _ = 1, 5 do tools.ask(box, "POST", LIST, ("x"):rep(7000)) end
    assert.equal(2, #box:requests())
    tools.ask(box, "POST", LIST, ("x"):rep(30000))
    assert.equal(2, #box:requests())
    tools.ask(box, "POST", LIST, "{}")
    assert.equal(7, box:requests { last = 1 }[1].number)
  end)

  it("is empty after a reset", function()
    local box = tools.start()
    tools.ask(box, "POST", LIST, "{}")
    box:reset()
    assert.same({}, box:requests())
    tools.ask(box, "POST", LIST, "{}")
    assert.equal(1, box:requests()[1].number)
  end)

  it("keeps any bytes", function()
    local box = tools.start()
    tools.ask(box, "POST", LIST, "\0\255{\n")
    assert.equal("\0\255{\n", box:requests()[1].body)
  end)
end)
