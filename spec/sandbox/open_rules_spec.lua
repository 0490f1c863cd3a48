-- More of what the documents leave open: both choices of every switch, and that answers name it when it mattered.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local function assumed(headers, name)
  return (headers["x-sandbox-assumed"] or ""):find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

local function upsert(box, members, flag)
  return rules.sc(box, "POST", "members", { members = members, tagFlag = flag or 1, updateExisting = true })
end

local function item(field, op, value, campaign)
  return { relation = "and", items = { { fieldName = field, op = op, value = value, campaignId = campaign } } }
end

local function list(box, field, op, value)
  return rules.sc(box, "POST", "listMembers", { condition = item(field, op, value) })
end

local function segment(box, name, condition, type)
  local status, answer = rules.sc(box, "POST", "segments",
    { segmentName = name, type = type or 0, condition = condition })
  assert.equal(201, status, answer.error and answer.error.message)
  return answer.segmentId
end

-- Runs the function for both choices: a box that has the switch so, and the choice.
local function each(name, choices, check)
  for _, choice in ipairs(choices) do
    it(name .. " = " .. choice, function()
      check(tools.start { seed = 1, clock = "2026-03-01 10:00:00", [name] = choice }, choice)
    end)
  end
end

describe("of an upsert", function()
  each("wrong_address", { "member", "refuse" }, function(box, choice)
    local status, answer, headers = upsert(box, { { email = "a@qq.com" }, { email = "nobody" } })
    assert.equal(choice == "member" and 200 or 400, status)
    assert.truthy(assumed(headers, "wrong_address"))
    if choice == "member" then assert.equal("nobody", answer.errors[1].email) end
    assert.equal(choice == "member", rules.find(box, "a@qq.com") ~= nil)
    status, answer, headers = upsert(box, { { email = "b@qq.com" } })
    assert.same({ 200, 0 }, { status, answer.errorCount })
    assert.falsy(assumed(headers, "wrong_address"))
  end)

  each("wrong_type", { "refuse", "member" }, function(box, choice)
    for _, wrong in ipairs {
      { email = 5 }, { email = "b@qq.com", phone = true }, { email = "b@qq.com", fields = "x" },
      { email = "b@qq.com", tags = "vip" }, { email = "b@qq.com", tags = { "vip", 5 } },
      { email = "b@qq.com", name = { first = "b" } }, "b@qq.com",
    } do
      local status, answer, headers = upsert(box, { wrong, { email = "a@qq.com" } })
      assert.equal(choice == "member" and 200 or 400, status)
      assert.truthy(assumed(headers, "wrong_type"))
      if choice == "member" then
        assert.same({ 1, 1 }, { answer.errorCount, answer.totalInserted + answer.totalUpdated })
        assert.truthy(answer.errors[1].message:find("must be"))
      end
    end
    assert.is_nil(rules.find(box, "b@qq.com"))
    assert.equal(choice == "member", rules.find(box, "a@qq.com") ~= nil)
  end)

  each("error_rows", { "objects", "texts" }, function(box, choice)
    local _, answer, headers = upsert(box, { { email = "nobody" } })
    assert.truthy(assumed(headers, "error_rows"))
    assert.equal(choice == "texts" and "string" or "table", type(answer.errors[1]))
    local _, documented = rules.el(box, "POST", "members", { members = { { email = "nobody" } }, tag_flag = 1,
      update_existing = true })
    assert.equal("nobody", documented.error_members[1].email)
    local client = assert(box:client { transport = "sandbox" })
    assert.equal(1, client.members:upsert({ { email = "nobody" } }).error_count
      or #client.members:upsert({ { email = "nobody" } }).errors)
    client:close()
  end)

  each("skip_new", { "untagged", "tagged" }, function(box, choice)
    local _, _, headers = upsert(box, { { email = "a@qq.com", tags = { "vip" } } }, 2)
    assert.truthy(assumed(headers, "skip_new"))
    assert.same(choice == "tagged" and { "vip" } or {}, rules.find(box, "a@qq.com").tagNames)
    _, _, headers = upsert(box, { { email = "a@qq.com", tags = { "new" } } }, 2)
    assert.falsy(assumed(headers, "skip_new"))
    assert.same(choice == "tagged" and { "vip" } or {}, rules.find(box, "a@qq.com").tagNames)
  end)

  each("fields_update", { "merge", "replace" }, function(box, choice)
    local _, _, headers = upsert(box, { { email = "a@qq.com", fields = { Age = "1", Gender = "f" } } })
    assert.falsy(assumed(headers, "fields_update"))
    _, _, headers = upsert(box, { { email = "a@qq.com", fields = { Age = "2" } } })
    assert.truthy(assumed(headers, "fields_update"))
    local found = rules.find(box, "a@qq.com")
    assert.same({ Age = "2", Gender = choice == "merge" and "f" or nil }, found.fields)
    upsert(box, { { email = "a@qq.com", name = "n" } })
    _, _, headers = rules.sc(box, "PATCH", "members/" .. found.id, { fields = { Gender = "m", Age = rules.null } })
    assert.truthy(assumed(headers, "fields_update"))
    assert.same({ Gender = "m" }, rules.find(box, "a@qq.com").fields)
  end)

  each("field_values", { "texts", "numbers" }, function(box, choice)
    local _, _, headers = upsert(box, { { email = "a@qq.com", fields = { Age = 12, Gender = true } } })
    assert.truthy(assumed(headers, "field_values"))
    assert.same({ Age = choice == "texts" and "12" or 12, Gender = "true" }, rules.find(box, "a@qq.com").fields)
    for _, case in ipairs { { "==", "12" }, { ">", "9" }, { "contain", "2" }, { "exist", "1" } } do
      assert.equal("a", rules.match(box, "and", { "Age", case[1], case[2] }))
    end
    _, _, headers = upsert(box, { { email = "a@qq.com", fields = { Age = "12" } } })
    assert.falsy(assumed(headers, "field_values"))
  end)
end)

describe("of tags", function()
  each("tag_case", { "exact", "ignore" }, function(box, choice)
    local _, vip = rules.sc(box, "POST", "tags", { tagName = "VIP" })
    local _, _, headers = upsert(box, { { email = "a@qq.com", tags = { "vip", "VIP" } } })
    assert.truthy(assumed(headers, "tag_case"))
    assert.same(choice == "exact" and { "vip", "VIP" } or { "VIP" }, rules.find(box, "a@qq.com").tagNames)
    local status = rules.sc(box, "POST", "tags", { tagName = "Vip" })
    assert.equal(choice == "exact" and 201 or 400, status)
    assert.equal(choice == "exact" and "" or "a", rules.match(box, "and", { "tag", "==", "vIP" }))
    assert.equal(200, (rules.sc(box, "PATCH", "tags/" .. vip.id, { tagName = "vIp" })))
    _, _, headers = upsert(box, { { email = "a@qq.com", tags = { "vIp" } } })
    assert.falsy(assumed(headers, "tag_case"))
  end)

  local function found(box, what, name)
    local _, answer, headers = rules.sc(box, "GET", what .. name)
    local key = what:match("tag") and "tagName" or "segmentName"
    local names = {}
    for i, record in ipairs(answer.list) do names[i] = record[key] end
    table.sort(names)
    return table.concat(names, " "), headers
  end

  each("tag_search", { "part", "start" }, function(box, choice)
    for _, name in ipairs { "spring", "offspring" } do rules.sc(box, "POST", "tags", { tagName = name }) end
    local names, headers = found(box, "tags?tagName=", "SPRING")
    assert.equal(choice == "part" and "offspring spring" or "spring", names)
    assert.truthy(assumed(headers, "tag_search"))
    names, headers = found(box, "tags", "")
    assert.equal("offspring spring", names)
    assert.falsy(assumed(headers, "tag_search"))
  end)

  each("search_case", { "ignore", "exact" }, function(box, choice)
    for _, name in ipairs { "Spring", "spring" } do
      rules.sc(box, "POST", "tags", { tagName = name })
      segment(box, name, item("Age", ">", "1"))
    end
    for _, what in ipairs { "tags?tagName=", "segments?segmentName=" } do
      for _, search in ipairs { "part", "exact" } do
        rules.switch(box, "segment_search", search)
        local names, headers = found(box, what, "spring")
        assert.equal(choice == "ignore" and "Spring spring" or "spring", names)
        assert.truthy(assumed(headers, "search_case"))
      end
    end
  end)

  each("tag_in_use", { "free", "refuse" }, function(box, choice)
    local _, used = rules.sc(box, "POST", "tags", { tagName = "used" })
    local _, free = rules.sc(box, "POST", "tags", { tagName = "free" })
    segment(box, "one", item("tag", "==", "used"))
    local status, _, headers = rules.sc(box, "DELETE", "tags/" .. free.id)
    assert.equal(204, status)
    assert.falsy(assumed(headers, "tag_in_use"))
    status, _, headers = rules.sc(box, "DELETE", "tags/" .. used.id)
    assert.equal(choice == "free" and 204 or 400, status)
    assert.truthy(assumed(headers, "tag_in_use"))
  end)

  each("tag_rename", { "keep", "follow" }, function(box, choice)
    local _, tag = rules.sc(box, "POST", "tags", { tagName = "old" })
    local id = segment(box, "one", { relation = "or", items = { { fieldName = "Name", op = "==", value = "old" },
      { fieldName = "tag", op = "!=", value = "old" } } })
    local _, _, headers = rules.sc(box, "PATCH", "tags/" .. tag.id, { tagName = "new" })
    assert.truthy(assumed(headers, "tag_rename"))
    local _, answer = rules.sc(box, "GET", "segments/" .. id)
    assert.same({
      { campaignId = rules.null, fieldName = "Name", op = "==", value = "old" },
      { campaignId = rules.null, fieldName = "tag", op = "!=", value = choice == "keep" and "old" or "new" },
    }, answer.conditions)
    box:advance(3)
    _, answer = rules.sc(box, "GET", "segments/" .. id)
    assert.equal("2", answer.status)
  end)
end)

describe("of segments", function()
  each("segment_ids_max", { 0, 2 }, function(box, choice)
    upsert(box, { { email = "a@qq.com" } })
    local path = "segments/" .. segment(box, "one", item("Email", "contain", "a")) .. "/members"
    local status, _, headers = rules.sc(box, "DELETE", path, { memberIds = { "1", "2" } })
    assert.equal(200, status)
    assert.falsy(assumed(headers, "segment_ids_max"))
    local many = {}
    for i = 1, 1001 do many[i] = ("%d"):format(i) end
    status, _, headers = rules.sc(box, "DELETE", path, { memberIds = many })
    assert.equal(choice == 0 and 200 or 400, status)
    assert.truthy(assumed(headers, "segment_ids_max"))
  end)

  each("segment_follow", { "no", "yes" }, function(box, choice)
    local id = segment(box, "one", item("tag", "==", "t"))
    box:event(7, (upsert(box, { { email = "z@qq.com" } }) and "z@qq.com"), "sent")
    local sent = segment(box, "sent", item("campaign", "==", "sent", 7), 1)
    box:advance(3)
    upsert(box, { { email = "a@qq.com", tags = { "t" } } })
    box:event(7, "a@qq.com", "open")
    local function seen(which)
      local _, answer, headers = rules.sc(box, "GET", "segments/" .. which)
      assert.truthy(assumed(headers, "segment_follow"))
      return ("%s %d"):format(answer.status, answer.memberTotal)
    end
    assert.equal(choice == "yes" and "1 0" or "2 0", seen(id))
    box:advance(3)
    assert.equal(choice == "yes" and "2 1" or "2 0", seen(id))
    assert.equal(choice == "yes" and "2 2" or "2 1", seen(sent))
    rules.switch(box, "segment_ms", "0")
    upsert(box, { { email = "b@qq.com", tags = { "t" } } })
    assert.equal(choice == "yes" and "2 2" or "2 0", seen(id))
    box:unsubscribe("a@qq.com")
    assert.equal(choice == "yes" and "2 2" or "2 0", seen(id))
  end)

  each("segment_stale", { "keep", "empty" }, function(box, choice)
    upsert(box, { { email = "a@qq.com" } })
    local id = segment(box, "one", item("Email", "contain", "qq"))
    box:advance(3)
    local _, answer, headers = rules.sc(box, "GET", "segments/" .. id)
    assert.equal(1, answer.memberTotal)
    assert.falsy(assumed(headers, "segment_stale"))
    for _, follow in ipairs { "no", "yes" } do
      rules.switch(box, "segment_follow", follow)
      if follow == "no" then
        rules.sc(box, "PATCH", "segments/" .. id, { type = 0, condition = item("Email", "contain", "q") })
      else
        upsert(box, { { email = "a@qq.com", name = "a" } })
      end
      _, answer, headers = rules.sc(box, "GET", "segments/" .. id)
      assert.same({ "1", choice == "keep" and 1 or 0 }, { answer.status, answer.memberTotal })
      assert.truthy(assumed(headers, "segment_stale"))
      _, answer = rules.sc(box, "POST", "segments/" .. id .. "/members")
      assert.equal(choice == "keep" and 1 or 0, answer.total)
      box:advance(3)
      _, answer = rules.sc(box, "POST", "segments/" .. id .. "/members")
      assert.equal(1, answer.total)
    end
  end)
end)

describe("of conditions", function()
  each("condition_dates", { "day", "midnight" }, function(box, choice)
    upsert(box, { { email = "a@qq.com" } })
    local day = choice == "day"
    for op, expected in pairs { ["=="] = day, ["!="] = not day, [">"] = not day, ["<="] = day } do
      local _, answer, headers = list(box, "createTime", op, "2026-03-01")
      assert.equal(expected and 1 or 0, answer.total, op)
      assert.truthy(assumed(headers, "condition_dates"))
    end
    for _, op in ipairs { ">=", "<" } do
      local _, answer, headers = list(box, "updateTime", op, "2026-03-01")
      assert.equal(op == ">=" and 1 or 0, answer.total)
      assert.falsy(assumed(headers, "condition_dates"))
    end
    local _, answer, headers = list(box, "createTime", "==", "2026-03-01 10:00:00")
    assert.equal(1, answer.total)
    assert.falsy(assumed(headers, "condition_dates"))
  end)

  each("iso_dates", { "yes", "no" }, function(box, choice)
    box.core:field("Joined", 2, "DD/MM/YYYY")
    upsert(box, { { email = "a@qq.com", fields = { Joined = "05/01/2025" } } })
    local status, _, headers = list(box, "Joined", "==", "2025-01-05")
    assert.equal(choice == "yes" and 200 or 400, status)
    assert.truthy(assumed(headers, "iso_dates"))
    status, _, headers = list(box, "Joined", "==", "05/01/2025")
    assert.equal(200, status)
    assert.falsy(assumed(headers, "iso_dates"))
  end)

  each("exist_value", { "asked", "ignored" }, function(box, choice)
    upsert(box, { { email = "a@qq.com", name = "a", tags = { "t" } }, { email = "b@qq.com" } })
    for _, field in ipairs { "Name", "tag" } do
      local _, answer, headers = list(box, field, "exist", "false")
      assert.equal(choice == "asked" and "b@qq.com" or "a@qq.com", answer.list[1].email)
      assert.truthy(assumed(headers, "exist_value"))
      assert.equal(choice == "asked" and 400 or 200, (list(box, field, "exist", "maybe")))
    end
  end)

  each("empty_exists", { "no", "yes" }, function(box, choice)
    upsert(box, { { email = "a@qq.com", name = "" }, { email = "b@qq.com" } })
    local _, answer, headers = list(box, "Name", "exist", "true")
    assert.equal(choice == "yes" and 1 or 0, answer.total)
    assert.truthy(assumed(headers, "empty_exists"))
    _, answer = list(box, "Name", "exist", "false")
    assert.equal(choice == "yes" and 1 or 2, answer.total)
  end)

  each("text_order", { "numbers", "texts" }, function(box, choice)
    upsert(box, { { email = "a@qq.com", name = "9" }, { email = "b@qq.com", name = "Z" } })
    local _, answer, headers = list(box, "Name", "<", "10")
    assert.equal(choice == "numbers" and 1 or 0, answer.total)
    assert.truthy(assumed(headers, "text_order"))
    assert.equal(choice == "numbers" and "a" or "", rules.match(box, "and", { "Name", "<", "10.5" },
      { "Name", ">", "3" }))
    assert.equal("b", rules.match(box, "and", { "Name", ">", "a" }))
    rules.switch(box, "text_case", "exact")
    assert.equal("", rules.match(box, "and", { "Name", ">", "a" }))
  end)

  each("segment_by", { "both", "id", "name" }, function(box, choice)
    upsert(box, { { email = "a@qq.com" } })
    local id = segment(box, "one", item("Email", "contain", "a"))
    box:advance(3)
    for by, value in pairs { id = id, name = "one" } do
      local status, _, headers = list(box, "segment", "==", value)
      assert.equal((choice == "both" or choice == by) and 200 or 400, status)
      assert.truthy(assumed(headers, "segment_by"))
    end
  end)

  local function campaign(box, value)
    local status, answer, headers = rules.sc(box, "POST", "segments", { segmentName = value, type = 1,
      condition = item("campaign", "==", value, 7) })
    assert.equal(201, status)
    box:advance(3)
    local _, members = rules.sc(box, "POST", "segments/" .. answer.segmentId .. "/members")
    local names = {}
    for i, member in ipairs(members.list) do names[i] = member.email:sub(1, 1) end
    table.sort(names)
    return table.concat(names, " "), headers
  end

  local function mailed(box)
    upsert(box, { { email = "a@qq.com" }, { email = "b@qq.com" } })
    box:advance(60)
    box:event(7, "a@qq.com", "sent")
    box:advance(60)
    upsert(box, { { email = "c@qq.com" } })
  end

  each("notsent", { "everybody", "older" }, function(box, choice)
    mailed(box)
    local who, headers = campaign(box, "notsent")
    assert.equal(choice == "everybody" and "b c" or "b", who)
    assert.truthy(assumed(headers, "notsent"))
    who, headers = campaign(box, "sent")
    assert.equal("a", who)
    assert.falsy(assumed(headers, "notsent"))
  end)

  each("unopen", { "sent", "everybody" }, function(box, choice)
    mailed(box)
    for _, value in ipairs { "unopen", "unclick" } do
      local who, headers = campaign(box, value)
      assert.equal(choice == "sent" and "a" or "a b c", who)
      assert.truthy(assumed(headers, "unopen"))
    end
  end)
end)

each("null_list_id", { "no", "yes" }, function(box, choice)
  local _, made = upsert(box, { { email = "a@qq.com" } })
  local path = "members/" .. made.insertedMembers[1].id
  local _, answer = rules.sc(box, "PATCH", path, { name = "n" })
  assert.equal(choice == "yes" and rules.null or 63486, answer.listId)
  _, answer = rules.sc(box, "GET", path)
  assert.equal(63486, answer.listId)
end)

each("field_names", { "any", "documented" }, function(box, choice)
  local _, answer, headers = upsert(box, { { email = "a@qq.com", fields = { ["a b"] = "1" } } })
  assert.equal(choice == "any" and 0 or 1, answer.errorCount)
  assert.truthy(assumed(headers, "field_names"))
  if choice == "documented" then assert.truthy(answer.errors[1].message:find("a-z A-Z 0-9 _", 1, true)) end
  _, answer, headers = upsert(box, { { email = "b@qq.com", fields = { a_b = "1" } } })
  assert.equal(0, answer.errorCount)
  assert.falsy(assumed(headers, "field_names"))
end)

each("trim_ids", { "no", "yes" }, function(box, choice)
  local _, made = upsert(box, { { email = "a@qq.com" } })
  local id = made.insertedMembers[1].id
  for _, spelling in ipairs { "%20" .. id, id .. "%20%09", "%09%20" .. id .. "%20" } do
    local status, _, headers = rules.sc(box, "GET", "members/" .. spelling)
    assert.equal(choice == "yes" and 200 or 404, status)
    assert.truthy(assumed(headers, "trim_ids"))
  end
  assert.equal(404, (rules.sc(box, "GET", "members/%20")))
  local status, _, headers = rules.sc(box, "GET", "members/" .. id)
  assert.equal(200, status)
  assert.falsy(assumed(headers, "trim_ids"))
end)

describe("options that are none", function()
  it("are refused in clear words", function()
    for _, case in ipairs {
      { { unknown_tags = "create" }, 'there is no option "unknown_tags"' },
      { { unknown_tag = "creat" }, "unknown_tag: create|ignore|refuse is needed, not [creat]" },
      { { segment_ms = -1 }, "segment_ms: a whole number of 0 or more is needed, not [-1]" },
      { { order = 3 }, "order: newest|oldest is needed, not [3]" },
      { { seed = "x" }, "seed: a number is needed" },
    } do
      local ok, why = pcall(require("sendcloud.sandbox").start, case[1])
      assert.is_false(ok)
      assert.truthy(tostring(why):find(case[2], 1, true), tostring(why))
    end
  end)
end)
