-- Tags in both dialects: lifecycle, names, counts, members.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local function filled(options)
  options = options or {}
  options.seed = 42
  local box = tools.start(options)
  local answer = rules.upsert(box, { { email = "a@example.com" }, { email = "b@example.com" },
    { email = "c@example.com" } })
  local ids = {}
  for i, member in ipairs(answer.insertedMembers) do ids[i] = member.id end
  return box, ids
end

describe("tags", function()
  it("are made, read, renamed and deleted", function()
    local box = filled()
    local status, answer = rules.sc(box, "POST", "tags", { tagName = "myCustomTag" })
    assert.equal(201, status)
    assert.truthy(answer.id:find("^%x+$") and #answer.id == 24)
    box:advance(60)
    local _, updated = rules.sc(box, "PATCH", "tags/" .. answer.id, { tagName = "tag_update" })
    assert.same({ id = answer.id, userId = 99229, tagName = "tag_update", createTime = "2026-01-01 09:00:00",
      updateTime = "2026-01-01 09:01:00", count = 0 }, updated)
    local deleted, body = rules.sc(box, "DELETE", "tags/" .. answer.id)
    assert.same({ 204, "" }, { deleted, body or "" })
    for _, try in ipairs { { "DELETE" }, { "PATCH", { tagName = "x" } } } do
      local code, missing = rules.sc(box, try[1], "tags/" .. answer.id, try[2])
      assert.same({ 404, { status = 404, error = { parameter = "", message = "resource not found" } } }, { code,
        missing })
    end
  end)

  it("speak EngageLab's way too, marked as assumed", function()
    local box = filled()
    local status, answer, headers = rules.el(box, "POST", "tags", { name = "one" })
    assert.equal(200, status)
    assert.truthy(headers["x-sandbox-assumed"]:find("engagelab_more", 1, true))
    local tag = answer.result
    assert.same({ "one", "2026-01-01T09:00:00+0800" }, { tag.tag_name, tag.create_time })
    local _
    _, answer = rules.el(box, "POST", "tags", { tag_name = "two" })
    assert.equal("two", answer.result.tag_name)
    status, answer = rules.el(box, "PUT", "tags/" .. tag.tag_id, { name = "uno" })
    assert.same({ 200, { count = 1 } }, { status, answer })
    _, answer = rules.el(box, "GET", "tags?tag_name=UN&limit=5")
    assert.same({ 1, 1, "uno" }, { answer.total, answer.count, answer.result[1].tag_name })
    _, answer = rules.el(box, "DELETE", "tags/" .. tag.tag_id)
    assert.same({ count = 1 }, answer)
    status, answer = rules.el(box, "DELETE", "tags/" .. tag.tag_id)
    assert.same({ 200, { code = 30036, message = "resource not found" } }, { status, answer })
    status, answer = rules.el(box, "POST", "tags", { name = "two" })
    assert.same({ 400, 32603 }, { status, answer.code })
    rules.switch(box, "engagelab_more", "no")
    status, answer = rules.el(box, "GET", "tags")
    assert.same({ 404, "not found" }, { status, answer })
  end)

  it("have names of 1 to 64 characters", function()
    local box = filled()
    for _, name in ipairs { "", ("标"):rep(65), 5, true, rules.list } do
      local status, answer = rules.sc(box, "POST", "tags", { tagName = name })
      assert.same({ 400, "tagName" }, { status, answer.error.parameter })
    end
    assert.equal(400, (rules.sc(box, "POST", "tags", "{}")))
    assert.equal(201, (rules.sc(box, "POST", "tags", { tagName = ("标"):rep(64) })))
    assert.equal(201, (rules.sc(box, "POST", "tags", { tagName = "a-b c" })))
    rules.switch(box, "tag_names", "documented")
    assert.equal(400, (rules.sc(box, "POST", "tags", { tagName = "a-b" })))
    assert.equal(201, (rules.sc(box, "POST", "tags", { tagName = "a_b教育" })))
  end)

  it("are one of a name, or the one that is there", function()
    local box = filled()
    local _, first = rules.sc(box, "POST", "tags", { tagName = "x" })
    local status, answer = rules.sc(box, "POST", "tags", { tagName = "x" })
    assert.same({ 400, "tagName" }, { status, answer.error.parameter })
    rules.sc(box, "POST", "tags", { tagName = "y" })
    assert.equal(400, (rules.sc(box, "PATCH", "tags/" .. first.id, { tagName = "y" })))
    assert.equal(200, (rules.sc(box, "PATCH", "tags/" .. first.id, { tagName = "x" })))
    assert.equal(200, (rules.sc(box, "PATCH", "tags/" .. first.id, "{}")))
    rules.switch(box, "duplicate_tag", "reuse")
    _, answer = rules.sc(box, "POST", "tags", { tagName = "x" })
    assert.equal(first.id, answer.id)
  end)

  it("are searched by a part of the name, newest first", function()
    local box = filled()
    for _, name in ipairs { "alpha", "beta", "Alphabet", "教育" } do rules.sc(box, "POST", "tags",
      { tagName = name }) end
    local function names(query)
      local _, answer = rules.sc(box, "GET", "tags" .. query)
      local list = {}
      for i, tag in ipairs(answer.list) do list[i] = tag.tagName end
      return ("%s of %d"):format(table.concat(list, ","), answer.total)
    end
    assert.equal("教育,Alphabet,beta,alpha of 4", names(""))
    assert.equal("Alphabet,alpha of 2", names("?tagName=alpha"))
    assert.equal("教育 of 1", names("?tagName=%E6%95%99%E8%82%B2"))
    assert.equal(" of 0", names("?tagName=.*"))
    assert.equal("Alphabet,beta of 4", names("?count=2&offset=1"))
    assert.equal(" of 4", names("?offset=99"))
    rules.switch(box, "order", "oldest")
    assert.equal("alpha,beta of 4", names("?count=2"))
  end)

  it("are given to members and taken away", function()
    local box, ids = filled()
    local _, tag = rules.sc(box, "POST", "tags", { tagName = "x" })
    local path = "tags/" .. tag.id
    local _, answer = rules.sc(box, "POST", path .. "/add", { memberIds = { ids[1], ids[2], "unknown", ids[2] } })
    assert.same({ successCount = 3 }, answer)
    _, answer = rules.sc(box, "GET", path .. "/members?count=1")
    assert.same({ 2, "b@example.com" }, { answer.total, answer.list[1].email })
    _, answer = rules.sc(box, "GET", path .. "/members?count=1&offset=1")
    assert.same({ 2, "a@example.com" }, { answer.total, answer.list[1].email })
    rules.switch(box, "tag_count", "changed")
    _, answer = rules.sc(box, "POST", path .. "/add", { memberIds = { ids[1], ids[3] } })
    assert.same({ successCount = 1 }, answer)
    _, answer = rules.el(box, "POST", path .. "/remove", { member_ids = { ids[1], ids[1] } })
    assert.same({ count = 1 }, answer)
    _, answer = rules.el(box, "GET", path .. "/members?limit=100")
    assert.same({ 2, 2 }, { answer.total, answer.count })
    rules.sc(box, "DELETE", "members/" .. ids[2])
    _, answer = rules.sc(box, "GET", "tags")
    assert.equal(1, answer.list[1].count)
    rules.sc(box, "DELETE", path)
    assert.equal(rules.null, rules.find(box, "c@example.com").tags)
  end)

  it("take 1 to 1000 ids at once", function()
    local box = filled()
    local _, tag = rules.sc(box, "POST", "tags", { tagName = "x" })
    local many = {}
    for i = 1, 1001 do many[i] = ("%024x"):format(i) end
    for _, body in ipairs { { memberIds = rules.list }, { memberIds = many }, { memberIds = "x" },
      { memberIds = { 5 } }, {} } do
      local status, answer = rules.sc(box, "POST", "tags/" .. tag.id .. "/add", body)
      assert.same({ 400, "memberIds" }, { status, answer.error.parameter })
    end
    many[1001] = nil
    assert.equal(200, (rules.sc(box, "POST", "tags/" .. tag.id .. "/add", { memberIds = many })))
  end)
end)
