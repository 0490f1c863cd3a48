local errors = require "sendcloud.errors"

describe("error objects", function()
  local err = errors.new {
    kind = "rate_limited", message = "slow down", operation = "members.upsert", status = 429,
    attempts = 3, retry_after = 2,
  }

  it("read as one line", function()
    assert.equal("members.upsert: slow down (rate_limited, HTTP 429, 3 attempts)", tostring(err))
  end)

  it("tell the provider's code and an unknown outcome", function()
    local unknown = errors.new {
      kind = "server", message = "it broke", operation = "tags.create", status = 500,
      code = 50000, outcome = "unknown", attempts = 1,
    }
    assert.equal("tags.create: it broke (server, HTTP 500, code 50000, outcome unknown)",
      tostring(unknown))
  end)

  it("stay on one line whatever the service wrote", function()
    local text = tostring(errors.new { kind = "rejected", message = "a\r\nb\27[31m\0c" })
    assert.is_nil(text:find("%c"))
  end)

  it("join with text on both sides", function()
    local line = tostring(err)
    assert.equal("failed: " .. line, "failed: " .. err)
    assert.equal(line .. "!", err .. "!")
    assert.equal(line .. line, err .. err)
  end)

  it("are told from other tables", function()
    assert.is_true(errors.is(err))
    assert.is_false(errors.is { kind = "x" })
    assert.is_false(errors.is "text")
    assert.is_false(errors.is(nil))
  end)

  it("name the parameter they refuse", function()
    local invalid = errors.invalid("members.upsert", "members[17].email", "required")
    assert.same({ "invalid", "members[17].email", "members[17].email: required", "members.upsert" },
      { invalid.kind, invalid.parameter, invalid.message, invalid.operation })
  end)

  it("refuse a whole without a name", function()
    local invalid = errors.invalid("x.y", "", "contains itself")
    assert.is_nil(invalid.parameter)
    assert.equal("contains itself", invalid.message)
  end)
end)

describe("misuse", function()
  local function method(value)
    errors.check_type(value, "function", "on_progress")
  end
  local function object_method(ok)
    errors.check_self(ok, "client.members:get(id)")
  end
  local function raising()
    errors.misuse("not so")
  end

  it("is raised at the line of the caller", function()
    for _, f in ipairs { method, object_method, raising } do
      local line
      local ok, message = pcall(function()
        line = debug.getinfo(1, "l").currentline + 1
        f(nil)
      end)
      assert.is_false(ok)
      assert.truthy(message:find("errors_spec.lua:" .. line .. ":", 1, true), message)
    end
  end)

  it("says what is wanted", function()
    local _, message = pcall(method, 5)
    assert.truthy(message:find("on_progress must be a function, got number", 1, true))
  end)

  it("lets through what is right", function()
    method(print)
    errors.check_type(nil, "table", "options", true)
    object_method(true)
  end)
end)
