-- Totals of createTime ranges, which are counted in memory: as contacts come, go and come back.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local OPERATORS = { "==", "!=", ">", ">=", "<", "<=" }
local MOMENTS = { "2026-02-28", "2026-03-01 10:00:00", "2026-03-01 10:00:01", "2026-03-01 10:00:02", "2026-03-02",
  "2026-03-03 10:00:00", "1970-01-01 08:00:00", "9999-12-31" }

-- match() compares the total with how many are listed.
local function check(box)
  for _, op in ipairs(OPERATORS) do
    for _, moment in ipairs(MOMENTS) do
      rules.match(box, "and", { "createTime", op, moment })
      rules.match(box, "and", { "createTime", op, moment }, { "createTime", "<", "2026-03-02" })
      rules.match(box, "or", { "createTime", op, moment }, { "createTime", "<", "2026-03-01 10:00:02" })
      rules.match(box, "and", { "createTime", op, moment }, { "Email", "contain", "a" })
    end
  end
  return rules.match(box, "and", { "createTime", ">=", "2026-03-01 10:00:01" })
end

local function contact(name)
  return { email = name .. "@qq.com" }
end

describe("the total of a createTime range is right", function()
  it("for contacts of several seconds, a clock that was put back among them", function()
    local box = tools.start { seed = 1, clock = "2026-03-01 10:00:01" }
    rules.upsert(box, { contact "b", contact "c" })
    box:clock "2026-03-03 10:00:00"
    rules.upsert(box, { contact "e" })
    box:clock "2026-03-01 10:00:00"
    rules.upsert(box, { contact "a" })
    box:clock "2026-03-02 00:00:00"
    rules.upsert(box, { contact "d" })
    assert.equal("b c d e", check(box))
  end)

  it("after deletes and what was taken back", function()
    local box = tools.start { seed = 1, clock = "2026-03-01 10:00:00" }
    rules.upsert(box, { contact "a", contact "b" })
    box:advance(1)
    rules.upsert(box, { contact "c", contact "d" })
    box:advance(1)
    -- the second is refused, so the first was never there
    assert.equal(400, (rules.sc(box, "POST", "members", { members = { contact "e", { email = 5 } }, tagFlag = 1,
      updateExisting = true })))
    assert.equal("c d", check(box))
    assert.equal(204, (rules.sc(box, "DELETE", "members/" .. rules.find(box, "c@qq.com").id)))
    assert.equal("d", check(box))
    rules.upsert(box, { contact "c" })
    assert.equal("c d", check(box))
    assert.equal(200, (rules.sc(box, "DELETE", "members/delete-batch", { condition = { relation = "and",
      items = { { fieldName = "createTime", op = "<", value = "2026-03-01 10:00:02" } } } })))
    assert.equal("c", check(box))
  end)

  it("in a store that was restored, emptied or opened again", function()
    local path = os.tmpname()
    local box = tools.start { seed = 1, clock = "2026-03-01 10:00:01", path = path }
    rules.upsert(box, { contact "a" })
    local snapshot = box:snapshot()
    box:advance(86400)
    rules.upsert(box, { contact "b" })
    assert.equal("a b", check(box))
    box:restore(snapshot)
    assert.equal("a", check(box))
    box:reset()
    assert.equal("", check(box))
    box:restore(snapshot)
    box:stop()
    box = tools.start { path = path }
    assert.equal("a", check(box))
    for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
  end)
end)
