-- Totals and pages of everybody and of createTime ranges, which are counted off in memory: as
-- contacts come, go and come back.

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

describe("a page out of the blue", function()
  -- What stands from offset on among the names that a condition matches, asked for once.
  local function page(box, condition, offset)
    local status, answer = rules.sc(box, "POST", ("listMembers?count=3&offset=%d"):format(offset),
      { condition = condition })
    assert.equal(200, status)
    local names = {}
    for i, member in ipairs(answer.list) do names[i] = member.email:match("^[^@]*") end
    return table.concat(names, " "), answer.total
  end

  -- 30 contacts, three a second, named by their number; every fourth has gone again.
  local function filled(order)
    local box = tools.start { seed = 1, clock = "2026-03-01 10:00:00", order = order }
    local ids, all = {}, {}
    for second = 0, 9 do
      for i = second * 3 + 1, second * 3 + 3 do
        ids[i] = rules.upsert(box, { contact(tostring(i)) }).insertedMembers[1].id
      end
      box:advance(1)
    end
    for i = 1, 30 do
      if i % 4 == 0 then
        assert.equal(204, (rules.sc(box, "DELETE", "members/" .. ids[i])))
      else
        all[#all + 1] = i
      end
    end
    return box, all
  end

  for _, order in ipairs { "newest", "oldest" } do
    it("is the right one, " .. order .. " first", function()
      local box, all = filled(order)
      local ranges = {
        { nil, 1, 30 },
        { { relation = "and", items = {
          { fieldName = "createTime", op = ">=", value = "2026-03-01 10:00:02" },
          { fieldName = "createTime", op = "<", value = "2026-03-01 10:00:08" },
        } }, 7, 24 },
      }
      for _, range in ipairs(ranges) do
        local expected = {}
        for _, i in ipairs(all) do
          if i >= range[2] and i <= range[3] then
            table.insert(expected, order == "oldest" and #expected + 1 or 1, tostring(i))
          end
        end
        for _, offset in ipairs { 13, 2, 20, 0, 7, 1, 16, 3, 40 } do
          local found, total = page(box, range[1], offset)
          assert.equal(#expected, total)
          local last = math.min(offset + 3, #expected)
          assert.equal(table.concat(expected, " ", offset + 1, last), found)
        end
      end
    end)
  end
end)
