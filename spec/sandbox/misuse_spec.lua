-- What a script does wrongly with a box, and what it is told.

local sandbox = require "sendcloud.sandbox"
local tools = require "spec.sandbox.tools"

local function told(action)
  local ok, message = pcall(action)
  assert.is_false(ok)
  return tostring(message)
end

describe("a box", function()
  after_each(tools.stop_all)

  it("is not started with options that mean nothing", function()
    for name, values in pairs {
      port = { -1, 70000, 1.5, "80" }, seed = { 1.5, "x" }, path = { "" }, api_user = { "" },
      sed = { 1 },
    } do
      for _, value in ipairs(values) do
        local message = told(function() sandbox.start { [name] = value } end)
        assert.truthy(message:find(name, 1, true), message)
      end
    end
  end)

  it("names the file that it cannot keep its state in", function()
    local box, reason = sandbox.start { path = "/no/such/dir/x.db" }
    assert.is_nil(box)
    assert.truthy(reason:find("/no/such/dir/x.db", 1, true))
  end)

  it("is called with a colon, and not when it is stopped, at the caller's line", function()
    local box = tools.start()
    assert.truthy(told(function() box.reset() end):find("misuse_spec.*box:reset%(…%)"))
    assert.truthy(told(function() box.client {} end):find("box:client(…)", 1, true))
    box:stop()
    box:stop()
    for _, name in ipairs { "reset", "requests", "snapshot", "client", "clock" } do
      assert.truthy(told(function() box[name](box) end):find("misuse_spec.*it was stopped"), name)
    end
    assert.truthy(told(function() return box.url end):find("misuse_spec.*it was stopped"))
  end)

  it("takes no fault that does nothing", function()
    local box = tools.start()
    for _, rule in ipairs { {}, { operation = "members.upsert", nth = 2 }, { times = 3 } } do
      assert.truthy(told(function() box:fault(rule) end):find("nothing that goes wrong", 1, true))
    end
    box:fault { retry_after = 5, status = 429 }
    box:fault { rate = 5 }
    box:fault { headers = { ["X-A"] = "b" } }
    assert.truthy(told(function() box:fault { delay = -1 } end):find("from 0 to 1000000 ", 1, true))
  end)

  it("is asked for no requests that there cannot be", function()
    local box = tools.start()
    tools.ask(box, "POST", "/marketing/lists/listMembers", "{}")
    tools.ask(box, "GET", "/marketing/lists/tags")
    assert.equal(1, #box:requests { operation = "members.*" })
    assert.equal(1, #box:requests "tags.list")
    assert.equal(2, #box:requests { operation = "*" })
    assert.equal(1, #box:requests { last = 1 })
    assert.equal(0, #box:requests { last = 0 })
    for _, case in ipairs {
      { { operation = "members.lst" }, 'no operation "members.lst"' }, { "tags", 'no operation "tags"' },
      { { opertion = "members.list" }, 'no filter "opertion"' }, { { last = -1 }, "requests.last: a whole" },
      { { last = 0.5 }, "requests.last: a whole" }, { { last = "x" }, "requests.last: a whole" }, { 3, "a table" },
    } do
      local message = told(function() box:requests(case[1]) end)
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end)

  it("says what an option may be", function()
    for name, value in pairs { log_entries = -1, silence = 1.5, connections = "x", max_body = -1, log_bytes = 0 / 0 } do
      local message = told(function() sandbox.start { [name] = value } end)
      assert.truthy(message:find(("^%%S+misuse_spec.lua:%%d+: sandbox: %s: a whole number from 0 to %%d+ is needed$")
        :format(name)), message)
    end
    for _, options in ipairs { { segment_ms = 0.5 }, { segment_ms = 1e300 }, { segment_ms = 0 / 0 } } do
      assert.truthy(told(function() sandbox.start(options) end):find("segment_ms: a whole number", 1, true))
    end
  end)

  it("says what its methods need", function()
    local box = tools.start()
    for wanted, action in pairs {
      ["advance: a number of seconds, 0 or more, is needed"] = function() box:advance("x") end,
      ["load: the path of a CSV file is needed"] = function() box:load() end,
      ['event: "sent", "open" or "click" is needed'] = function() box:event(1, "a@x.org", "eaten") end,
      ["event: a campaign's number is needed"] = function() box:event(1.5, "a@x.org", "sent") end,
      ["event: an id, an address or a list of them is needed"] = function() box:event(1, { 5 }, "sent") end,
      ["campaign: a number is needed"] = function() box:campaign("x", "sent") end,
      ['campaign: "draft", "sending" or "sent" is needed'] = function() box:campaign(1) end,
      ["unsubscribe: an id or an address is needed"] = function() box:unsubscribe() end,
      ["field: a table with a name is needed"] = function() box:field {} end,
    } do
      local message = told(action)
      assert.truthy(message:find(wanted, 1, true) and message:find("misuse_spec.lua:%d"), message)
    end
  end)

  it("restores nothing but snapshots", function()
    local box = tools.start()
    local before = box:dump()
    assert.truthy(told(function() box:restore() end):find("snapshot", 1, true))
    assert.truthy(told(function() box:restore("junk") end):find("not a snapshot", 1, true))
    assert.equal(before, box:dump())
  end)

  it("loads no file without addresses", function()
    local box = tools.start()
    local path = os.tmpname()
    for _, text in ipairs { "", "\n\n", "mail,name\na@x.org,A\n" } do
      tools.write(path, text)
      local report, reason = box:load(path)
      assert.is_nil(report)
      assert.truthy(reason:find(path .. ": no column", 1, true), reason)
    end
    tools.write(path, "Name,EMAIL\nA,a@x.org\n")
    assert.equal(1, box:load(path).inserted)
    os.remove(path)
  end)

  it("shares its file with nobody", function()
    local path = os.tmpname()
    os.remove(path)
    local one = tools.start { path = path }
    local two, reason = sandbox.start { path = path }
    assert.is_nil(two)
    assert.truthy(reason:find(path .. ": another program has it open", 1, true), reason)
    assert.equal(200, (tools.ask(one, "POST", "/marketing/lists/members",
      '{"members":[{"email":"a@x.org"}],"updateExisting":true}')))
    one:stop()
    two = tools.start { path = path }
    assert.truthy(two:dump():find("a@x.org", 1, true))
    two:stop()
    os.remove(path)
  end)
end)

describe("sandbox.serve", function()
  it("raises what keeps it from starting at the caller's line", function()
    for _, case in ipairs {
      { { prot = 1 }, 'there is no option "prot"' }, { { address = "0.0.0.0" }, "exposed = true" },
      { 8025, "a table is needed" }, { { port = tools.start().url:match("%d+$") + 0 }, "in use" },
    } do
      local message = told(function() sandbox.serve(case[1]) end)
      assert.truthy(message:find("misuse_spec.lua:%d+: ") and message:find(case[2], 1, true), message)
    end
    tools.stop_all()
  end)
end)
