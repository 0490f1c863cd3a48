-- core.utf8_length and core.encode_path.

local core = require "sendcloud.core"

local function bytes(hex)
  return (hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)
    :gsub("%s", ""))
end

describe("utf8_length", function()
  it("counts code points, not bytes", function()
    assert.equal(0, core.utf8_length(""))
    assert.equal(3, core.utf8_length("abc"))
    assert.equal(3, core.utf8_length("朱锁锁"))
    assert.equal(2, core.utf8_length("é\0"))
    assert.equal(1, core.utf8_length(bytes "f0 9f 98 80"))
    assert.equal(1000, core.utf8_length(("李"):rep(1000)))
    assert.equal(17, core.utf8_length("abcdefghijklmnop李"))
  end)

  it("takes the first and last sequence of each length", function()
    for _, hex in ipairs { "7f", "c2 80", "df bf", "e0 a0 80", "ed 9f bf", "ee 80 80", "ef bf bf",
      "f0 90 80 80", "f4 8f bf bf" } do
      assert.equal(1, core.utf8_length(bytes(hex)), hex)
    end
  end)

  it("names the first byte that does not belong", function()
    for hex, position in pairs {
      ["80"] = 1, ["bf"] = 1, ["c0 80"] = 1, ["c1 bf"] = 1, ["c2"] = 1, ["c2 41"] = 1,
      ["e0 9f bf"] = 1, ["e0 a0"] = 1, ["e4 b8 41"] = 1, ["ed a0 80"] = 1, ["ed bf bf"] = 1,
      ["f0 8f bf bf"] = 1, ["f0 90 80"] = 1, ["f4 90 80 80"] = 1, ["f5 80 80 80"] = 1,
      ["fe"] = 1, ["ff"] = 1, ["41 42 ff"] = 3, ["e6 9d 8e ff"] = 4,
      ["41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 c3"] = 18,
    } do
      local count, bad = core.utf8_length(bytes(hex))
      assert.is_nil(count, hex)
      assert.equal(position, bad, hex)
    end
  end)

  it("wants a string", function()
    assert.has_error(function() core.utf8_length(12) end)
    assert.has_error(function() core.utf8_length() end)
  end)
end)

describe("encode_path", function()
  it("leaves only what RFC 3986 calls unreserved", function()
    assert.equal("", core.encode_path(""))
    assert.equal("azAZ09-._~", core.encode_path("azAZ09-._~"))
    assert.equal("%20%21%2F%3F%23%25%26%3D%2B%40%5B%7B%7F%00",
      core.encode_path(" !/?#%&=+@[{\127\0"))
    assert.equal("%E6%95%99", core.encode_path("教"))
    assert.equal(("%FF"):rep(1000), core.encode_path(("\255"):rep(1000)))
  end)

  it("encodes every byte so that it can be decoded", function()
    for code = 0, 255 do
      local text = core.encode_path(string.char(code))
      local back = text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
      assert.equal(string.char(code), back)
    end
  end)
end)
