-- Shapes compiled, written and read.
--
-- `old`, `kept` and `seen` live through all rounds and must still work after the last.

local core = ...
local member = { type = "record", mark = "member",
  { name = "email", type = "string", required = true, min = 1 },
  { name = "status", type = "string", values = { ready = "2", failed = "-1" } },
  { name = "mode", wire = { "flag", "tagFlag" }, type = "integer", default = "a",
    values = { a = 1, b = 0 } },
  { name = "fields", type = "map", empty = true },
  { name = "tags", type = "list", of = { type = "string", what = "tag" }, empty = true },
  { name = "rest", type = "any" } }
local node = { type = "record", { name = "list", type = "list", of = member } }
local old, kept, seen = core.shape(node), core.buffer(), {}
local marks, long = { member = { __index = seen } }, ("x"):rep(300)
local unknown = '{"list":[{"em\\u0061il":"x","new":"\\u0041","pi":3.'
  .. ("1"):rep(200) .. ',"a":[{}],"b":{"c":1}}]}'

return function(round)
  local shape, out = core.shape(node), core.buffer()
  local value = { list = {} }
  local many = {}
  for i = 1, 66 do many[i] = "a\n" end
  for i = 1, 3 do
    value.list[i] = { email = long .. i, status = "ready",
      tags = i == 2 and many or { "\195\169" },
      fields = { ["n" .. round % 50 .. "_" .. i] = "v", Age = 12, ["\195\169"] = true },
      rest = { 1, { x = 1.5, [long] = core.null } } }
  end
  local text = assert(shape:write(value))
  assert(old:write(value, out) == out and tostring(out) == text)
  kept:clear()
  assert(old:write(value, kept))
  for _, source in ipairs { text, out, kept } do
    local back, _, reason = shape:read(source, marks, { raw = true })
    assert(back, reason)
    assert(#back.list == 3 and back.list[3].email == long .. 3)
    assert(#back.list[2].tags == 66 and back.list[2].tags[66] == "a\n")
    assert(back.list[3].fields.Age == "12" and back.list[2].rest[2].x == 1.5)
    assert(back.list[1].status == "ready")
  end
  local raw = assert(shape:read(unknown, marks, { raw = true })).list[1].raw
  assert(raw.new == "A" and raw.pi > 3)
  assert(not shape:read('{"list":[{}]}') and not shape:write { lst = {} })
  assert(core.encode_path("a/b") == "a%2Fb")
end
