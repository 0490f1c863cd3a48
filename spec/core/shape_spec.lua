-- core.shape: what a node table may say, and what our own mistakes in one are told.

local core = require "sendcloud.core"

local function fails(node, pattern)
  local ok, message = pcall(core.shape, node)
  assert.is_false(ok)
  assert(message:find(pattern, 1, true), message)
end

local text = { type = "string" }

describe("a shape", function()
  it("is made of a node table that can be thrown away", function()
    local node = { type = "record", { name = "a", type = "string" } }
    local shape = core.shape(node)
    node[1].name = "b"
    node = nil -- luacheck: ignore
    collectgarbage()
    assert.equal('{"a":"x"}', shape:write { a = "x" })
    assert.is_false((getmetatable(shape)))
  end)

  it("refuses what is no node", function()
    assert.has_error(function() core.shape() end)
    assert.has_error(function() core.shape("string") end)
    fails({}, "has no type")
    fails({ type = "text" }, "no type text")
    fails({ type = 1 }, "type must be a string")
    fails({ type = "list" }, "no `of`")
    fails({ type = "list", of = "string" }, "of must be a table")
    fails({ type = "string", maximum = 3 }, "unknown attribute maximum")
    fails({ type = "string", [true] = 1 }, "must have a name")
    fails({ type = "string", text }, "only a record has fields")
    fails({ type = "string", required = "yes" }, "required must be a boolean")
    fails({ type = "integer", max = 1.5 }, "max must be an integer")
    fails({ type = "string", empty = true }, "empty goes with")
    fails({ type = "string", forbid = "é" }, "forbid is for ASCII")
    fails({ type = "string", what = "\255" }, "not UTF-8")
  end)

  it("refuses fields that contradict each other", function()
    fails({ type = "record", text }, "has no name")
    fails({ type = "record", 5 }, "must be a table")
    fails({ type = "record", { name = "a", type = "string" }, { name = "a", type = "map" } },
      "two fields are called a")
    fails({ type = "record", { name = "a", type = "string" },
      { name = "b", wire = { "c", "a" }, type = "string" } }, "two fields read a")
    fails({ type = "record", { name = "a", wire = {}, type = "string" } }, "is empty")
    fails({ type = "record", { name = "a", wire = { 1 }, type = "string" } }, "must be a string")
    fails({ type = "record", { name = "a", wire = 'x"', type = "string" } }, "plain ASCII")
    fails({ type = "record", { name = "a", wire = "", type = "string" } }, "1 to 44 bytes")
    fails({ type = "record", { name = "a", wire = ("x"):rep(45), type = "string" } },
      "1 to 44 bytes")
  end)

  it("lets a name be read and another be written for the same wire name", function()
    local shape = core.shape { type = "record",
      { name = "tags", type = "string", read = false },
      { name = "tag_ids", wire = "tags", type = "string", write = false } }
    assert.equal('{"tags":"a"}', shape:write { tags = "a" })
    assert.same({ tag_ids = "a" }, (shape:read '{"tags":"a"}'))
    assert.is_nil((shape:write { tag_ids = "a" }))
  end)

  it("refuses enumerations that make no sense", function()
    fails({ type = "number", values = { a = 1 } }, "values goes with")
    fails({ type = "string", values = { a = 1 } }, "wire value of a string")
    fails({ type = "integer", values = { a = "1" } }, "wire value of an integer")
    fails({ type = "string", values = { "a" } }, "name must be a string")
  end)

  it("has limits of its own", function()
    local node = text
    for _ = 1, 40 do node = { type = "list", of = node } end
    fails(node, "nested too deep")
    local own = { type = "list" }
    own.of = own
    fails(own, "nested too deep")
    local wide = { type = "record" }
    for i = 1, 65 do wide[i] = { name = "f" .. i, type = "string" } end
    fails(wide, "more than 64 fields")
    wide[65] = nil
    local value = {}
    for i = 1, 64 do value["f" .. i] = tostring(i) end
    local shape = core.shape(wide)
    assert.same(value, (shape:read(assert(shape:write(value)))))
    value.f65 = "one more"
    local _, path, reason = shape:write(value)
    assert.equal("f65", path)
    assert(reason:find("unknown", 1, true))
  end)

  it("is no other userdata", function()
    local shape = core.shape(text)
    assert.has_error(function() shape.write(core.buffer(), "x") end)
    assert.has_error(function() shape.read({}, "x") end)
    assert.has_error(function() shape:write("x", {}) end)
    assert.has_error(function() shape:read(5) end)
    assert.has_error(function() shape:read({}) end)
  end)
end)
