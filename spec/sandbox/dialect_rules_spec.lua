-- The two dialects over one store: envelopes, statuses, errors, paths, pages, ids.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local function filled(options)
  options = options or {}
  options.seed, options.clock = options.seed or 42, "2022-06-01 19:15:42"
  local box = tools.start(options)
  local answer = rules.upsert(box, { { email = "xjmfc@126.com", phone = "13681312919", name = "朱锁锁",
    fields = { Birthday = "03/30", Age = "12" }, tags = { "testTag" } } })
  return box, answer.insertedMembers[1].id
end

describe("a contact put in through one dialect", function()
  it("is read through the other, in the documents' forms", function()
    local box, id = filled()
    local _, tags = rules.sc(box, "GET", "tags")
    local tag = tags.list[1].id
    local _, answer = rules.el(box, "GET", "members/" .. id)
    assert.same({ result = {
      member_id = id, list_id = 63486, email = "xjmfc@126.com", phone = "13681312919", name = "朱锁锁",
      fields = { Birthday = "03/30", Age = "12" }, tag_ids = { tag }, tag_names = { "testTag" },
      create_time = "2022-06-01T19:15:42+0800", update_time = "2022-06-01T19:15:42+0800",
        unsubscribe_time = rules.null,
    } }, answer)
    local _, detail = rules.sc(box, "GET", "members/" .. id)
    assert.same({
      id = id, listId = 63486, userId = 99229, email = "xjmfc@126.com", phone = "13681312919", name = "朱锁锁",
      fields = { Birthday = "03/30", Age = "12" }, tags = { tag }, tagNames = { "testTag" },
      createTime = "2022-06-01 19:15:42", updateTime = "2022-06-01 19:15:42", unsubscribeTime = rules.null,
      createTimeFmt = "2022-06-01 19:15:42", updateTimeFmt = "2022-06-01 19:15:42", unsubscribeTimeFmt = rules.null,
    }, detail)
  end)

  it("has an id whose first four bytes are its creation second", function()
    local _, id = filled()
    assert.equal(24, #id)
    assert.equal(1654082142, tonumber(id:sub(1, 8), 16)) -- 2022-06-01 19:15:42 at UTC+8
  end)

  it("has the same id for the same seed, another for another", function()
    local _, first = filled()
    local _, again = filled()
    local _, other = filled { seed = 43 }
    assert.equal(first, again)
    assert.not_equal(first, other)
  end)
end)

describe("members.update", function()
  it("answers the contact (PATCH) or a count (PUT), and replaces tags", function()
    local box, id = filled()
    box:advance(60)
    local status, answer = rules.sc(box, "PATCH", "members/" .. id, { email = "other@126.com", name = "n",
      fields = { Email = "other@126.com", Age = "13" }, tags = { "a", "b" } })
    assert.same({ 200, "xjmfc@126.com", "n", "13681312919" }, { status, answer.email, answer.name, answer.phone })
    assert.same({ { Birthday = "03/30", Age = "13" }, { "a", "b" } }, { answer.fields, answer.tagNames })
    assert.equal("2022-06-01 19:16:42", answer.updateTime)
    status, answer = rules.el(box, "PUT", "members/" .. id, { tags = rules.list, phone = rules.null })
    assert.same({ 200, { count = 1 } }, { status, answer })
    local member = rules.find(box, "xjmfc@126.com")
    assert.same({ rules.null, rules.null, "n" }, { member.tags, member.phone, member.name })
    rules.switch(box, "update_tags", "append")
    rules.sc(box, "PATCH", "members/" .. id, { tags = { "c" } })
    rules.sc(box, "PATCH", "members/" .. id, { tags = { "d" } })
    assert.same({ "c", "d" }, rules.find(box, "xjmfc@126.com").tagNames)
    assert.equal(200, (rules.sc(box, "PATCH", "members/" .. id)))
  end)

  it("refuses what is wrong", function()
    local box, id = filled()
    for _, body in ipairs { { phone = 5 }, { tags = "x" }, { tags = { 5 } }, { fields = "x" }, { tags = { "" } } } do
      local status, answer = rules.sc(box, "PATCH", "members/" .. id, body)
      assert.same({ 400, 400 }, { status, answer.status })
    end
  end)
end)

describe("deleting", function()
  it("answers 204 without a body, or a count", function()
    local box, id = filled()
    local status, body, headers = rules.sc(box, "DELETE", "members/" .. id)
    assert.same({ 204, "" }, { status, body or "" })
    assert.is_nil(headers["content-type"])
    assert.equal(0, ({ rules.sc(box, "POST", "listMembers") })[2].total)
    local _, second = filled()
    box = filled { no_content = "200" }
    local code, text = tools.ask(box, "DELETE", "/marketing/lists/members/" .. second)
    assert.same({ 200, "{}" }, { code, text })
    box = filled()
    local _, answer = rules.el(box, "DELETE", "members/" .. second)
    assert.same({ count = 1 }, answer)
  end)
end)

describe("what is not there", function()
  it("is 404 for SendCloud, code 30036 for EngageLab", function()
    local box = filled()
    local id = "62974a5e490f33c5eee647a2"
    for _, try in ipairs { { "GET" }, { "DELETE" }, { "PATCH", "{}" } } do
      local status, answer = rules.sc(box, try[1], "members/" .. id, try[2])
      assert.same({ 404, { status = 404, error = { parameter = "", message = "resource not found" } } },
        { status, answer })
    end
    for _, try in ipairs { { "GET" }, { "DELETE" }, { "PUT", "{}" } } do
      local status, answer, headers = rules.el(box, try[1], "members/8", try[2])
      assert.same({ 200, { code = 30036, message = "resource not found" } }, { status, answer })
      assert.equal(try[1] ~= "PUT" and "not_found_status" or nil, headers["x-sandbox-assumed"])
    end
    rules.switch(box, "not_found_status", "404")
    assert.equal(404, (rules.el(box, "GET", "members/8")))
  end)

  it("is a plain text for unknown paths of EngageLab", function()
    local box = filled()
    for _, path in ipairs { "", "nothing", "members/", "members/a/b", "delete-batch", "tags/x/y" } do
      local status, body, headers = rules.el(box, "GET", path)
      assert.same({ 404, "not found" }, { status, body })
      assert.truthy(headers["content-type"]:find("text/plain", 1, true))
      assert.equal(404, (rules.sc(box, "GET", path)))
    end
  end)
end)

describe("a wrong method", function()
  local cases = {
    { "sc", "PUT", "members/8", "DELETE, PATCH, GET" },
    { "el", "PATCH", "members/8", "DELETE, PUT, GET" },
    { "sc", "GET", "members", "POST" },
    { "sc", "GET", "members/delete-batch", "DELETE" },
    { "el", "GET", "members/delete", "DELETE" },
    { "sc", "GET", "listMembers", "POST" },
    { "el", "GET", "list_members", "POST" },
    { "sc", "POST", "segments/8/process", "GET" },
    { "sc", "HEAD", "tags", "POST, GET" },
  }
  for _, case in ipairs(cases) do
    it(("%s %s of %s is 405"):format(case[2], case[3], case[1]), function()
      local status, _, headers = rules[case[1]](filled(), case[2], case[3], case[2] ~= "GET" and "{}" or nil)
      assert.same({ 405, case[4] }, { status, headers.allow })
    end)
  end
end)

describe("both names of EngageLab's list", function()
  it("are served", function()
    local box = filled()
    for _, path in ipairs { "list_members", "listMembers" } do
      local status, answer = rules.el(box, "POST", path)
      assert.same({ 200, 1, 1 }, { status, answer.total, answer.count })
    end
  end)
end)

describe("credentials", function()
  local function ask(box, target, line)
    local status, body = tools.ask(box, "GET", target, nil, { line })
    return status, body
  end

  it("are checked in each dialect's scheme, white space aside", function()
    local box = filled()
    local token = tools.token(box)
    local sc, el = "/marketing/lists/tags", "/v1/marketing/lists/tags"
    for _, line in ipairs { "Authorization: Bearer " .. token, "Authorization:Bearer " .. token,
      "authorization:  bearer   " .. token .. "  " } do
      assert.equal(200, (ask(box, sc, line)), line)
    end
    assert.equal(200, (ask(box, el, "Authorization:Basic  " .. token)))
    for _, line in ipairs { "Authorization: Basic " .. token, "Authorization: Bearer", "Authorization: " .. token,
      "Authorization: Bearer " .. token .. "x", "Authorization: Bearer " .. token:sub(1, -2), "X: y" } do
      local status, body = ask(box, sc, line)
      assert.same({ 401, '{"status":401,"error":{"parameter":"","message":"Unauthorized"}}' }, { status, body })
    end
    local status, body = ask(box, el, "Authorization: Bearer " .. token)
    assert.same({ 401, '{"code":30000,"message":"Authentication failed"}' }, { status, body })
    rules.switch(box, "auth", "open")
    assert.equal(200, (ask(box, el, "X: y")))
  end)
end)

describe("pages", function()
  local function many(options)
    options = options or {}
    options.seed = 42
    local box = tools.start(options)
    local members = {}
    for i = 1, 250 do members[i] = { email = ("u%03d@example.com"):format(i),
      tags = i % 2 == 0 and { "even" } or nil } end
    rules.upsert(box, members)
    return box
  end

  local function page(box, query, condition)
    local status, answer = rules.sc(box, "POST", "listMembers" .. query, { condition = condition })
    if status ~= 200 then return status .. " " .. answer.error.parameter end
    local first, last = answer.list[1], answer.list[#answer.list]
    return ("%d %s-%s of %d"):format(#answer.list, first and first.email:sub(2, 4) or "",
      last and last.email:sub(2, 4) or "", answer.total)
  end

  it("have 10 rows from the newest on, or what is asked for", function()
    local box = many()
    assert.equal("10 250-241 of 250", page(box, ""))
    assert.equal("100 150-051 of 250", page(box, "?count=100&offset=100"))
    assert.equal("50 050-001 of 250", page(box, "?offset=200&count=100"))
    assert.equal("0 - of 250", page(box, "?offset=250"))
    assert.equal("1 001-001 of 250", page(box, "?offset=249&count=%20100"))
    rules.switch(box, "order", "oldest")
    assert.equal("10 001-010 of 250", page(box, ""))
    assert.equal("3 248-250 of 250", page(box, "?offset=247&count=100"))
  end)

  it("follow each other in any order of asking, while nothing changes and when something does", function()
    local box = many()
    local even = { relation = "and", items = { { fieldName = "tag", op = "==", value = "even" } } }
    assert.equal("20 250-212 of 125", page(box, "?count=20", even))
    assert.equal("20 170-132 of 125", page(box, "?count=20&offset=40", even))
    assert.equal("20 210-172 of 125", page(box, "?count=20&offset=20", even))
    assert.equal("5 010-002 of 125", page(box, "?count=20&offset=120", even))
    assert.equal("10 240-231 of 250", page(box, "?offset=10"))
    rules.upsert(box, { { email = "u999@example.com", tags = { "even" } } })
    assert.equal("10 241-232 of 251", page(box, "?offset=10"))
    assert.equal("20 212-174 of 126", page(box, "?count=20&offset=20", even))
    rules.sc(box, "DELETE", "members/" .. rules.find(box, "u999@example.com").id)
    assert.equal("20 210-172 of 125", page(box, "?count=20&offset=20", even))
    rules.upsert(box, { { email = "u250@example.com", tags = rules.list } }, 0)
    assert.equal("20 248-210 of 124", page(box, "?count=20", even))
    assert.equal("10 250-241 of 250", page(box, ""))
  end)

  it("have 1 to 100 rows from 0 on: 400, or clamped", function()
    local box = many()
    for _, query in ipairs { "count=0", "count=101", "count=-1", "count=x", "count=1.5",
      "count=99999999999999999999" } do
      assert.equal("400 count", page(box, "?" .. query))
    end
    for _, query in ipairs { "offset=-1", "offset=x", "offset=1e3", "offset=99999999999999999999" } do
      assert.equal("400 offset", page(box, "?" .. query))
    end
    assert.equal("400 ", page(box, "?count=%zz"))
    assert.equal("400 ", page(box, "?count=%ff"))
    assert.equal("0 - of 250", page(box, "?offset=9000000000000000000"))
    rules.switch(box, "page_range", "clamp")
    assert.equal("100 250-151 of 250", page(box, "?count=101&offset=-5"))
    assert.equal("1 250-250 of 250", page(box, "?count=0"))
  end)

  it("are limit and offset for EngageLab", function()
    local box = many()
    local _, answer = rules.el(box, "POST", "list_members?limit=100&offset=200")
    assert.same({ 250, 50, 50 }, { answer.total, answer.count, #answer.result })
    local status, refused = rules.el(box, "POST", "list_members?limit=101")
    assert.same({ 400, "limit must be 1 to 100" }, { status, refused.message })
    _, answer = rules.el(box, "POST", "list_members?count=100")
    assert.equal(10, answer.count)
  end)
end)

describe("the quirks of the samples", function()
  it("are switches", function()
    local box, id = filled { empty_tags = "list", create_date = "yes", user_id = 7, list_id = 8, trim_ids = "yes" }
    rules.upsert(box, { { email = "b@example.com" } })
    local member = rules.find(box, "b@example.com")
    assert.same({ {}, "2022-06-01 19:15:42", 7, 8 }, { member.tags, member.createDate, member.userId, member.listId })
    assert.is_nil(member.createTime)
    assert.equal(200, (rules.sc(box, "GET", "members/%20" .. id .. "%20")))
    rules.switch(box, "trim_ids", "no")
    assert.equal(404, (rules.sc(box, "GET", "members/%20" .. id)))
  end)
end)
