local check = require "sendcloud.check"

describe("checks", function()
  it("of whole numbers know both ends, and what is no number", function()
    local small = check.integer(1, 60)
    for _, value in ipairs { 1, 60, 2.0 } do assert.is_nil(small(value)) end
    for _, value in ipairs { 0, 61, 1.5, "1", 0 / 0, 1 / 0, -1 / 0, true, {} } do
      assert.equal("must be a whole number from 1 to 60", small(value))
    end
    assert.is_nil(check.integer(0, 2 ^ 53)(2 ^ 53))
  end)

  it("of types say what came instead", function()
    assert.is_nil(check.kind "table" {})
    assert.equal("must be a function, got string", check.kind "function" "print")
    assert.is_nil(check.boolean(false))
    assert.equal("must be true or false", check.boolean(0))
    assert.is_nil(check.any {})
  end)

  it("of words list them", function()
    assert.is_nil(check.one_of("a", "b")("b"))
    assert.equal('must be "a"', check.one_of("a")("b"))
    assert.equal('must be "a" or "b"', check.one_of("a", "b")("c"))
    assert.equal('must be "csv", "tsv" or "jsonl"', check.one_of("csv", "tsv", "jsonl") {})
  end)

  it("of options tell the first thing wrong by the alphabet", function()
    local checks = { batch = check.integer(1, 9), limit = check.integer(0, 9) }
    assert.is_nil(check.options({ batch = 1, limit = 0 }, checks))
    assert.same({ "batch", "must be a whole number from 1 to 9" },
      { check.options({ limit = -1, batch = 0 }, checks) })
    assert.same({ "limt", 'unknown, did you mean "limit"?' },
      { check.options({ limt = 1 }, checks) })
    assert.same({ "1", "unknown; known: batch, limit" }, { check.options({ "x" }, checks) })
    local name = check.options({ [("\n"):rep(500)] = 1 }, checks)
    assert.equal(("?"):rep(64), name)
  end)
end)
