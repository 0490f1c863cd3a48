-- Segments: evaluation by the clock, by field and by campaign, members, limits.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local function filled(options)
  options = options or {}
  options.seed = 42
  local box = tools.start(options)
  local answer = rules.upsert(box, {
    { email = "a@example.com", name = "李磊", fields = { Age = "13" }, tags = { "x" } },
    { email = "b@example.com", name = "李雷", fields = { Age = "30" } },
    { email = "c@example.com", fields = { Age = "45" } },
  })
  local ids = {}
  for i, member in ipairs(answer.insertedMembers) do ids[i] = member.id end
  return box, ids
end

local function by_field(field, op, value)
  return { relation = "and", items = { { fieldName = field, op = op, value = value } } }
end

local function create(box, name, condition, type)
  local status, answer = rules.sc(box, "POST", "segments",
    { segmentName = name, type = type or 0, condition = condition })
  assert.equal(201, status, answer.error and answer.error.message)
  return answer.segmentId
end

local function emails(answer)
  local list = {}
  for i, member in ipairs(answer.list) do list[i] = member.email:sub(1, 1) end
  table.sort(list)
  return ("%s of %d"):format(table.concat(list), answer.total)
end

describe("a segment", function()
  it("is updated in the background: status 1, rising percent, status 2", function()
    local box = filled()
    local id = create(box, "李", by_field("Name", "contain", "李"))
    local seen = {}
    for _ = 1, 5 do
      local _, progress = rules.sc(box, "GET", "segments/" .. id .. "/process")
      local _, segment = rules.sc(box, "GET", "segments/" .. id)
      seen[#seen + 1] = ("%s %d %s %d"):format(segment.status, progress.percent, tostring(progress.complete),
        segment.memberTotal)
      assert.same(progress, segment.process)
      box:advance(0.5)
    end
    assert.same({ "1 0 false 0", "1 25 false 0", "1 50 false 0", "1 75 false 0", "2 100 true 2" }, seen)
  end)

  it("has the documents' form", function()
    local box = filled()
    local id = create(box, "年龄介于13与45之间", { relation = "and", items = {
      { fieldName = "age", op = ">=", value = "13" }, { fieldName = "age", op = "<=", value = "44" } } })
    box:advance(3)
    local _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.same({
      segmentId = id, userId = 99229, segmentName = "年龄介于13与45之间", listId = 63486, status = "2",
      createTime = "2026-01-01 09:00:00", updateTime = "2026-01-01 09:00:02", memberTotal = 2, relation = "and",
        type = 0,
      conditions = { { campaignId = rules.null, fieldName = "age", op = ">=", value = "13" },
        { campaignId = rules.null, fieldName = "age", op = "<=", value = "44" } },
      process = { statusDesc = "segmentation completed", complete = true, percent = 100 },
    }, segment)
  end)

  it("fails when it is told to, and may succeed later", function()
    local box = filled()
    local id = create(box, "one", by_field("Age", ">", "1"))
    box:segment_fail("one")
    box:advance(3)
    local _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.same({ "-1", false }, { segment.status, segment.process.complete })
    rules.sc(box, "PATCH", "segments/" .. id, { type = 0, condition = by_field("Age", ">", "1") })
    box:advance(3)
    _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.same({ "2", 3, "one" }, { segment.status, segment.memberTotal, segment.segmentName })
    box:segment_fail()
    id = create(box, "two", by_field("Age", ">", "1"))
    box:advance(3)
    _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.equal("-1", segment.status)
  end)

  it("takes as long as segment_ms says, or no time", function()
    local box = filled { segment_ms = 0 }
    local id = create(box, "one", by_field("Age", ">", "13"))
    local _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.same({ "2", 2 }, { segment.status, segment.memberTotal })
    rules.switch(box, "segment_ms", "600000")
    local _, updated = rules.sc(box, "PATCH", "segments/" .. id,
      { segmentName = "uno.", type = 0, condition = by_field("Age", ">", "30") })
    assert.same({ "uno.", "1", 2 }, { updated.segmentName, updated.status, updated.memberTotal })
    box:advance(599)
    _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.same({ "1", 99, 2 }, { segment.status, segment.process.percent, segment.memberTotal })
    box:advance(1)
    _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.same({ "2", 1 }, { segment.status, segment.memberTotal })
  end)

  it("lists its members, with a further condition", function()
    local box = filled()
    local id = create(box, "old", by_field("Age", ">", "13"))
    box:advance(3)
    local path = "segments/" .. id .. "/members"
    local function members(query, body)
      local status, answer = rules.sc(box, "POST", path .. query, body)
      return status == 200 and emails(answer) or status
    end
    assert.equal("bc of 2", members("", nil))
    assert.equal("c of 2", members("?count=1", "{}"))
    assert.equal("b of 2", members("?count=1&offset=1", '{"condition":null}'))
    assert.equal("b of 1", members("", { condition = by_field("Name", "contain", "雷") }))
    assert.equal(400, members("", { condition = by_field("Name", "exist", "") }))
    assert.equal("bc", rules.match(box, "and", { "segment", "==", id }):gsub(" ", ""))
    assert.equal("a", rules.match(box, "and", { "segment", "!=", "old" }))
    rules.sc(box, "DELETE", "members/" .. rules.find(box, "c@example.com").id)
    assert.equal("b of 1", members("", nil))
  end)

  it("loses members: they are deleted, or only detached", function()
    for _, choice in ipairs { "delete", "detach" } do
      local box, ids = filled { segment_remove = choice, segment_ms = 0 }
      local id = create(box, "old", by_field("Age", ">", "13"))
      local status, answer = rules.sc(box, "DELETE", "segments/" .. id .. "/members", { memberIds = { ids[1],
        ids[2], "x" } })
      assert.same({ 200, { successCount = 1 } }, { status, answer })
      local _, segment = rules.sc(box, "GET", "segments/" .. id)
      assert.equal(1, segment.memberTotal)
      assert.equal(choice == "delete" and "a c" or "a b c", rules.match(box, "and", { "Email", "exist", "" }))
      assert.equal(400, (rules.sc(box, "DELETE", "segments/" .. id .. "/members", "{}")))
    end
  end)

  it("has the same pages from the middle as one after the other", function()
    for _, order in ipairs { "newest", "oldest" } do
      local box = tools.start { seed = 42, order = order, segment_ms = 0 }
      for first = 0, 2000, 1000 do
        local members = {}
        for i = 1, 1000 do members[i] = { email = ("u%d@example.com"):format(first + i) } end
        rules.upsert(box, members)
      end
      local id = create(box, "all", by_field("Email", "contain", "u"))
      rules.sc(box, "DELETE", "members/" .. rules.find(box, "u1500@example.com").id)
      for _, path in ipairs { "segments/" .. id .. "/members", "listMembers" } do
        local body = path == "listMembers" and { condition = by_field("Email", "contain", "u") } or nil
        for _, offset in ipairs { 2600, 1500, 2900, 1450, 1024, 2998, 2999, 5000 } do
          local _, answer = rules.sc(box, "POST", path .. "?count=2&offset=" .. offset, body)
          local seen = {}
          for i, member in ipairs(answer.list) do seen[i] = tonumber(member.email:match("%d+")) end
          local expected = {}
          for place = offset, math.min(offset + 1, 2998) do
            local n = order == "oldest" and place + 1 or 3000 - place
            local beyond = order == "oldest" and n >= 1500 or order == "newest" and n <= 1500
            expected[#expected + 1] = beyond and (order == "oldest" and n + 1 or n - 1) or n
          end
          assert.same(expected, seen, order .. " " .. offset)
          assert.equal(2999, answer.total)
        end
      end
    end
  end)

  it("is deleted", function()
    local box = filled()
    local id = create(box, "one", by_field("Age", ">", "1"))
    assert.equal(204, (rules.sc(box, "DELETE", "segments/" .. id)))
    for _, try in ipairs { { "GET", "" }, { "DELETE", "" }, { "GET", "/process" }, { "POST", "/members" } } do
      local status, answer = rules.sc(box, try[1], "segments/" .. id .. try[2])
      assert.same({ 404, "resource not found" }, { status, answer.error.message })
    end
  end)

  it("is found by name and type", function()
    local box = filled { segment_ms = 0 }
    box:event(7, "a@example.com", "open")
    create(box, "one", by_field("Age", ">", "1"))
    create(box, "one more", by_field("Age", ">", "2"))
    create(box, "other", { relation = "and", items = { { fieldName = "campaign", op = "==", value = "open",
      campaignId = 7 } } }, 1)
    local function names(query)
      local status, answer = rules.sc(box, "GET", "segments" .. query)
      if status ~= 200 then return status end
      local list = {}
      for i, segment in ipairs(answer.list) do list[i] = segment.segmentName end
      return table.concat(list, ",")
    end
    assert.equal("other,one more,one", names(""))
    assert.equal("one more,one", names("?segmentName=ONE"))
    assert.equal("other", names("?type=1"))
    assert.equal("one", names("?type=0&offset=1"))
    assert.equal(400, names("?type=2"))
  end)

  it("speaks EngageLab's way, as far as anybody knows", function()
    local box = filled { segment_ms = 0 }
    local status, answer = rules.el(box, "POST", "segments", { segment_name = "one", type = 0,
      condition = { relation = "and",
      items = { { field_name = "Age", op = ">", value = "13" } } } })
    assert.same({ 200, "one" }, { status, answer.result.segment_name })
    local id = answer.result.segment_id
    local _
    _, answer = rules.el(box, "POST", "segments/" .. id .. "/members?limit=1", "{}")
    assert.same({ 2, 1 }, { answer.total, answer.count })
    _, answer = rules.el(box, "GET", "segments/" .. id .. "/process")
    assert.same({ status_desc = "segmentation completed", complete = true, percent = 100 }, answer.result)
  end)
end)

describe("a segment by campaign", function()
  it("knows sent, open, click and who did not", function()
    local box = filled { segment_ms = 0 }
    box:event(12, "a@example.com", "sent")
    box:event(12, "b@example.com", "open")
    rules.upsert(box, { { email = "d@example.com" } })
    box:event(12, "d@example.com", "click")
    for value, who in pairs { sent = "abd", open = "bd", click = "d", unopen = "a", unclick = "ab", notsent = "c" } do
      local id = create(box, value, { relation = "and",
        items = { { fieldName = "campaign", op = "==", value = value, campaignId = 12 } } }, 1)
      local _, answer = rules.sc(box, "POST", "segments/" .. id .. "/members")
      assert.equal(who .. " of " .. #who, emails(answer), value)
      local _, segment = rules.sc(box, "GET", "segments/" .. id)
      assert.same({ campaignId = 12, fieldName = "campaign", op = "==", value = value }, segment.conditions[1])
    end
  end)

  it("is refused when the campaign's rules are broken", function()
    local box = filled()
    box:campaign(1, "draft")
    box:campaign(2, "sending")
    local function try(type, item)
      local status, answer = rules.sc(box, "POST", "segments",
        { segmentName = "s", type = type, condition = { relation = "and", items = { item } } })
      return status .. " " .. (answer.error and answer.error.parameter or "")
    end
    local function campaign(op, value, id) return { fieldName = "campaign", op = op, value = value,
      campaignId = id } end
    assert.equal("201 ", try(1, campaign("==", "sent", 2)))
    assert.equal("400 campaignId", try(1, campaign("==", "sent", 1)))
    assert.equal("400 campaignId", try(1, campaign("==", "sent", 99)))
    assert.equal("400 campaignId", try(1, campaign("==", "sent", nil)))
    assert.equal("400 campaignId", try(1, campaign("==", "sent", "2")))
    assert.equal("400 op", try(1, campaign("!=", "sent", 2)))
    assert.equal("400 value", try(1, campaign("==", "bounced", 2)))
    assert.equal("400 fieldName", try(0, campaign("==", "sent", 2)))
    assert.equal("400 fieldName", try(1, { fieldName = "Age", op = ">", value = "1" }))
  end)
end)

describe("limits of a segment", function()
  it("are 1 to 48 characters, none of the forbidden ones", function()
    local box = filled()
    local function try(name, method, path)
      return (rules.sc(box, method or "POST", path or "segments", { segmentName = name, type = 0,
        condition = by_field("Age", ">", "1") }))
    end
    assert.equal(400, try(""))
    assert.equal(400, try(("组"):rep(49)))
    assert.equal(201, try(("组"):rep(48)))
    for c in ("^?+.*\\[]()"):gmatch(".") do assert.equal(400, try("a" .. c), c) end
    assert.equal(400, try(nil))
    assert.equal(400, try(5))
    local id = create(box, "one", by_field("Age", ">", "1"))
    assert.equal(400, try(("组"):rep(49), "PATCH", "segments/" .. id))
    assert.equal(200, try("a.b", "PATCH", "segments/" .. id))
    assert.equal(201, try("one"))
    rules.switch(box, "duplicate_segment", "refuse")
    assert.equal(400, try("one"))
  end)

  it("are a type and a condition, on create and on update", function()
    local box = filled()
    local id = create(box, "one", by_field("Age", ">", "1"))
    for _, body in ipairs {
      { segmentName = "x", condition = by_field("Age", ">", "1") },
      { segmentName = "x", type = 2, condition = by_field("Age", ">", "1") },
      { segmentName = "x", type = "0", condition = by_field("Age", ">", "1") },
      { segmentName = "x", type = 0 },
      { segmentName = "x", type = 0, condition = rules.null },
      { segmentName = "x", type = 0, condition = by_field("Age", "exist", "1") },
      { segmentName = "x", type = 0, condition = by_field("asge", "==", "1") },
    } do
      assert.equal(400, (rules.sc(box, "POST", "segments", body)))
      assert.equal(400, (rules.sc(box, "PATCH", "segments/" .. id, body)))
    end
    local _, segment = rules.sc(box, "GET", "segments/" .. id)
    assert.equal("one", segment.segmentName)
  end)
end)
