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
end)
