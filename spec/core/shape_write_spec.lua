-- shape:write and shape:write_query: every node type, every limit, every message.

local core = require "sendcloud.core"

local function write(node, value)
  return core.shape(node):write(value)
end

-- The value is refused at this path with this reason, and nothing of it is said.
local function refused(node, value, path, reason, code)
  local text, where, why, what = write(node, value)
  assert.is_nil(text)
  assert.equal(reason, why)
  assert.equal(path, where)
  if code then assert.equal(code, what) end
end

local function field(attributes)
  attributes.name = attributes.name or "x"
  return { type = "record", attributes }
end

local huge, nan = math.huge, 0 / 0

describe("a string", function()
  it("goes out escaped and is otherwise left alone", function()
    for value, json in pairs {
      [""] = '""', a = '"a"', ['say "hi"'] = '"say \\"hi\\""', ["a\\b"] = '"a\\\\b"', ["a/b"] = '"a/b"',
      ["\b\f\n\r\t\11\0\31\127"] = '"\\b\\f\\n\\r\\t\\u000B\\u0000\\u001F\127"',
      ["李 é 😀"] = '"李 é 😀"',
    } do
      assert.equal(json, write({ type = "string" }, value))
    end
  end)

  it("is escaped wherever the odd character stands", function()
    for length = 0, 40 do
      for at = 0, length do
        for odd, json in pairs { ['"'] = '\\"', ["\n"] = "\\n", ["é"] = "é" } do
          local before, behind = ("x"):rep(at), ("y"):rep(length - at)
          assert.equal('"' .. before .. json .. behind .. '"',
            write({ type = "string" }, before .. odd .. behind))
        end
      end
    end
  end)

  it("must be a string", function()
    refused({ type = "string" }, 12, "", "must be text, got a number", "type")
    refused({ type = "string" }, true, "", "must be text, got a boolean")
    refused({ type = "string" }, {}, "", "must be text, got a table")
    refused({ type = "string" }, print, "", "must be text, got a function")
    refused({ type = "string" }, nil, "", "must be text, got nothing")
    refused({ type = "string" }, core.buffer(), "", "must be text, got an object of Lua")
    refused({ type = "string" }, core.null, "", "null is not allowed here", "null")
  end)

  it("is counted in code points", function()
    local node = { type = "string", min = 1, max = 64, what = "tag name" }
    assert(write(node, ("李"):rep(64)))
    refused(node, ("李"):rep(65), "", "at most 64 characters, got 65 (tag name)", "length")
    refused(node, ("x"):rep(65), "", "at most 64 characters, got 65 (tag name)")
    refused(node, "", "", "at least 1 character, got 0 (tag name)")
    assert(write(node, ('"'):rep(64)))
    refused(node, ('"'):rep(65), "", "at most 64 characters, got 65 (tag name)")
  end)

  it("may forbid characters", function()
    local node = { type = "string", forbid = "^?+.*\\[]()\0\n" }
    assert(write(node, "a-b_c 李"))
    for char in ("^?+.*\\[]()"):gmatch(".") do
      refused(node, "ab" .. char .. "c", "", "must not contain " .. char, "forbidden")
    end
    refused(node, "a\0b", "", "must not contain the character 0x00")
    refused(node, "a\n", "", "must not contain the character 0x0A")
  end)

  it("must be UTF-8, in every place where text can stand", function()
    local bad = "abcdefghijklmnopqrst\255"
    refused({ type = "string" }, bad, "", "not UTF-8 at byte 21", "utf8")
    refused(field { type = "string" }, { x = bad }, "x", "not UTF-8 at byte 21")
    refused({ type = "list", of = { type = "string" } }, { "a", bad }, "[2]", "not UTF-8 at byte 21")
    refused({ type = "map" }, { k = bad }, "k", "not UTF-8 at byte 21")
    refused({ type = "map" }, { ["k\255"] = "v" }, "k?", "not UTF-8 at byte 2")
    refused({ type = "any" }, { { bad } }, "[1][1]", "not UTF-8 at byte 21")
    refused({ type = "any" }, { a = { ["\237\160\128"] = 1 } }, "a.???", "not UTF-8 at byte 1")
    refused({ type = "string", values = { a = "1" } }, bad, "", 'must be one of "a"')
    refused(field { type = "string" }, { ["\255"] = "v" }, "?", "unknown", "unknown")
  end)
end)

describe("an integer", function()
  it("goes out without a point on every Lua", function()
    for value, json in pairs { [0] = "0", [12.0] = "12", [-7] = "-7", [2 ^ 53] = "9007199254740992",
      [-2 ^ 53] = "-9007199254740992", [1e15] = "1000000000000000" } do
      assert.equal(json, write({ type = "integer" }, value))
    end
    assert.equal("0", write({ type = "integer" }, -0.0))
  end)

  it("is exact where the Lua has 64 bits", function()
    if not math.type then return end
    assert.equal("9223372036854775807", write({ type = "integer" }, math.maxinteger))
    assert.equal("-9223372036854775808", write({ type = "integer" }, math.mininteger))
  end)

  it("must be one", function()
    refused({ type = "integer" }, 1.5, "", "must be an integer, got a fraction", "number")
    refused({ type = "integer" }, 1e300, "", "must be an integer, got one out of range")
    refused({ type = "integer" }, huge, "", "must be a finite number")
    refused({ type = "integer" }, -huge, "", "must be a finite number")
    refused({ type = "integer" }, nan, "", "must be a finite number")
    refused({ type = "integer" }, "12", "", "must be an integer, got text")
    refused({ type = "integer" }, core.null, "", "null is not allowed here")
  end)

  it("has a range", function()
    local node = { type = "integer", min = 1, max = 100 }
    assert.equal("1", write(node, 1))
    assert.equal("100", write(node, 100))
    refused(node, 0, "", "at least 1, got 0", "range")
    refused(node, 101, "", "at most 100, got 101")
    refused({ type = "integer", min = 0 }, -1, "", "at least 0, got -1")
  end)
end)

describe("numbers and booleans", function()
  it("are strict", function()
    assert.equal("1.5", write({ type = "number" }, 1.5))
    assert.equal("12", write({ type = "number" }, 12.0))
    assert.equal("true", write({ type = "boolean" }, true))
    assert.equal("false", write({ type = "boolean" }, false))
    refused({ type = "number" }, "1.5", "", "must be a number, got text")
    refused({ type = "number" }, huge, "", "must be a finite number")
    refused({ type = "number" }, nan, "", "must be a finite number")
    refused({ type = "boolean" }, 1, "", "must be true or false, got a number")
    refused({ type = "boolean" }, "true", "", "must be true or false, got text")
  end)

  it("read back as what they were, whatever the locale", function()
    local shape = core.shape { type = "number" }
    local before = os.setlocale(nil, "numeric")
    for _, locale in ipairs { "C", "de_DE.UTF-8", "fr_FR.UTF-8" } do
      if os.setlocale(locale, "numeric") then
        for _, value in ipairs { 0.1, 1 / 3, -2.5, 1e-7, 5e-5, -1.2345678901234567e-18, 1.7e20, 1e300,
          5e-324, 1.7976931348623157e308, 123456.789 } do
          local text = assert(shape:write(value))
          assert(not text:find(",", 1, true), text)
          assert.equal(value, (shape:read(text)))
        end
      end
    end
    os.setlocale(before, "numeric")
    assert.equal("0.1", shape:write(0.1))
    assert.equal("1e+300", shape:write(1e300))
  end)
end)

describe("a record", function()
  local node = { type = "record",
    { name = "email", type = "string", required = true },
    { name = "phone", type = "string", nullable = true },
    { name = "tag_mode", wire = { "tagFlag", "flag" }, type = "integer", default = "append",
      values = { append = 1, replace = 0 } },
    { name = "id", type = "string", write = false } }

  it("goes out in the order of its fields under their first wire names", function()
    assert.equal('{"email":"a","phone":"1","tagFlag":0}',
      write(node, { tag_mode = "replace", phone = "1", email = "a" }))
    assert.equal('{"email":"a","tagFlag":1}', write(node, { email = "a" }))
    assert.equal('{"email":"a","phone":null,"tagFlag":1}', write(node, { email = "a", phone = core.null }))
    assert.equal("{}", write({ type = "record" }, {}))
  end)

  it("names the field that is missing or unknown", function()
    refused(node, {}, "email", "required", "required")
    refused(node, { email = core.null }, "email", "null is not allowed here")
    refused(node, { email = "a", emial = "b" }, "emial", 'unknown, did you mean "email"?', "unknown")
    refused(node, { email = "a", Phone = "b" }, "Phone", 'unknown, did you mean "phone"?')
    refused(node, { email = "a", tagMode = 1 }, "tagMode", 'unknown, did you mean "tag_mode"?')
    refused(node, { email = "a", xyzzy = "b" }, "xyzzy", "unknown")
    refused(node, { email = "a", id = "b" }, "id", "unknown")
    refused(node, { email = "a", tagFlag = 1 }, "tagFlag", "unknown")
    refused(node, { email = "a", [1] = "b" }, "", "a key must be text, got a number", "key")
    refused(node, { email = "a", [true] = "b" }, "", "a key must be text, got a boolean")
    refused({ type = "record" }, { [true] = 1 }, "", "a key must be text, got a boolean")
    refused({ type = "record" }, { 1 }, "", "a key must be text, got a number")
    refused({ type = "record" }, { [core.null] = 1 }, "", "a key must be text, got null")
  end)

  it("finds unknown keys whatever else there is", function()
    local shape = core.shape(node)
    for _ = 1, 3 do
      assert(shape:write { email = "a", phone = "b" })
      assert.is_nil((shape:write { email = "a", phone = "b", x = "c" }))
      assert.is_nil((shape:write { phone = "b", x = "c" }))
      assert(shape:write { email = "a" })
    end
  end)

  it("must be a table", function()
    refused(node, 5, "", "must be a table, got a number")
    refused(node, nil, "", "must be a table, got nothing")
    refused(node, core.null, "", "null is not allowed here")
    assert.equal("null", write({ type = "record", nullable = true }, core.null))
  end)

  it("is read raw: no metamethod runs", function()
    local value = setmetatable({ email = "a" }, { __index = error, __pairs = error, __len = error })
    assert.equal('{"email":"a","tagFlag":1}', write(node, value))
  end)

  it("may be open", function()
    local open = { type = "record", open = true, { name = "a", type = "string" } }
    assert.equal('{"a":"1"}', write(open, { b = 2, a = "1", [1] = {}, [true] = print, c = 3 }))
    assert.equal("{}", write(open, { b = 2 }))
  end)

  it("does not show an odd key as it is", function()
    local _, path = write(node, { email = "a", ["x\r\ny"] = 1 })
    assert.equal("x??y", path)
    _, path = write(node, { email = "a", [("k"):rep(500)] = 1 })
    assert.equal(("k"):rep(64), path)
  end)
end)

describe("a list", function()
  local node = { type = "list", min = 1, max = 3, of = { type = "string" } }

  it("is always []", function()
    assert.equal("[]", write({ type = "list", of = { type = "string" } }, {}))
    assert.equal('["a","b"]', write(node, { "a", "b" }))
    assert.equal("[[],[1]]", write({ type = "list", of = { type = "list", of = { type = "integer" } } }, { {}, { 1 } }))
  end)

  it("may have been filled in any order", function()
    local value = {}
    for _, i in ipairs { 5, 1, 4, 2, 3 } do value[i] = i end
    assert.equal("[1,2,3,4,5]", write({ type = "list", of = { type = "integer" } }, value))
    value = { x = 1, y = 2, z = 3 }
    value.x, value.y, value.z = nil, nil, nil
    for i = 3, 1, -1 do value[i] = i end
    assert.equal("[1,2,3]", write({ type = "list", of = { type = "integer" } }, value))
  end)

  it("has neither holes nor names", function()
    refused(node, { "a", nil, "c" }, "", "must be a list without holes", "list")
    refused(node, { [2] = "a" }, "", "must be a list without holes")
    refused(node, { "a", x = "b" }, "", "must be a list, got a table with names")
    refused(node, { x = "b" }, "", "must be a list, got a table with names")
    refused(node, { [0] = "a" }, "", "must be a list, got a table with other keys")
    refused(node, { [1.5] = "a" }, "", "must be a list, got a table with other keys")
    refused(node, { [true] = "a" }, "", "must be a list, got a table with other keys")
    refused(node, { "a", [1e300] = "b" }, "", "must be a list without holes")
    refused(node, "a", "", "must be a list, got text")
  end)

  it("has a length", function()
    refused(node, {}, "", "at least 1 item, got 0", "length")
    refused(node, { "a", "b", "c", "d" }, "", "at most 3 items, got 4")
    local sparse = {}
    for i = 4, 1, -1 do sparse[i] = "x" end
    refused(node, sparse, "", "at most 3 items, got 4")
  end)

  it("names the item that is wrong", function()
    refused(node, { "a", 5 }, "[2]", "must be text, got a number")
    refused(node, { "a", core.null }, "[2]", "null is not allowed here")
    refused({ type = "list", of = { type = "string", nullable = true } }, { 5 }, "[1]",
      "must be text, got a number")
    assert.equal('[null,"a"]', write({ type = "list", of = { type = "string", nullable = true } }, { core.null, "a" }))
    refused({ type = "record", { name = "members", type = "list", of = { type = "record",
      { name = "tags", type = "list", of = { type = "string" } } } } },
      { members = { {}, { tags = { "a", "b", false } } } }, "members[2].tags[3]",
      "must be text, got a boolean")
  end)
end)

describe("an enumeration", function()
  local text = { type = "string", values = { ready = "2", failed = "-1" } }
  local integer = { type = "integer", values = { append = 1, replace = 0 } }

  it("takes the Lua name and the wire's own value", function()
    assert.equal('"2"', write(text, "ready"))
    assert.equal('"-1"', write(text, "-1"))
    assert.equal("0", write(integer, "replace"))
    assert.equal("1", write(integer, 1.0))
  end)

  it("names the words there are", function()
    refused(text, "redy", "", 'must be one of "failed", "ready"', "value")
    refused(text, 2, "", "must be text, got a number")
    refused(integer, "keep", "", 'must be one of "append", "replace"')
    refused(integer, 2, "", 'must be one of "append", "replace"')
    refused(integer, "1", "", 'must be one of "append", "replace"')
    refused(integer, true, "", "must be an integer, got a boolean")
    refused(integer, core.null, "", "null is not allowed here")
    assert.equal("null", write({ type = "integer", nullable = true, values = { a = 1 } }, core.null))
    assert.equal("null", write({ type = "string", nullable = true, values = { a = "1" } }, core.null))
  end)
end)

describe("a buffer", function()
  it("gets what is written behind what it has, and keeps that when it fails", function()
    local shape, out = core.shape(field { type = "string" }), core.buffer()
    assert.equal(out, shape:write({ x = "1" }, out))
    assert.equal(out, shape:write({ x = "2" }, out))
    assert.is_nil((shape:write({ x = 3 }, out)))
    assert.equal('{"x":"1"}{"x":"2"}', tostring(out))
  end)

  it("is not filled beyond its cap", function()
    local shape = core.shape { type = "list", of = { type = "string" } }
    local value = { ("x"):rep(50), ("é"):rep(25), ('"'):rep(25) }
    local size = #assert(shape:write(value))
    assert(shape:write(value, core.buffer(size)))
    for cap = 0, size - 1 do
      local out = core.buffer(cap)
      local text, path, reason, code = shape:write(value, out)
      assert.is_nil(text)
      assert.equal("", path)
      assert.equal(("more than %d bytes"):format(cap), reason)
      assert.equal("size", code)
      assert.equal(0, #out)
    end
  end)

  it("is not needed for anything large", function()
    local shape = core.shape { type = "list", of = { type = "string" } }
    local value = {}
    for i = 1, 20000 do value[i] = ("x"):rep(i % 40) end
    local text = assert(shape:write(value))
    assert.same(value, (shape:read(text)))
    assert.equal('["a"]', shape:write { "a" })
  end)
end)

describe("write_query", function()
  local shape = core.shape { type = "record",
    { name = "offset", type = "integer", min = 0, default = 0 },
    { name = "count", wire = "limit", type = "integer", min = 1, max = 100 },
    { name = "name", type = "string", min = 1, max = 3, forbid = "?", nullable = true },
    { name = "all", type = "boolean" },
    { name = "kind", type = "string", values = { vip = "v i p" } } }

  it("encodes and checks like a body", function()
    assert.equal("offset=0", shape:write_query {})
    assert.equal("offset=5&limit=10&name=%E6%95%99%20%26&all=true&kind=v%20i%20p",
      shape:write_query { kind = "vip", all = true, name = "教 &", count = 10.0, offset = 5 })
    assert.equal("", core.shape { type = "record", { name = "a", type = "string" } }:write_query {})
    for _, case in ipairs {
      { { count = 101 }, "count", "at most 100, got 101" },
      { { offset = -1 }, "offset", "at least 0, got -1" },
      { { name = "" }, "name", "at least 1 character, got 0" },
      { { name = "教教教教" }, "name", "at most 3 characters, got 4" },
      { { name = "a?" }, "name", "must not contain ?" },
      { { name = "\255" }, "name", "not UTF-8 at byte 1" },
      { { name = 5 }, "name", "must be text, got a number" },
      { { name = core.null }, "name", "null is not allowed here" },
      { { kind = "x" }, "kind", 'must be one of "vip"' },
      { { nam = "x" }, "nam", 'unknown, did you mean "name"?' },
      { 5, "", "must be a table, got a number" },
      { core.null, "", "null is not allowed here" },
    } do
      local text, path, reason = shape:write_query(case[1])
      assert.is_nil(text)
      assert.equal(case[2], path)
      assert.equal(case[3], reason)
    end
  end)

  it("is for flat records only", function()
    assert.has_error(function() core.shape { type = "string" }:write_query("x") end)
    assert.has_error(function()
      core.shape { type = "record", { name = "a", type = "map" } }:write_query {}
    end)
  end)
end)
