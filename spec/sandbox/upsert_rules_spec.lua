-- members.upsert: the documents' table of tags, what is kept, and who is refused.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local function start(options)
  options = options or {}
  options.seed = options.seed or 42
  return tools.start(options)
end

local function tags_of(box, email)
  return table.concat(rules.find(box, email).tagNames, ",")
end

describe("the tag table", function()
  local cases = {
    { 0, "1,2,3", rules.list, "" },
    { 0, "1,2,3", rules.null, "1,2,3" },
    { 0, "1,2,3", nil, "1,2,3" },
    { 0, "1,2,3", { "3", "4", "5" }, "3,4,5" },
    { 1, "1,2,3", rules.list, "1,2,3" },
    { 1, "1,2,3", rules.null, "1,2,3" },
    { 1, "1,2,3", nil, "1,2,3" },
    { 1, "1,2,3", { "3", "4", "5" }, "1,2,3,4,5" },
    { 2, "1,2,3", rules.list, "1,2,3" },
    { 2, "1,2,3", rules.null, "1,2,3" },
    { 2, "1,2,3", nil, "1,2,3" },
    { 2, "1,2,3", { "3", "4", "5" }, "1,2,3" },
    { 2, "", { "3", "4", "5" }, "" },
  }
  for _, case in ipairs(cases) do
    local flag, before, given, after = case[1], case[2], case[3], case[4]
    local shown = given == nil and "absent" or given == rules.null and "null"
      or given == rules.list and "[]" or "[" .. table.concat(given, ",") .. "]"
    it(("flag %d: [%s] with %s is [%s]"):format(flag, before, shown, after), function()
      local box = start()
      local first = {}
      for name in before:gmatch("[^,]+") do first[#first + 1] = name end
      rules.upsert(box, { { email = "a@example.com", tags = #first > 0 and first or nil } }, 0)
      rules.upsert(box, { { email = "a@example.com", tags = given } }, flag)
      assert.equal(after, tags_of(box, "a@example.com"))
    end)
  end

  it("defaults to append, in both dialects", function()
    local box = start()
    rules.upsert(box, { { email = "a@example.com", tags = { "1" } } })
    assert.equal(200, (rules.sc(box, "POST", "members",
      { members = { { email = "a@example.com", tags = { "2" } } }, updateExisting = true })))
    assert.equal(200, (rules.el(box, "POST", "members",
      { members = { { email = "a@example.com", tags = { "3" } } }, update_existing = true })))
    assert.equal("1,2,3", tags_of(box, "a@example.com"))
  end)

  it("treats a new contact as one without tags", function()
    local box = start()
    rules.upsert(box, { { email = "a@example.com", tags = { "x" } } }, 2)
    rules.upsert(box, { { email = "b@example.com", tags = { "x", "y", "x" } } }, 0)
    assert.equal("", tags_of(box, "a@example.com"))
    assert.equal("x,y", tags_of(box, "b@example.com"))
  end)

  it("keeps the counts of tags right", function()
    local box = start()
    rules.upsert(box, { { email = "a@example.com", tags = { "x", "y" } }, { email = "b@example.com",
      tags = { "x" } } })
    rules.upsert(box, { { email = "a@example.com", tags = { "y" } } }, 0)
    local _, answer = rules.sc(box, "GET", "tags?count=100")
    local counts = {}
    for _, tag in ipairs(answer.list) do counts[tag.tagName] = tag.count end
    assert.same({ x = 1, y = 1 }, counts)
  end)
end)

describe("updateExisting", function()
  it("false leaves attributes as they are; tags follow the flag", function()
    local box = start()
    rules.upsert(box, { { email = "a@example.com", name = "one", fields = { Age = "1" }, tags = { "x" } } })
    local answer = rules.upsert(box, { { email = "a@example.com", name = "two", fields = { Age = "2" },
      tags = { "y" } } }, 1, false)
    assert.equal(1, answer.totalUpdated)
    local member = rules.find(box, "a@example.com")
    assert.same({ "one", "1", "x,y" }, { member.name, member.fields.Age, table.concat(member.tagNames, ",") })
  end)

  it("false with untouched_tags = keep and untouched_listed = no does nothing at all", function()
    local box = start { untouched_tags = "keep", untouched_listed = "no" }
    rules.upsert(box, { { email = "a@example.com", tags = { "x" } } })
    local answer = rules.upsert(box, { { email = "a@example.com", tags = { "y" } } }, 0, false)
    assert.same({ 0, 0 }, { answer.totalUpdated, #answer.updatedMembers })
    assert.equal("x", tags_of(box, "a@example.com"))
  end)

  it("is required", function()
    local box = start()
    local status, answer = rules.sc(box, "POST", "members", { members = { { email = "a@example.com" } } })
    assert.same({ 400, "updateExisting" }, { status, answer.error.parameter })
  end)
end)

describe("a contact", function()
  it("is found by address without regard to letter case", function()
    local box = start()
    local first = rules.upsert(box, { { email = "Ann@Example.com", name = "one" } })
    local second = rules.upsert(box, { { email = "aNN@example.COM", name = "two" } })
    assert.equal(first.insertedMembers[1].id, second.updatedMembers[1].id)
    local member = rules.find(box, "ANN@EXAMPLE.COM")
    assert.same({ "Ann@Example.com", "two" }, { member.email, member.name })
  end)

  it("that comes twice is inserted, then updated", function()
    local box = start()
    local answer = rules.upsert(box, { { email = "a@example.com", name = "1" }, { email = "A@example.com",
      name = "2" } })
    assert.same({ 1, 1, 0 }, { answer.totalInserted, answer.totalUpdated, answer.errorCount })
    assert.equal("2", rules.find(box, "a@example.com").name)
  end)

  it("that is refused does not stop the others", function()
    local box = start { address_rules = "rules" }
    local answer = rules.upsert(box, { { email = "no-at" }, { name = "x" }, { email = "" }, { email = "a@b" },
      { email = "a b@example.com" }, { email = "a@-x.com" }, { email = ("x"):rep(97) .. "@example.com" },
      { email = "good@example.com" } })
    assert.same({ 1, 0, 7 }, { answer.totalInserted, answer.totalUpdated, answer.errorCount })
    assert.equal("no-at", answer.errors[1].email)
    for _, refused in ipairs(answer.errors) do assert(#refused.message > 5) end
    rules.switch(box, "address_rules", "at")
    assert.equal(1, rules.upsert(box, { { email = "a@b" }, { email = "no-at" } }).totalInserted)
  end)

  it("keeps fields by name, as texts", function()
    local box = start()
    rules.upsert(box, { { email = "a@example.com", fields = { Age = 12, City = "上海", vip = true, ratio = 1.5 } } })
    rules.upsert(box, { { email = "a@example.com", fields = { age = "13", ["备注"] = 'a"b\\c' } } })
    assert.same({ Age = "13", City = "上海", vip = "true", ratio = "1.5", ["备注"] = 'a"b\\c' },
      rules.find(box, "a@example.com").fields)
  end)

  it("loses what null clears, or keeps it", function()
    for _, choice in ipairs { "yes", "no" } do
      local box = start { null_clears = choice }
      rules.upsert(box, { { email = "a@example.com", name = "n", phone = "1", fields = { Age = "1", City = "x" } } })
      rules.upsert(box, { { email = "a@example.com", name = rules.null, fields = { Age = rules.null } } })
      local member = rules.find(box, "a@example.com")
      local kept = choice == "no"
      assert.same({ kept and "n" or rules.null, "1", kept and "1" or nil, "x" },
        { member.name, member.phone, member.fields.Age, member.fields.City })
    end
  end)

  it("ignores reserved names among its fields", function()
    local box = start()
    rules.upsert(box, { { email = "a@example.com", fields = { Email = "x@example.com", createTime = "1",
      Age = "2" } } })
    assert.same({ Age = "2" }, rules.find(box, "a@example.com").fields)
  end)

  it("brings unknown tags and fields with it, or not", function()
    local box = start { unknown_tag = "ignore", unknown_field = "ignore" }
    local member = { email = "a@example.com", tags = { "new" }, fields = { New = "1", Age = "2" } }
    rules.upsert(box, { member })
    local got = rules.find(box, "a@example.com")
    assert.same({ rules.null, { Age = "2" } }, { got.tags, got.fields })
    rules.switch(box, "unknown_tag", "refuse")
    assert.equal("tag [new] does not exist", rules.upsert(box, { member }).errors[1].message)
    rules.switch(box, "unknown_tag", "create")
    rules.switch(box, "unknown_field", "refuse")
    assert.equal("[New] is not defined, please define it first", rules.upsert(box, { member }).errors[1].message)
    rules.switch(box, "unknown_field", "define")
    assert.equal(1, rules.upsert(box, { member }).totalUpdated)
    assert.equal("a", rules.match(box, "and", { "New", "==", "1" }))
  end)

  it("has at most 50 fields, Email, Name and Phone among them", function()
    local box = start()
    local fields = {}
    for i = 1, 44 do fields["f" .. i] = "x" end
    assert.equal(1, rules.upsert(box, { { email = "a@example.com", fields = fields } }).totalInserted)
    local answer = rules.upsert(box, { { email = "b@example.com", fields = { one_more = "x" } } })
    assert.equal(1, answer.errorCount)
  end)
end)

describe("limits of an upsert", function()
  local function members(n)
    local list = {}
    for i = 1, n do list[i] = { email = ("u%d@example.com"):format(i) } end
    return list
  end

  it("are 1 to 1000 contacts, refused whole", function()
    local box = start()
    for _, n in ipairs { 0, 1001 } do
      local status, answer = rules.sc(box, "POST", "members",
        { members = n == 0 and rules.list or members(n), tagFlag = 1, updateExisting = true })
      assert.same({ 400, 400, "members" }, { status, answer.status, answer.error.parameter })
      status, answer = rules.el(box, "POST", "members",
        { members = n == 0 and rules.list or members(n), tag_flag = 1, update_existing = true })
      assert.same({ 400, "number", "string" }, { status, type(answer.code), type(answer.message) })
    end
    assert.equal(1000, rules.upsert(box, members(1000)).totalInserted)
  end)

  it("make a wrong type anywhere refuse the whole request, and nothing is done", function()
    local box = start()
    for _, wrong in ipairs { { email = 5 }, { email = "b@example.com", phone = 1 }, { email = "b@example.com",
      name = true },
      { email = "b@example.com", fields = "x" }, { email = "b@example.com", tags = "x" },
      { email = "b@example.com", tags = { 1 } }, "text" } do
      local status, answer = rules.sc(box, "POST", "members",
        { members = { { email = "a@example.com", tags = { "t" }, fields = { New = "1" } }, wrong }, tagFlag = 1,
          updateExisting = true })
      assert.equal(400, status)
      assert.truthy(answer.error.message:find("members[1]", 1, true), answer.error.message)
    end
    local _, list = rules.sc(box, "POST", "listMembers")
    local _, tags = rules.sc(box, "GET", "tags")
    assert.same({ 0, 0 }, { list.total, tags.total })
    assert.equal("400 fieldName: [New] is not defined, please define it first", rules.match(box, "and", { "New",
      "==", "1" }))
    assert.equal(1, rules.upsert(box, { { email = "a@example.com" } }).totalInserted)
  end)

  it("are flags 0, 1 and 2", function()
    local box = start()
    for _, flag in ipairs { -1, 3, "1", 1.5 } do
      local status, answer = rules.sc(box, "POST", "members",
        { members = members(1), tagFlag = flag, updateExisting = true })
      assert.same({ 400, "tagFlag" }, { status, answer.error.parameter })
    end
  end)

  it("count characters of a tag, not bytes", function()
    local box = start()
    local answer = rules.upsert(box, { { email = "a@example.com", tags = { ("标"):rep(64) } },
      { email = "b@example.com", tags = { ("标"):rep(65) } }, { email = "c@example.com", tags = { "" } } })
    assert.same({ 1, 2 }, { answer.totalInserted, answer.errorCount })
  end)
end)
