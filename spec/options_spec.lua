local options = require "sendcloud.options"

describe("options", function()
  it("nobody knows are told, the first of the alphabet, with the nearest name", function()
    local known = { deadline = true, timeout = true }
    assert.is_nil(options.unknown("x.y", { deadline = 1 }, known))
    local err = options.unknown("x.y", { timout = 1, zebra = 2 }, known)
    assert.same({ "invalid", "x.y", "timout" }, { err.kind, err.operation, err.parameter })
    assert.equal('timout: unknown, did you mean "timeout"?', err.message)
    assert.equal("1", options.unknown(nil, { "x" }, known).parameter)
  end)

  it("that are seconds are numbers above 0", function()
    assert.is_nil(options.seconds("x.y", { a = 0.1, b = math.huge, c = "x" }, "a", "b", "d"))
    for _, value in ipairs { 0, -1, "1", 0 / 0, {}, true } do
      local err = options.seconds("x.y", { a = value }, "a")
      assert.same({ "invalid", "a" }, { err.kind, err.parameter })
    end
  end)

  it("of a call are deadline, timeout and reconcile", function()
    assert.is_nil(options.of_call("x.y"))
    assert.is_nil(options.of_call("x.y", { deadline = 1, timeout = 2, reconcile = false }))
    for _, given in ipairs { { reconcile = "yes" }, { timeout = 0 }, { deadline_at = 5 }, { read = print } } do
      assert.equal("invalid", options.of_call("x.y", given).kind)
    end
  end)
end)
