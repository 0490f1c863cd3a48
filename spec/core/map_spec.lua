-- Maps of text: what a contact's own fields become, and what they are read as.

local core = require "sendcloud.core"

local map = core.shape { type = "map" }

local function write(value, attributes)
  local node = attributes or {}
  node.type = "map"
  return core.shape(node):write(value)
end

describe("a map, written,", function()
  it("has values of text, always", function()
    assert.equal('{"a":"x"}', write { a = "x" })
    assert.equal('{"a":"12"}', write { a = 12 })
    assert.equal('{"a":"12"}', write { a = 12.0 })
    assert.equal('{"a":"1.5"}', write { a = 1.5 })
    assert.equal('{"a":"-0.1"}', write { a = -0.1 })
    assert.equal('{"a":"9007199254740992"}', write { a = 2 ^ 53 })
    assert.equal('{"a":"0.00005"}', write { a = 5e-5 })
    assert.equal('{"a":"-0.00000012345"}', write { a = -1.2345e-7 })
    assert.equal('{"a":"100000000000000000000"}', write { a = 1e20 })
    assert.equal('{"a":"-10000000000000000"}', write { a = -1e16 })
    assert.equal('{"a":"true","b":"false"}', write { a = true, b = false })
    assert.equal("{}", write {})
    assert.equal('{"a":null}', write({ a = core.null }, { nullable = true }))
    assert.equal("null", write(core.null, { nullable = true }))
  end)

  it("is in the order of its names' bytes", function()
    local value = {}
    for _, name in ipairs { "b", "Age", "a", "City", "ab", "李", "A", "Aga" } do value[name] = "1" end
    local wanted = '{"A":"1","Aga":"1","Age":"1","City":"1","a":"1","ab":"1","b":"1","李":"1"}'
    local shape = core.shape { type = "map" }
    for _ = 1, 3 do assert.equal(wanted, shape:write(value)) end
    assert.equal('{"City":"1","x":"1"}', shape:write { x = "1", City = "1" })
  end)

  it("refuses what is no text", function()
    for reason, value in pairs {
      ["must be text, a number or a boolean, got a table"] = {},
      ["must be text, a number or a boolean, got a function"] = print,
      ["null is not allowed here"] = core.null,
      ["must be a finite number"] = 1 / 0,
      ["not UTF-8 at byte 2"] = "a\255",
    } do
      -- twice: the second time the name is a learned one
      local shape = core.shape { type = "map" }
      for _ = 1, 2 do
        local text, path, why = shape:write { name = value }
        assert.is_nil(text)
        assert.equal("name", path)
        assert.equal(reason, why)
        assert(shape:write { name = "good" })
      end
    end
    local own = {}
    own.self = own
    assert.is_nil((write(own)))
  end)

  it("refuses odd names", function()
    local shape = core.shape { type = "map" }
    for _ = 1, 2 do
      for reason, name in pairs {
        ["a name must not be empty"] = "",
        ["a name must be text, got a number"] = 1,
        ["a name must be text, got a boolean"] = true,
        ["a name must be text, got null"] = core.null,
      } do
        local text, path, why, code = shape:write { [name] = "x" }
        assert.is_nil(text)
        assert.equal("", path)
        assert.equal(reason, why)
        assert.equal("key", code)
        assert(shape:write { a = "1", b = "2" })
        assert.is_nil((shape:write { a = "1", b = "2", [name] = "x" }))
      end
    end
    local _, _, why = shape:write "x"
    assert.equal("must be a table of texts, got text", why)
  end)

  it("takes names that need escapes or are long", function()
    for _ = 1, 2 do
      assert.equal('{"a\\"b":"1"}', map:write { ['a"b'] = "1" })
      assert.equal('{"教育":"1"}', map:write { ["教育"] = "1" })
      local long = ("n"):rep(300)
      assert.equal('{"' .. long .. '":"1"}', map:write { [long] = "1" })
      assert.equal('{"' .. ("n"):rep(41) .. '":"1"}', map:write { [("n"):rep(41)] = "1" })
    end
  end)

  it("stays right when there are more names than it can learn", function()
    local shape = core.shape { type = "map" }
    for round = 1, 400 do
      local value, wanted = {}, {}
      for i = 1, round % 7 + 1 do
        local name = ("n%04d"):format(round * 3 + i)
        value[name], wanted[i] = tostring(i), ('"%s":"%d"'):format(name, i)
      end
      assert.equal("{" .. table.concat(wanted, ",") .. "}", shape:write(value))
      if round % 50 == 0 then collectgarbage() end
    end
  end)

  it("has every name, however many there are", function()
    for _, count in ipairs { 31, 32, 33, 63, 64, 65, 66, 200, 5000 } do
      local value = {}
      for i = 1, count do value["k" .. i] = tostring(i) end
      local shape = core.shape { type = "map" }
      for _ = 1, 2 do
        assert.same(value, (map:read(assert(shape:write(value)))))
      end
      local _, path = shape:write((function() value.k7 = {} return value end)())
      assert.equal("k7", path)
    end
  end)
end)

describe("a map, read,", function()
  it("keeps any JSON but null", function()
    assert.same({ a = "x", b = 12, c = 1.5, d = true, e = { 1, { f = core.null } }, g = {} },
      (map:read '{"a":"x","b":12,"c":1.5,"d":true,"e":[1,{"f":null}],"g":{},"h":null}'))
    assert.same({}, (map:read "{}"))
    assert.same({}, (map:read '{"a":1,"a":null}'))
    assert.same({ a = 2 }, (map:read '{"a":1,"a":2}'))
    assert.same({ a = 2 }, (map:read ' { "a" : null , "a" : 2 } '))
  end)

  it("keeps every name as it is", function()
    assert.same({ [""] = "1", ['a"b'] = "2", ["李"] = "3" },
      (map:read '{"":"1","a\\"b":"2","\\u674e":"3"}'))
  end)

  it("is an object", function()
    for text, got in pairs { ["[]"] = "an array", ['"x"'] = "text", ["1"] = "a number", ["true"] = "a boolean" } do
      local value, path, reason, code = map:read(text)
      assert.is_nil(value)
      assert.equal("", path)
      assert.equal("must be an object, got " .. got, reason)
      assert.equal("type", code)
    end
    for _, text in ipairs { "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', "{1:2}", '{"a":1,}', '{,}', "{a:1}", '{"a"}',
      '{"a" 1}' } do
      local value, _, _, code = map:read(text)
      assert.is_nil(value)
      assert.equal("json", code)
    end
  end)
end)
