-- Switches of contacts, segments and conditions: what each choice does, and that answers name it
-- when it mattered.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local function assumed(headers, name)
  return (headers["x-sandbox-assumed"] or ""):find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

local function upsert(box, members, flag)
  return rules.sc(box, "POST", "members",
    { members = members, tagFlag = flag or 1, updateExisting = true })
end

local function item(field, op, value, campaign)
  return { relation = "and",
    items = { { fieldName = field, op = op, value = value, campaignId = campaign } } }
end

local function segment(box, condition, type)
  local status, answer = rules.sc(box, "POST", "segments",
    { segmentName = "s", type = type or 0, condition = condition })
  assert.equal(201, status)
  box:advance(3)
  return answer.segmentId
end

-- Names before the @ of a segment's contacts, what it says of their number, the headers.
local function members_of(box, id)
  local _, answer, headers = rules.sc(box, "POST", "segments/" .. id .. "/members", {})
  local names = {}
  for i, member in ipairs(answer.list) do names[i] = member.email:match("^[^@]*") end
  table.sort(names)
  assert.equal(#names, answer.total)
  local _, shown = rules.sc(box, "GET", "segments/" .. id)
  assert.equal(#names, shown.memberTotal)
  return table.concat(names, " "), headers
end

describe("keep_new", function()
  for choice, expected in pairs { untagged = {}, tagged = { "t" } } do
    it(choice, function()
      local box = tools.start { seed = 1, keep_new = choice }
      local _, _, headers = upsert(box, { { email = "a@qq.com", tags = { "t" } } }, 2)
      assert.truthy(assumed(headers, "keep_new"))
      assert.same(expected, rules.find(box, "a@qq.com").tagNames)
      _, _, headers = upsert(box, { { email = "a@qq.com", tags = { "u" } } }, 2)
      assert.falsy(assumed(headers, "keep_new"))
      assert.same(expected, rules.find(box, "a@qq.com").tagNames)
    end)
  end
end)

describe("wrong_type", function()
  local wrong = {
    { email = 1 }, { email = "b@qq.com", phone = {} }, { email = "c@qq.com", name = true },
    { email = "d@qq.com", fields = { 1 } }, { email = "e@qq.com", tags = "t" },
    { email = "f@qq.com", tags = { "t", 2, { "u" } } },
  }

  it("refuse: the whole request", function()
    local box = tools.start { seed = 1 }
    for _, member in ipairs(wrong) do
      local status, answer, headers = upsert(box, { { email = "a@qq.com" }, member })
      assert.equal(400, status)
      assert.truthy(answer.error.message:find("members[1].", 1, true))
      assert.truthy(assumed(headers, "wrong_type"))
    end
    assert.is_nil(rules.find(box, "a@qq.com"))
  end)

  it("error: of that contact alone", function()
    local box = tools.start { seed = 1, wrong_type = "error" }
    local list = { { email = "a@qq.com" } }
    for _, member in ipairs(wrong) do list[#list + 1] = member end
    list[#list + 1] = { email = "z@qq.com", fields = { City = "Rome" } }
    local status, answer, headers = upsert(box, list)
    assert.equal(200, status)
    assert.truthy(assumed(headers, "wrong_type"))
    assert.equal("2 0 6", ("%d %d %d"):format(answer.totalInserted, answer.totalUpdated, answer.errorCount))
    assert.same({ email = "", message = "email must be a text" }, answer.errors[1])
    assert.same({ email = "f@qq.com", message = "tags must be a list of tag names" }, answer.errors[6])
    assert.equal("Rome", rules.find(box, "z@qq.com").fields.City)
    local id = rules.find(box, "a@qq.com").id
    assert.equal(400, (rules.sc(box, "PATCH", "members/" .. id, { name = 1 })))
  end)
end)

describe("error_rows", function()
  it("object", function()
    local box = tools.start { seed = 1 }
    local _, answer, headers = upsert(box, { { email = "no" } })
    assert.equal("no", answer.errors[1].email)
    assert.truthy(assumed(headers, "error_rows"))
    _, _, headers = upsert(box, { { email = "a@qq.com" } })
    assert.falsy(assumed(headers, "error_rows"))
  end)

  it("text", function()
    local box = tools.start { seed = 1, error_rows = "text" }
    local _, answer = upsert(box, { { email = "no" }, { email = "a@qq.com" }, { email = "" } })
    assert.equal(2, answer.errorCount)
    assert.truthy(answer.errors[1]:find("^no: email is not an address"))
    assert.equal(": email is required", answer.errors[2])
    local _, other, headers = rules.el(box, "POST", "members",
      { members = { { email = "no" } }, tag_flag = 1, update_existing = true })
    assert.equal("no", other.error_members[1].email)
    assert.falsy(assumed(headers, "error_rows"))
  end)
end)

describe("fields_update", function()
  for choice, expected in pairs { merge = { Age = "3", City = "Rome" }, replace = { Age = "3" } } do
    it(choice, function()
      local box = tools.start { seed = 1, fields_update = choice }
      upsert(box, { { email = "a@qq.com", fields = { Age = "2", City = "Rome" } } })
      local _, _, headers = upsert(box, { { email = "a@qq.com", name = "A" } })
      assert.falsy(assumed(headers, "fields_update"))
      assert.same({ Age = "2", City = "Rome" }, rules.find(box, "a@qq.com").fields)
      _, _, headers = upsert(box, { { email = "a@qq.com", fields = { Age = "3" } } })
      assert.truthy(assumed(headers, "fields_update"))
      assert.same(expected, rules.find(box, "a@qq.com").fields)
    end)
  end
end)

describe("a segment", function()
  local function filled(options)
    options.seed = 1
    local box = tools.start(options)
    upsert(box, { { email = "a@qq.com", fields = { Age = "20" } },
      { email = "b@qq.com", fields = { Age = "10" } } })
    return box, segment(box, item("Age", ">=", "18"))
  end

  for choice, expected in pairs { saved = "a", asked = "a b c" } do
    it("segment_refresh = " .. choice, function()
      local box, id = filled { segment_refresh = choice }
      assert.equal("a", (members_of(box, id)))
      upsert(box, { { email = "b@qq.com", fields = { Age = "18" } },
        { email = "c@qq.com", fields = { Age = "40" } } })
      local found, headers = members_of(box, id)
      assert.equal(expected, found)
      assert.truthy(assumed(headers, "segment_refresh"))
      local _, list = rules.sc(box, "GET", "segments")
      assert.equal(#expected:gsub(" ", ""), list.list[1].memberTotal)
    end)
  end

  it("is found anew although another cannot be any more", function()
    local box, id = filled { segment_refresh = "asked" }
    local other = segment(box, item("tag", "==", "gone"))
    rules.switch(box, "condition_tag", "refuse")
    assert.equal("", (members_of(box, other)))
    assert.equal("a", (members_of(box, id)))
  end)

  for choice, expected in pairs { old = "a", empty = "" } do
    it("segment_meanwhile = " .. choice, function()
      local box, id = filled { segment_meanwhile = choice }
      local status, _, headers = rules.sc(box, "PATCH", "segments/" .. id,
        { segmentName = "s", type = 0, condition = item("Age", "<", "18") })
      assert.equal(200, status)
      assert.truthy(assumed(headers, "segment_meanwhile"))
      assert.equal(expected, (members_of(box, id)))
      box:advance(3)
      assert.equal("b", (members_of(box, id)))
    end)
  end

  it("segment_ids is the most that one request takes out of it", function()
    local box, id = filled { segment_ids = 2 }
    local ids = {}
    for i = 1, 3 do ids[i] = ("%024x"):format(i) end
    local path = "segments/" .. id .. "/members"
    local status, answer, headers = rules.sc(box, "DELETE", path, { memberIds = ids })
    assert.equal(400, status)
    assert.equal("memberIds has 1 to 2 elements, got 3", answer.error.message)
    assert.truthy(assumed(headers, "segment_ids"))
    ids[3] = nil
    assert.equal(200, (rules.sc(box, "DELETE", path, { memberIds = ids })))
    status, answer = rules.sc(box, "DELETE", path, { memberIds = rules.list })
    assert.equal("400 memberIds is empty", status .. " " .. answer.error.message)
  end)
end)

describe("search_case", function()
  for choice, expected in pairs { ignore = 2, exact = 1 } do
    it(choice, function()
      local box = tools.start { seed = 1, search_case = choice }
      for _, name in ipairs { "VIP one", "vip two" } do
        rules.sc(box, "POST", "tags", { tagName = name })
        rules.sc(box, "POST", "segments",
          { segmentName = name, type = 0, condition = item("Age", ">", "1") })
      end
      for _, path in ipairs { "tags?tagName=vip", "segments?segmentName=vip" } do
        local _, answer, headers = rules.sc(box, "GET", path)
        assert.equal(expected, answer.total)
        assert.truthy(assumed(headers, "search_case"))
      end
      for _, path in ipairs { "tags", "segments" } do
        local _, answer, headers = rules.sc(box, "GET", path)
        assert.equal(2, answer.total)
        assert.falsy(assumed(headers, "search_case"))
      end
    end)
  end
end)

describe("conditions", function()
  local function filled(options)
    options.seed = 1
    local box = tools.start(options)
    upsert(box, { { email = "a@qq.com", phone = "9", name = "b" }, { email = "b@qq.com", phone = "10" },
      { email = "c@qq.com", name = "C" } })
    return box
  end

  it("text_order", function()
    assert.equal("b", rules.match(filled {}, "and", { "Phone", ">", "9" }))
    assert.equal("a", rules.match(filled { text_order = "text" }, "and", { "Phone", ">", "10" }))
    assert.equal("c", rules.match(filled { text_order = "text" }, "and", { "Name", ">", "B" }))
    -- capitals come before small letters, where their case counts
    assert.equal("a", rules.match(filled { text_case = "exact" }, "and", { "Name", ">", "D" }))
  end)

  it("exist_value", function()
    local box = filled {}
    assert.equal("a b", rules.match(box, "and", { "Phone", "exist", "true" }))
    assert.equal("c", rules.match(box, "and", { "Phone", "exist", "0" }))
    assert.truthy(rules.match(box, "and", { "Phone", "exist", "maybe" }):find("^400"))
    rules.switch(box, "exist_value", "ignore")
    for _, value in ipairs { "true", "false", "0", "maybe" } do
      assert.equal("a b", rules.match(box, "and", { "Phone", "exist", value }))
    end
    assert.equal("", rules.match(box, "and", { "tag", "exist", "false" }))
  end)

  it("condition_date", function()
    local box = tools.start { seed = 1 }
    box:clock("2026-03-01 00:00:00")
    upsert(box, { { email = "a@qq.com" } })
    box:advance(3600)
    upsert(box, { { email = "b@qq.com" } })
    local try = { "createTime", "==", "2026-03-01" }
    assert.equal("a b", rules.match(box, "and", try))
    assert.equal("", rules.match(box, "and", { "createTime", ">", "2026-03-01" }))
    rules.switch(box, "condition_date", "midnight")
    assert.equal("a", rules.match(box, "and", try))
    assert.equal("b", rules.match(box, "and", { "createTime", ">", "2026-03-01" }))
    assert.equal("b", rules.match(box, "and", { "createTime", "==", "2026-03-01 01:00:00" }))
  end)

  for choice, expected in pairs { everybody = "b c", older = "b" } do
    it("not_sent = " .. choice, function()
      local box = tools.start { seed = 1, not_sent = choice }
      upsert(box, { { email = "a@qq.com" }, { email = "b@qq.com" } })
      box:advance(60)
      box:event(7, "a@qq.com", "sent")
      box:advance(60)
      upsert(box, { { email = "c@qq.com" } })
      assert.equal(expected, (members_of(box, segment(box, item("campaign", "==", "notsent", 7), 1))))
      assert.equal("a", (members_of(box, segment(box, item("campaign", "==", "sent", 7), 1))))
    end)
  end
end)

describe("error_code", function()
  it("is EngageLab's, the HTTP status added", function()
    local box = tools.start { seed = 1 }
    local _, answer, headers = rules.el(box, "POST", "list_members?limit=0", {})
    assert.equal(39400, answer.code)
    assert.truthy(assumed(headers, "error_code"))
    rules.switch(box, "error_code", "50000")
    _, answer = rules.el(box, "POST", "list_members?limit=0", {})
    assert.equal(50400, answer.code)
  end)
end)
