local nearest = require "sendcloud.nearest"

describe("the nearest name", function()
  local known = { api_user = true, api_key = true, timeout = true, deadline = true, rate = true }

  it("is found for a slip", function()
    assert.equal("timeout", nearest.name("timout", known))
    assert.equal("timeout", nearest.name("Timeout", known))
    assert.equal("api_key", nearest.name("apikey", known))
    assert.equal("deadline", nearest.name("dedline", known))
  end)

  it("is none for another word", function()
    assert.is_nil(nearest.name("frobnicate", known))
    assert.is_nil(nearest.name("like", { "le", "contain" }))
    assert.is_nil(nearest.name("x", known))
    assert.is_nil(nearest.name(("timeout"):rep(20), known))
    assert.is_nil(nearest.name(1, known))
  end)

  it("takes an array too", function()
    assert.equal("members.list", nearest.name("member.list", { "members.list", "tags.list" }))
  end)

  it("is the same every time", function()
    for _ = 1, 20 do assert.equal("aab", nearest.name("aax", { aaz = 1, aab = 1, aay = 1 })) end
  end)

  it("is told", function()
    assert.equal('unknown, did you mean "rate"?', nearest.unknown("rat", known))
    assert.equal("unknown; known: api_key, api_user, deadline, rate, timeout",
      nearest.unknown("zzzzzz", known))
    assert.equal("unknown; known: a, b", nearest.unknown("zzzzzz", { "b", "a" }))
    assert.equal("unknown", nearest.unknown("zzzzzz", {}))
    local many = {}
    for index = 1, 13 do many["name" .. index] = true end
    assert.equal("unknown", nearest.unknown("zzzzzz", many))
  end)

  it("is shown short and on one line", function()
    assert.equal("a??[31m", nearest.shown("a\n\27[31m"))
    assert.equal(64, #nearest.shown(("x"):rep(1e6)))
    assert.equal("true", nearest.shown(true))
  end)
end)
