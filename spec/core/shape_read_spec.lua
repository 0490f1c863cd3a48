-- shape:read: every node type, nulls, alternatives, hostile input.

local core = require "sendcloud.core"

local function read(node, text, ...)
  return core.shape(node):read(text, ...)
end

local function refused(node, text, path, reason, code)
  local value, where, why, what = read(node, text)
  assert.is_nil(value)
  assert.equal(reason, why)
  assert.equal(path, where)
  if code then assert.equal(code, what) end
end

local function field(attributes)
  attributes.name = attributes.name or "x"
  return { type = "record", attributes }
end

describe("a string", function()
  it("is read with its escapes undone", function()
    for json, value in pairs {
      ['""'] = "", ['"a"'] = "a", [' "a" \n'] = "a", ['"\\"\\\\\\/\\b\\f\\n\\r\\t"'] = '"\\/\b\f\n\r\t',
      ['"\\u0041\\u00e9\\u674E\\ud83d\\ude00\\u0000"'] = "Aé李😀\0", ['"李\127"'] = "李\127",
      ['"\\uDBFF\\uDFFF"'] = "\244\143\191\191", ['"a\\u0062c"'] = "abc",
    } do
      assert.equal(value, read({ type = "string" }, json))
    end
    local long = ("x"):rep(100000)
    assert.equal(long .. "\n" .. long, read({ type = "string" }, '"' .. long .. "\\n" .. long .. '"'))
  end)

  it("may be a number, whose text is kept", function()
    for _, text in ipairs { "8", "149", "-0", "1.50", "1e3", "123456789012345678901234567890" } do
      assert.equal(text, read({ type = "string" }, text))
    end
  end)

  it("is nothing else", function()
    refused({ type = "string" }, "true", "", "must be text, got a boolean", "type")
    refused({ type = "string" }, "[]", "", "must be text, got an array")
    refused({ type = "string" }, "{}", "", "must be text, got an object")
    refused({ type = "string" }, "null", "", "must not be null")
    refused({ type = "string" }, "[", "", "cut short at byte 2 of the JSON", "json")
  end)

  it("is not limited: limits are for what is sent", function()
    assert.equal("abc", read({ type = "string", max = 2, min = 1, forbid = "a" }, '"abc"'))
    assert.equal("", read({ type = "string", min = 1 }, '""'))
  end)
end)

describe("bad UTF-8", function()
  local bad = { "\255", "\192\128", "\237\160\128", "\228\184", "\244\144\128\128", "\128" }

  it("is refused in every place", function()
    for _, bytes in ipairs(bad) do
      for before, behind in pairs {
        ['"'] = '"', ['"abcdefghijklmnop'] = 'qrstuvwxyzabcdefghijkl"', ['["a","'] = '"]', ['{"'] = '":1}',
        ['{"a":"'] = '"}', ['{"a":{"b":["'] = '"]}}', ["["] = "]", [""] = "", ['{"a":1}'] = "", ['"\\n'] = '"',
      } do
        local text = before .. bytes .. behind
        assert.is_nil((read({ type = "any" }, text)))
        assert.is_nil((read({ type = "map" }, text)))
        assert.is_nil((read({ type = "record" }, '{"x":' .. text .. "}")))
        assert.is_nil((read(field { type = "list", of = { type = "string" } }, '{"x":' .. text .. "}")))
      end
    end
  end)

  it("is refused as an escape too: half a surrogate pair", function()
    for _, text in ipairs { '"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"\\ud800x"', '"\\ud800\\ud800"',
      '"\\udc00\\ud800"' } do
      refused({ type = "string" }, text, "",
        ("half of a surrogate pair at byte 2 of the JSON"))
    end
  end)
end)

describe("an integer", function()
  it("is read from a number or a text that is one", function()
    for json, value in pairs { ["63486"] = 63486, ['"63486"'] = 63486, ["1e3"] = 1000, ["12.0"] = 12, ["-7"] = -7,
      ["0"] = 0, ["-0"] = 0, ['"-5"'] = -5, ["9007199254740992"] = 2 ^ 53, ["1.5e1"] = 15 } do
      local got = read({ type = "integer" }, json)
      assert.equal(value, got)
      if math.type then assert.equal("integer", math.type(got)) end
    end
  end)

  it("keeps any other text", function()
    for json, value in pairs { ['"userId"'] = "userId", ['"007"'] = "007", ['""'] = "", ['"1.5"'] = "1.5",
      ['" 1"'] = " 1", ['"1e3"'] = "1e3", ['"\\u0031"'] = "1" } do
      assert.equal(value, read({ type = "integer" }, json))
    end
  end)

  it("is exact: what the Lua cannot hold stays text", function()
    local exact = math.type ~= nil
    for _, text in ipairs { "9007199254740993", "-9007199254740993", "9223372036854775807", "-9223372036854775808" } do
      local value = read({ type = "integer" }, text)
      assert.equal(exact and "number" or "string", type(value))
      assert.equal(text, exact and ("%d"):format(value) or value)
      assert.equal(value, (read({ type = "integer" }, '"' .. text .. '"')))
      assert.equal(value, (read({ type = "any" }, text)))
    end
    for _, text in ipairs { "9223372036854775808", "-9223372036854775809", "1" .. ("0"):rep(400), "1e300" } do
      assert.equal(text, (read({ type = "integer" }, text)))
    end
  end)

  it("is nothing else", function()
    refused({ type = "integer" }, "1.5", "", "must be an integer, got a fraction", "type")
    refused({ type = "integer" }, "true", "", "must be an integer, got a boolean")
    refused({ type = "integer" }, "{}", "", "must be an integer, got an object")
    for _, text in ipairs { "01", "1.", "1e", "-", "+1", ".5", "1 2", "0x10", "1e+", "--1", "1a" } do
      local _, _, _, code = read({ type = "integer" }, text)
      assert.equal("json", code)
    end
  end)
end)

describe("numbers and booleans", function()
  it("are strict", function()
    assert.equal(1.5, (read({ type = "number" }, "1.5")))
    assert.equal(-12, (read({ type = "number" }, "-12")))
    assert.equal(true, (read({ type = "boolean" }, "true")))
    assert.equal(false, (read({ type = "boolean" }, "false")))
    refused({ type = "number" }, '"1.5"', "", "must be a number, got text")
    refused({ type = "boolean" }, "1", "", "must be true or false, got a number")
    refused({ type = "boolean" }, "tru", "", "no value where one must be at byte 1 of the JSON")
  end)

  it("are the nearest double, and the text when there is none", function()
    for _, text in ipairs { "0.1", "1e-7", "123456789.123456789", "5e-324", "1e22", "1e23", "0.30000000000000004",
      "179769313486231570000000000000000000000e270", "2.2250738585072011e-308", "0." .. ("0"):rep(200) .. "1" } do
      assert.equal(tonumber(text), (read({ type = "number" }, text)))
    end
    assert.equal("1e999", (read({ type = "number" }, "1e999")))
    assert.equal(0, (read({ type = "number" }, "1e-999")))
  end)
end)

describe("an enumeration", function()
  it("gives the Lua name, and an unknown word as it is", function()
    local text = { type = "string", values = { ready = "2", failed = "-1" } }
    assert.equal("ready", (read(text, '"2"')))
    assert.equal("ready", (read(text, "2")))
    assert.equal("failed", (read(text, "-1")))
    assert.equal("ready", (read(text, '"\\u0032"')))
    assert.equal("3", (read(text, '"3"')))
    local integer = { type = "integer", values = { field = 0, campaign = 1 } }
    assert.equal("campaign", (read(integer, "1")))
    assert.equal("field", (read(integer, '"0"')))
    assert.equal(2, (read(integer, "2")))
    assert.equal("x", (read(integer, '"x"')))
  end)
end)

describe("a list", function()
  it("drops nulls", function()
    local node = { type = "list", of = { type = "string" } }
    assert.same({}, (read(node, "[]")))
    assert.same({ "a", "b" }, (read(node, '[null,"a",null,"b",null]')))
    assert.same({}, (read(node, " [ null , null ] ")))
  end)

  it("may be of any length", function()
    local node = { type = "list", of = { type = "integer" } }
    local shape = core.shape(node)
    for _, count in ipairs { 1, 2, 63, 64, 65, 127, 128, 129, 1000, 3, 100000, 5 } do
      local items = {}
      for i = 1, count do items[i] = i end
      assert.same(items, (shape:read("[" .. table.concat(items, ",") .. "]")))
    end
  end)

  it("names the item that is wrong", function()
    refused({ type = "list", of = { type = "string" } }, '["a",null,{}]', "[3]", "must be text, got an object")
    refused({ type = "list", of = { type = "string" } }, "{}", "", "must be an array, got an object")
    for _, text in ipairs { "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "]" } do
      local _, _, _, code = read({ type = "list", of = { type = "string" } }, text)
      assert.equal("json", code)
    end
  end)
end)

describe("a record", function()
  local node = { type = "record", mark = "member", refuse = "error",
    { name = "id", type = "string", required = true },
    { name = "fields", type = "map", empty = true },
    { name = "tag_ids", wire = "tags", type = "list", of = { type = "string" }, empty = true },
    { name = "create_time", wire = { "createTime", "createDate" }, type = "string" },
    { name = "secret", type = "string", read = false } }

  it("has the fields that are there, under their Lua names", function()
    assert.same({ id = "1", fields = {}, tag_ids = {} }, (read(node, '{"id":"1"}')))
    assert.same({ id = "1", fields = { a = "b" }, tag_ids = { "x" }, create_time = "t" },
      (read(node, ' { "tags" : [ "x" ] , "fields" : { "a" : "b" } , "createTime" : "t" , "id" : "1" } ')))
    assert.same({ id = "1", fields = {}, tag_ids = {} },
      (read(node, '{"id":"1","fields":null,"tags":null,"createTime":null,"secret":5,"other":[{"x":null}]}')))
  end)

  it("takes the earliest name that is not null, whatever the order", function()
    for json, time in pairs {
      ['"createTime":"t","createDate":"d"'] = "t", ['"createDate":"d","createTime":"t"'] = "t",
      ['"createTime":null,"createDate":"d"'] = "d", ['"createDate":"d","createTime":null'] = "d",
      ['"createTime":"t","createDate":null'] = "t", ['"createTime":"s","createTime":"t"'] = "t",
      ['"createTime":"t","createTime":null'] = false,
    } do
      assert.equal(time or nil, read(node, '{"id":"1",' .. json .. "}").create_time)
    end
  end)

  it("lets the last of two equal keys win", function()
    assert.equal("2", read(node, '{"id":"1","id":"2"}').id)
    refused(node, '{"id":"1","id":null}', "id", "required", "required")
    assert.same({}, read(node, '{"id":"1","tags":["a"],"tags":null}').tag_ids)
  end)

  it("needs what is required", function()
    refused(node, "{}", "id", "required", "required")
    refused(node, '{"id":null}', "id", "required")
    refused({ type = "list", of = node }, '[{"id":1},{}]', "[2].id", "required")
    refused({ type = "record", { name = "a", type = "list", required = true, of = { type = "string" } } },
      '{"a":null}', "a", "required")
  end)

  it("stops at an error body, which is an object and nothing else", function()
    refused(node, '{"id":"1","error":{}}', "", "error body", "error")
    refused(node, '{"status":401,"error":{"parameter":"","message":"Unauthorized"}}', "", "error body")
    assert(read(node, '{"id":"1","error":null}'))
    assert(read(node, '{"id":"1","error":"none"}'))
    assert.is_nil((read(node, '{"id":"1","error":[}')))
    local both = { type = "record", refuse = "error", { name = "error", type = "string" } }
    assert.equal("none", read(both, '{"error":"none"}').error)
    refused(both, '{"error":{}}', "", "error body")
  end)

  it("names the field that is wrong", function()
    refused(node, '{"id":"1","tags":[[]]}', "tag_ids[1]", "must be text, got an array")
    refused(node, '{"id":{}}', "id", "must be text, got an object")
    refused({ type = "record", { name = "list", type = "list", of = node } }, '{"list":[{"id":"1"},{"id":true}]}',
      "list[2].id", "must be text, got a boolean")
    refused(node, "[]", "", "must be an object, got an array")
    refused(node, "null", "", "must not be null")
    refused(node, "", "", "no value where one must be at byte 1 of the JSON")
    refused(node, '{"id":"1"} x', "", "something behind the value at byte 12 of the JSON")
    refused(node, '{"id":"1" "x":2}', "", "no comma where one must be at byte 11 of the JSON")
    refused(node, '{"id" "1"}', "", "no colon behind a key at byte 7 of the JSON")
    refused(node, "{id:1}", "", "a key must be a string at byte 2 of the JSON")
  end)

  it("matches keys exactly, escapes undone or not", function()
    for _, key in ipairs { "i", "idx", "Id", "ID", " id", "id ", "" } do
      refused(node, '{"' .. key .. '":"1"}', "id", "required")
    end
    for _, key in ipairs { "\\u0069d", "i\\u0064", "\\u0069\\u0064" } do
      assert.equal("1", read(node, '{"' .. key .. '":"1"}').id)
    end
    refused(node, '{"' .. ("\\u0069"):rep(100) .. 'd":"1"}', "id", "required")
    assert.same({ ["i/d"] = "2" }, read(node, '{"id":"1","i\\/d":"2"}', nil, { raw = true }).raw)
  end)

  it("gets its metatable by its mark", function()
    local member = { __index = { hello = "hi" } }
    local shape = core.shape { type = "list", of = node }
    local list = assert(shape:read('[{"id":"1"},{"id":"2"}]', { member = member, other = {} }))
    assert.equal(member, getmetatable(list[1]))
    assert.equal("hi", list[2].hello)
    assert.is_nil(getmetatable(list))
    assert.is_nil(getmetatable(shape:read('[{"id":"1"}]')[1]))
    assert.is_nil(getmetatable(shape:read('[{"id":"1"}]', {})[1]))
    local wary = setmetatable({}, { __newindex = error, __index = error })
    assert(shape:read('[{"id":"1"}]', { member = wary }))
  end)

  it("keeps unknown keys under raw when asked", function()
    local text = '{"id":"1","x":[1,null],"createTime":"t","y":"z","secret":"s"}'
    assert.is_nil(read(node, text).raw)
    local value = read(node, text, nil, { raw = true })
    assert.same({ x = { 1, core.null }, y = "z", secret = "s" }, value.raw)
    assert.is_nil(read({ type = "record" }, '{"x":1}', nil, { raw = true }).raw)
    assert.is_nil(read(node, '{"id":"1"}', nil, { raw = true }).raw)
    assert.is_nil((read(node, '{"id":"1","x":[1,}', nil, { raw = true })))
  end)

  it("does not mind in which order the keys come, time after time", function()
    local wide = { type = "record" }
    for i = 1, 20 do wide[i] = { name = "f" .. i, type = "integer" } end
    local shape, seed = core.shape(wide), 1
    for _ = 1, 200 do
      local wanted, parts = {}, {}
      for i = 1, 20 do
        seed = seed * 16807 % 2147483647
        if seed % 3 > 0 then
          wanted["f" .. i] = i
          table.insert(parts, seed % (#parts + 1) + 1, ('"f%d":%d'):format(i, i))
        end
        if seed % 5 == 0 then parts[#parts + 1] = '"u":{}' end
      end
      assert.same(wanted, (shape:read("{" .. table.concat(parts, ",") .. "}")))
    end
  end)
end)

describe("any JSON", function()
  local any = core.shape { type = "any" }

  it("is read and written like lua-cjson, but exactly", function()
    assert.same({ 1, { a = "b", c = core.null }, {}, 1.5, true }, (any:read '[1,{"a":"b","c":null},[],1.5,true]'))
    assert.equal(core.null, (any:read "null"))
    assert.equal("null", any:write(core.null))
    assert.equal("null", any:write(nil))
    assert.equal("{}", any:write {})
    assert.equal('[1,null,3]', any:write { 1, nil, 3 })
    assert.equal('{"1":1,"x":2}', any:write(any:read '{"1":1,"x":2}'):gsub('{"x":2,"1":1}', '{"1":1,"x":2}'))
    assert.equal('{"1.5":1}', any:write { [1.5] = 1 })
    assert.equal('{"12":true}', any:write { ["12"] = true })
    assert.equal("12", any:write(12.0))
  end)

  it("refuses what is none", function()
    for reason, value in pairs {
      ["must be what JSON knows, got a function"] = print,
      ["must be what JSON knows, got an object of Lua"] = core.buffer(),
      ["must be a finite number"] = 0 / 0,
      ["a key must be text, got a boolean"] = { [true] = 1 },
      ["a list with too many holes"] = { [1] = 1, [1000] = 2 },
    } do
      local text, _, why = any:write(value)
      assert.is_nil(text)
      assert.equal(reason, why)
    end
  end)

  it("refuses a table that contains itself", function()
    local own = {}
    own.own = own
    local _, _, reason, code = any:write(own)
    assert.equal("nested more than 64 deep, or a table contains itself", reason)
    assert.equal("depth", code)
    local list = {}
    list[1] = { { list } }
    assert.is_nil((any:write(list)))
  end)

  it("nests 64 deep and no deeper", function()
    for _, case in ipairs { { ("["):rep(64), ("]"):rep(64) }, { ('{"a":'):rep(63) .. "{}", ("}"):rep(63) } } do
      local text = case[1] .. case[2]
      local value = assert(any:read(text))
      assert(any:write(value))
      assert(read({ type = "record" }, '{"x":' .. text:sub(case[1]:find("^%[") and 2 or 6, -2) .. "}"))
      refused({ type = "any" }, "[" .. text .. "]", ("[1]") .. (case[1]:find("^%[") and ("[1]"):rep(63) or (".a"):rep(63)),
        ("nested too deep at byte %d of the JSON"):format(case[1]:find("^%[") and 65 or 317))
      assert.is_nil((any:write { value }))
      assert.is_nil((read({ type = "record" }, '{"x":' .. text .. "}")))
    end
  end)
end)

describe("hostile input", function()
  it("of two million brackets is refused, kept or skipped", function()
    for _, open in ipairs { "[", '{"a":', '[{"a":' } do
      local text = open:rep(math.floor(2 * 1024 * 1024 / #open))
      for _, node in ipairs { { type = "any" }, { type = "map" }, { type = "record" }, { type = "string" },
        { type = "record", { name = "a", type = "any" } }, { type = "list", of = { type = "any" } } } do
        local value, path, reason = read(node, text)
        assert.is_nil(value)
        assert(#path < 256 and #reason < 256)
      end
    end
  end)

  it("of huge lists is capped", function()
    local text = "[" .. ("0,"):rep(1000000) .. "0]"
    refused({ type = "list", of = { type = "integer" } }, text, "", "more than 1000000 items", "size")
    refused({ type = "any" }, text, "", "more than 1000000 items")
    refused({ type = "list", of = { type = "string" } }, "[" .. ("null,"):rep(1000000) .. "null]", "",
      "more than 1000000 items")
  end)

  it("cut short anywhere is refused, from a string and from a buffer", function()
    local node = { type = "record", mark = "m",
      { name = "list", type = "list", of = { type = "record", { name = "id", type = "string" },
        { name = "n", type = "integer" }, { name = "m", type = "map" }, { name = "b", type = "boolean" },
        { name = "f", type = "number" } } } }
    local shape, echo = core.shape(node), core.shape { type = "any" }
    local text = '{"list":[{"id":"a\\u00e9李","n":12,"m":{"k":"v","w":[1.5e3,null,{}]},"b":true,"f":-0.5},'
      .. '{"other":[{"x":"\\ud83d\\ude00"}]}]}'
    assert(shape:read(text))
    for length = 0, #text - 1 do
      assert.is_nil((shape:read(text:sub(1, length))))
    end
    for at = 1, #text do
      for _, byte in ipairs { "\0", "\255", '"', "\\", "{", "]", ",", "x", "9" } do
        shape:read(text:sub(1, at - 1) .. byte .. text:sub(at + 1), nil, { raw = true })
      end
    end
    local buffer = core.buffer()
    assert(echo:write(assert(echo:read(text)), buffer))
    local before = tostring(buffer)
    assert.same(shape:read(text), (shape:read(buffer)))
    assert.equal(before, tostring(buffer))
    assert.is_nil((core.shape { type = "string" }:read(buffer)))
    assert.equal(before, tostring(buffer))
    assert.is_nil((shape:read(core.buffer())))
  end)

  it("cannot reach into a buffer that is being read", function()
    local shape = core.shape { type = "list", of = { type = "string" } }
    local buffer, hits, whole, armed = core.buffer(), 0, 0, true
    local trap
    -- A finalizer that spoils the buffer and leaves another one behind it.
    local function meddle()
      hits = hits + 1
      shape:write({ ("y"):rep(5000) }, buffer)
      buffer:clear()
      if armed then trap() end
    end
    function trap()
      if _VERSION == "Lua 5.1" then
        getmetatable(newproxy(true)).__gc = meddle
      else
        setmetatable({}, { __gc = meddle })
      end
    end
    local items = {}
    for i = 1, 20000 do items[i] = ("x%d\n"):format(i) end
    local text = shape:write(items)
    local pause, step = collectgarbage("setpause", 100), collectgarbage("setstepmul", 400)
    -- Small steps, or 5.4 does it all at once, before reading begins.
    if _VERSION == "Lua 5.4" then collectgarbage("incremental", 100, 100, 10) end
    for _ = 1, 20 do
      collectgarbage("stop")
      trap()
      buffer:clear()
      assert(shape:write(items, buffer))
      collectgarbage("restart")
      local before = hits
      local copy, _, reason = shape:read(buffer)
      if not copy then
        -- it came just before the bytes were lent, and left nothing
        assert.equal("no value where one must be at byte 1 of the JSON", reason)
      else
        whole = whole + (hits > before and 1 or 0)
        for i = 1, #items do
          if copy[i] ~= items[i] then error("item " .. i .. " was changed") end
        end
      end
    end
    armed = false
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", step)
    if _VERSION == "Lua 5.4" then collectgarbage("incremental", 0, 0, 13) end
    collectgarbage()
    assert(hits > 0 and whole > 0)
    assert.same(items, (shape:read(text)))
  end)
end)
