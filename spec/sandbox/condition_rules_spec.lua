-- Conditions: every field kind with every operator, the documented refusals, the switches.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

local unpack = table.unpack or unpack -- luacheck: ignore

after_each(tools.stop_all)

-- Four contacts, created a day apart: ann, bob, eve, lee; lee has nothing but an address.
local function filled(options)
  options = options or {}
  options.seed, options.clock = 42, "2026-03-01 10:00:00"
  local box = tools.start(options)
  box.core:field("Joined", 2, "DD/MM/YYYY")
  box.core:field("Size", 4, nil, '["S","M","L"]')
  rules.upsert(box, { { email = "ann@qq.com", name = "朱锁锁", phone = "13800000188", tags = { "vip", "教育" },
    fields = { Age = "9", Birthday = "03/30", City = "Shanghai", Joined = "05/01/2025", Size = "S" } } })
  box:advance(86400)
  rules.upsert(box, { { email = "Bob@Hotmail.com", name = "Bob", phone = "13900000000", tags = { "vip" },
    fields = { Age = "30", Birthday = "12/01", City = "shanghai", Joined = "04/02/2025", Size = "M" } } })
  box:advance(86400)
  rules.upsert(box, { { email = "eve@mail.qq.com", name = "", phone = "10086",
    fields = { Age = "100", Birthday = "01/15", City = "", Joined = "03/01/2026" } } })
  box:advance(86400)
  rules.upsert(box, { { email = "lee@example.com" } })
  return box
end

describe("conditions of one item", function()
  local box
  before_each(function() box = filled() end)

  -- field, operator, value, who
  local cases = {
    -- Email
    { "Email", "==", "ANN@qq.com", "ann" },
    { "Email", "==", "nobody@qq.com", "" },
    { "Email", "!=", "ann@qq.com", "Bob eve lee" },
    { "Email", ">", "c", "eve lee" },
    { "Email", ">=", "eve@mail.qq.com", "eve lee" },
    { "Email", "<", "c", "Bob ann" },
    { "Email", "<=", "ann@qq.com", "ann" },
    { "Email", "exist", "true", "Bob ann eve lee" },
    { "Email", "exist", "false", "" },
    { "Email", "contain", "QQ.com", "ann eve" },
    { "Email", "does not contain", "qq.com", "Bob lee" },
    -- Name
    { "Name", "==", "bob", "Bob" },
    { "Name", "!=", "bob", "ann eve lee" },
    { "Name", ">", "A", "Bob ann" },
    { "Name", ">=", "Bob", "Bob ann" },
    { "Name", "<", "C", "Bob eve" },
    { "Name", "<=", "Bob", "Bob eve" },
    { "Name", "exist", "", "Bob ann" },
    { "Name", "exist", "0", "eve lee" },
    { "Name", "contain", "锁", "ann" },
    { "Name", "does not contain", "锁", "Bob eve lee" },
    -- Phone
    { "Phone", "==", "10086", "eve" },
    { "Phone", "!=", "10086", "Bob ann lee" },
    { "Phone", ">", "13800000188", "Bob" },
    { "Phone", ">=", "13800000188", "Bob ann" },
    { "Phone", "<", "9", "" },
    { "Phone", "<=", "10086", "eve" },
    { "Phone", "exist", "1", "Bob ann eve" },
    { "Phone", "contain", "188", "ann" },
    { "Phone", "does not contain", "188", "Bob eve lee" },
    -- number
    { "Age", "==", "9.0", "ann" },
    { "Age", "!=", "9", "Bob eve lee" },
    { "Age", ">", "30", "eve" },
    { "Age", ">=", "30", "Bob eve" },
    { "age", "<", "100", "Bob ann" },
    { "AGE", "<=", "9", "ann" },
    { "Age", "exist", "true", "Bob ann eve" },
    { "Age", "exist", "false", "lee" },
    { "Age", "contain", "0", "Bob eve" },
    { "Age", "does not contain", "0", "ann lee" },
    -- birthday
    { "Birthday", "==", "03/30", "ann" },
    { "Birthday", "!=", "03/30", "Bob eve lee" },
    { "Birthday", ">", "03/30", "Bob" },
    { "Birthday", ">=", "03/30", "Bob ann" },
    { "Birthday", "<", "03/30", "eve" },
    { "Birthday", "<=", "03/30", "ann eve" },
    { "Birthday", "exist", "", "Bob ann eve" },
    { "Birthday", "contain", "/01", "Bob" },
    { "Birthday", "does not contain", "/01", "ann eve lee" },
    -- date, day first
    { "Joined", "==", "05/01/2025", "ann" },
    { "Joined", "!=", "05/01/2025", "Bob eve lee" },
    { "Joined", ">", "05/01/2025", "Bob eve" },
    { "Joined", ">=", "2025-02-04", "Bob eve" },
    { "Joined", "<", "04/02/2025", "ann" },
    { "Joined", "<=", "04/02/2025", "Bob ann" },
    { "Joined", "exist", "true", "Bob ann eve" },
    { "Joined", "contain", "2026", "eve" },
    { "Joined", "does not contain", "2026", "Bob ann lee" },
    -- dropdown
    { "Size", "==", "M", "Bob" },
    { "Size", "!=", "M", "ann eve lee" },
    { "Size", ">", "M", "ann" },
    { "Size", ">=", "M", "Bob ann" },
    { "Size", "<", "S", "Bob" },
    { "Size", "<=", "S", "Bob ann" },
    { "Size", "exist", "false", "eve lee" },
    { "Size", "contain", "s", "ann" },
    { "Size", "does not contain", "s", "Bob eve lee" },
    -- a text somebody sent
    { "City", "==", "SHANGHAI", "Bob ann" },
    { "City", "!=", "shanghai", "eve lee" },
    { "City", ">", "S", "Bob ann" },
    { "City", ">=", "Shanghai", "Bob ann" },
    { "City", "<", "a", "eve" },
    { "City", "<=", "z", "Bob ann eve" },
    { "City", "exist", "true", "Bob ann" },
    { "City", "contain", "hai", "Bob ann" },
    { "City", "does not contain", "hai", "eve lee" },
    -- domain
    { "domain", "==", "QQ.com", "ann" },
    { "domain", "!=", "qq.com", "Bob eve lee" },
    { "domain", ">", "hotmail.com", "ann eve" },
    { "domain", ">=", "hotmail.com", "Bob ann eve" },
    { "domain", "<", "hotmail.com", "lee" },
    { "domain", "<=", "hotmail.com", "Bob lee" },
    { "domain", "exist", "true", "Bob ann eve lee" },
    { "domain", "contain", "qq", "ann eve" },
    { "domain", "does not contain", "qq", "Bob lee" },
    -- createTime
    { "createTime", "==", "2026-03-02", "Bob" },
    { "createTime", "==", "2026-03-02 10:00:00", "Bob" },
    { "createTime", "==", "2026-03-02 10:00:01", "" },
    { "createTime", "!=", "2026-03-02", "ann eve lee" },
    { "createTime", ">", "2026-03-02", "eve lee" },
    { "createTime", ">=", "2026-03-02", "Bob eve lee" },
    { "createTime", "<", "2026-03-02", "ann" },
    { "createTime", "<=", "2026-03-02T10:00:00+0800", "Bob ann" },
    { "createTime", "exist", "true", "Bob ann eve lee" },
    { "createTime", "contain", "03-04", "lee" },
    { "createTime", "does not contain", "03-04", "Bob ann eve" },
    -- tag
    { "tag", "==", "vip", "Bob ann" },
    { "tag", "==", "VIP", "" },
    { "tag", "!=", "教育", "Bob eve lee" },
    { "tag", "exist", "true", "Bob ann" },
    { "tag", "exist", "false", "eve lee" },
    { "tag", "contain", "教", "ann" },
    { "tag", "does not contain", "vi", "eve lee" },
    { "tag", "==", "unknown", "" },
    { "tag", "!=", "unknown", "Bob ann eve lee" },
  }
  for _, case in ipairs(cases) do
    local field, op, value, who = case[1], case[2], case[3], case[4]
    it(("%s %s %q"):format(field, op, value), function()
      assert.equal(who, rules.match(box, "and", { field, op, value }))
      assert.equal(who, rules.match(box, "or", { field, op, value }))
    end)
  end

  it("updateTime and unsubscribeTime are times too", function()
    box:unsubscribe("ann@qq.com")
    rules.upsert(box, { { email = "Bob@Hotmail.com", name = "B" } })
    assert.equal("Bob lee", rules.match(box, "and", { "updateTime", ">=", "2026-03-04" }))
    assert.equal("ann eve", rules.match(box, "and", { "updateTime", "<", "2026-03-04" }))
    assert.equal("ann", rules.match(box, "and", { "unsubscribeTime", "exist", "true" }))
    assert.equal("Bob eve lee", rules.match(box, "and", { "unsubscribeTime", "exist", "false" }))
    assert.equal("ann", rules.match(box, "and", { "unsubscribeTime", "==", "2026-03-04" }))
    assert.equal("Bob eve lee", rules.match(box, "and", { "unsubscribeTime", "!=", "2026-03-04" }))
    assert.equal("", rules.match(box, "and", { "unsubscribeTime", ">", "2026-03-04" }))
    assert.equal("2026-03-04 10:00:00", rules.find(box, "ann@qq.com").unsubscribeTime)
  end)
end)

describe("conditions of several items", function()
  it("are joined by and, or by or", function()
    local box = filled()
    assert.equal("Bob", rules.match(box, "and", { "tag", "==", "vip" }, { "Age", ">", "9" }))
    assert.equal("Bob ann eve", rules.match(box, "or", { "tag", "==", "vip" }, { "Age", ">", "30" }))
    assert.equal("ann", rules.match(box, "and", { "City", "==", "shanghai" }, { "tag", "==", "vip" }, { "tag",
      "==", "教育" }))
    assert.equal("Bob ann", rules.match(box, "or", { "Email", "==", "bob@hotmail.com" }, { "Email", "==",
      "ann@qq.com" }))
    local ten = {}
    for i = 1, 10 do ten[i] = { "Age", ">=", tostring(i) } end
    assert.equal("Bob eve", rules.match(box, "and", unpack(ten)))
  end)

  it("are the same in EngageLab's words", function()
    local box = filled()
    local status, answer = rules.el(box, "POST", "list_members?limit=100", { condition = { relation = "or",
      items = { { field_name = "Phone", op = "contain", value = "188" }, { field_name = "Email", op = "contain",
        value = "hotmail.com" } } } })
    assert.same({ 200, 2, 2 }, { status, answer.total, answer.count })
    assert.same({ "Bob@Hotmail.com", "ann@qq.com" }, { answer.result[1].email, answer.result[2].email })
  end)
end)

describe("a condition is refused with 400 for", function()
  local function refusal(condition)
    local box = filled()
    local status, answer = rules.sc(box, "POST", "listMembers", { condition = condition })
    return ("%d %s"):format(status, answer.error and answer.error.parameter or "")
  end
  local function one(item) return { relation = "and", items = { item } } end
  local good = { fieldName = "Age", op = ">", value = "1" }
  local many = {}
  for i = 1, 11 do many[i] = good end

  local cases = {
    { "no object", "text", "400 condition" },
    { "no relation", { items = { good } }, "400 relation" },
    { "another relation", { relation = "xor", items = { good } }, "400 relation" },
    { "no items", { relation = "and" }, "400 items" },
    { "an empty list", { relation = "and", items = rules.list }, "400 items" },
    { "11 items", { relation = "and", items = many }, "400 items" },
    { "an item that is no object", { relation = "and", items = { "x" } }, "400 items" },
    { "no field", one { op = "==", value = "1" }, "400 fieldName" },
    { "an unknown field", one { fieldName = "asge", op = "==", value = "1" }, "400 fieldName" },
    { "a field of the wrong type", one { fieldName = 5, op = "==", value = "1" }, "400 fieldName" },
    { "no operator", one { fieldName = "Age", value = "1" }, "400 op" },
    { "an unknown operator", one { fieldName = "Age", op = "=", value = "1" }, "400 op" },
    { "no value", one { fieldName = "Age", op = "==" }, "400 value" },
    { "a value that is no text", one { fieldName = "Age", op = "==", value = 1 }, "400 value" },
    { "a number that is none", one { fieldName = "Age", op = ">", value = "old" }, "400 value" },
    { "a date that is none", one { fieldName = "Joined", op = ">", value = "31/02/2025" }, "400 value" },
    { "a birthday that is none", one { fieldName = "Birthday", op = ">", value = "13/01" }, "400 value" },
    { "a time that is none", one { fieldName = "createTime", op = ">", value = "yesterday" }, "400 value" },
    { "an exist of something", one { fieldName = "Age", op = "exist", value = "perhaps" }, "400 value" },
    { "a tag that is compared", one { fieldName = "tag", op = ">", value = "vip" }, "400 op" },
    { "an unknown segment", one { fieldName = "segment", op = "==", value = "x" }, "400 value" },
    { "campaign", one { fieldName = "campaign", op = "==", value = "open", campaignId = 1 }, "400 fieldName" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() assert.equal(case[3], refusal(case[2])) end)
  end

  it("an unknown field, in the documents' words", function()
    assert.equal("400 fieldName: [asge] is not defined, please define it first",
      rules.match(filled(), "and", { "asge", "==", "1" }))
    local status, answer = rules.el(filled(), "POST", "list_members",
      { condition = { relation = "and", items = { { field_name = "asge", op = "==", value = "1" } } } })
    assert.same({ 400, "[asge] is not defined, please define it first" }, { status, answer.message })
  end)
end)

describe("the switches of conditions", function()
  it("condition_check = matrix refuses what makes no sense", function()
    local box = filled { condition_check = "matrix" }
    assert.truthy(rules.match(box, "and", { "Name", ">", "a" }):find("^400 op"))
    assert.truthy(rules.match(box, "and", { "Age", "contain", "1" }):find("^400 op"))
    assert.equal("eve", rules.match(box, "and", { "Age", ">", "30" }))
  end)

  it("field_case = exact", function()
    local box = filled { field_case = "exact" }
    assert.truthy(rules.match(box, "and", { "age", ">", "1" }):find("^400 fieldName"))
    assert.truthy(rules.match(box, "and", { "email", "==", "x" }):find("^400 fieldName"))
    assert.equal("Bob ann eve", rules.match(box, "and", { "Age", ">", "1" }))
  end)

  it("text_case = exact", function()
    local box = filled { text_case = "exact" }
    assert.equal("ann", rules.match(box, "and", { "City", "==", "Shanghai" }))
    assert.equal("Bob", rules.match(box, "and", { "City", "contain", "sh" }))
  end)

  it("absent_is_not = no", function()
    local box = filled { absent_is_not = "no" }
    assert.equal("Bob eve", rules.match(box, "and", { "Age", "!=", "9" }))
    assert.equal("eve", rules.match(box, "and", { "City", "does not contain", "hai" }))
  end)

  it("condition_tag = refuse", function()
    local box = filled { condition_tag = "refuse" }
    assert.truthy(rules.match(box, "and", { "tag", "!=", "unknown" }):find("^400 value"))
    assert.truthy(rules.match(box, "and", { "tag", "==", "unknown" }):find("^400 value"))
  end)
end)

describe("delete by condition", function()
  it("deletes who matches, with all that hangs on them", function()
    local box = filled()
    local status, answer = rules.sc(box, "DELETE", "members/delete-batch", { condition = { relation = "or",
      items = { { fieldName = "Email", op = "contain", value = "hotmail.com" }, { fieldName = "Phone",
        op = "contain", value = "188" } } } })
    assert.same({ 200, { successCount = 2 } }, { status, answer })
    local _, tags = rules.sc(box, "GET", "tags")
    assert.same({ 0, 0 }, { tags.list[1].count, tags.list[2].count })
    assert.equal("eve lee", rules.match(box, "and", { "Email", "exist", "" }))
    assert.equal(1, rules.upsert(box, { { email = "bob@hotmail.com" } }).totalInserted)
  end)

  it("without one deletes everybody, or is refused", function()
    local box = filled { empty_condition = "refuse" }
    assert.equal(400, (rules.sc(box, "DELETE", "members/delete-batch", "{}")))
    assert.equal(400, (rules.el(box, "DELETE", "members/delete")))
    rules.switch(box, "empty_condition", "all")
    local status, answer = rules.el(box, "DELETE", "members/delete")
    assert.same({ 200, { count = 4 } }, { status, answer })
    assert.equal("", rules.match(box, "and", { "Email", "exist", "" }))
  end)
end)
