local space = require "sendcloud.space"

describe("trimming", function()
  it("takes white space off both ends and no more", function()
    for text, trimmed in pairs {
      [""] = "", [" "] = "", ["\t\r\n "] = "", ["a"] = "a", [" a"] = "a", ["a\n"] = "a",
      ["  a  b\0 c "] = "a  b\0 c", ["\0"] = "\0", ["李 "] = "李",
    } do
      assert.equal(trimmed, space.trim(text))
    end
  end)

  -- A pattern that takes time by the square would take hours here.
  it("takes long texts", function()
    local gap = (" "):rep(2e6)
    assert.equal("a" .. gap .. "b", space.trim(gap .. "a" .. gap .. "b" .. gap))
    assert.equal("", space.trim(gap))
  end)
end)
