-- Switches that have no better place: what each choice does, and that answers name it when it mattered.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local unpack = table.unpack or unpack
local NOBODY = "ffffffffffffffffffffffff"

local function assumed(headers, name)
  return (headers["x-sandbox-assumed"] or ""):find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

local function upsert(box, ...)
  local status, answer, headers = rules.sc(box, "POST", "members",
    { members = { ... }, tagFlag = 1, updateExisting = true })
  assert.equal(200, status)
  return answer, headers
end

describe("address_case", function()
  it("ignore: two spellings are one contact", function()
    local box = tools.start { seed = 1 }
    local _, headers = upsert(box, { email = "Li@qq.com" })
    assert.falsy(assumed(headers, "address_case"))
    local answer
    answer, headers = upsert(box, { email = "li@QQ.com" })
    assert.equal(1, answer.totalUpdated)
    assert.truthy(assumed(headers, "address_case"))
    _, headers = upsert(box, { email = "Li@qq.com" })
    assert.falsy(assumed(headers, "address_case"))
  end)

  it("exact: they are two", function()
    local box = tools.start { seed = 1, address_case = "exact" }
    assert.equal(2, upsert(box, { email = "Li@qq.com" }, { email = "li@qq.com" }).totalInserted)
    assert.equal(1, upsert(box, { email = "li@qq.com", name = "small" }).totalUpdated)
    assert.equal(rules.null, rules.find(box, "Li@qq.com").name)
    assert.equal("small", rules.find(box, "li@qq.com").name)
    assert.is_nil(rules.find(box, "LI@qq.com"))
  end)
end)

describe("repeated_address", function()
  local twice = { { email = "a@qq.com", name = "1" }, { email = "b@qq.com" }, { email = "A@qq.com", name = "2" } }

  it("update: the second updates what the first made", function()
    local box = tools.start { seed = 1 }
    local answer, headers = upsert(box, unpack(twice))
    assert.equal("2 1 0", ("%d %d %d"):format(answer.totalInserted, answer.totalUpdated, answer.errorCount))
    assert.truthy(assumed(headers, "repeated_address"))
    assert.equal("2", rules.find(box, "a@qq.com").name)
  end)

  it("refuse: the second is an error", function()
    local box = tools.start { seed = 1, repeated_address = "refuse" }
    local answer = upsert(box, unpack(twice))
    assert.equal("2 0 1", ("%d %d %d"):format(answer.totalInserted, answer.totalUpdated, answer.errorCount))
    assert.equal("1", rules.find(box, "a@qq.com").name)
    assert.equal(1, upsert(box, { email = "a@qq.com" }).totalUpdated)
  end)
end)

describe("resubscribe", function()
  for _, choice in ipairs { "no", "yes" } do
    it(choice, function()
      local box = tools.start { seed = 1, resubscribe = choice }
      upsert(box, { email = "a@qq.com" })
      local _, headers = upsert(box, { email = "a@qq.com" })
      assert.falsy(assumed(headers, "resubscribe"))
      box:unsubscribe("a@qq.com")
      _, headers = upsert(box, { email = "a@qq.com" })
      assert.truthy(assumed(headers, "resubscribe"))
      assert.equal(choice == "yes", rules.find(box, "a@qq.com").unsubscribeTime == rules.null)
    end)
  end
end)

describe("unknown_member", function()
  local function try(choice)
    local box = tools.start { seed = 1, unknown_member = choice, segment_ms = 0 }
    local id = upsert(box, { email = "a@qq.com" }).insertedMembers[1].id
    local _, tag = rules.sc(box, "POST", "tags", { tagName = "t" })
    local _, segment = rules.sc(box, "POST", "segments", { segmentName = "s", type = 0,
      condition = { relation = "and", items = { { fieldName = "Email", op = "contain", value = "a" } } } })
    return box, { "POST", "tags/" .. tag.id .. "/add", id }, { "POST", "tags/" .. tag.id .. "/remove", id },
      { "DELETE", "segments/" .. segment.segmentId .. "/members", id }
  end

  it("ignore: passed over", function()
    local box, add, remove, drop = try "ignore"
    for _, case in ipairs { add, remove, drop } do
      local status, answer, headers = rules.sc(box, case[1], case[2], { memberIds = { NOBODY, case[3] } })
      assert.equal(200, status)
      assert.equal(1, answer.successCount)
      assert.truthy(assumed(headers, "unknown_member"))
    end
  end)

  it("refuse: nothing is done", function()
    local box, add, remove, drop = try "refuse"
    for _, case in ipairs { add, remove, drop } do
      local status, answer = rules.sc(box, case[1], case[2], { memberIds = { case[3], NOBODY } })
      assert.equal(400, status)
      assert.equal("memberIds", answer.error.parameter)
    end
    assert.truthy(rules.find(box, "a@qq.com"))
    assert.same({}, rules.find(box, "a@qq.com").tagNames)
  end)
end)

describe("segment_search", function()
  for choice, expected in pairs { part = 2, exact = 1 } do
    it(choice, function()
      local box = tools.start { seed = 1, segment_search = choice }
      for _, name in ipairs { "adults", "young adults" } do
        rules.sc(box, "POST", "segments", { segmentName = name, type = 0,
          condition = { relation = "and", items = { { fieldName = "Age", op = ">=", value = "18" } } } })
      end
      local _, answer, headers = rules.sc(box, "GET", "segments?segmentName=adults")
      assert.equal(expected, answer.total)
      assert.truthy(assumed(headers, "segment_search"))
      _, answer, headers = rules.sc(box, "GET", "segments")
      assert.equal(2, answer.total)
      assert.falsy(assumed(headers, "segment_search"))
    end)
  end
end)

describe("error_status and wrong_method", function()
  it("same, 405", function()
    local box = tools.start { seed = 1 }
    local status, _, headers = rules.sc(box, "GET", "tags?count=0")
    assert.equal(400, status)
    assert.truthy(assumed(headers, "error_status"))
    status, _, headers = rules.sc(box, "PUT", "tags")
    assert.equal(405, status)
    assert.truthy(assumed(headers, "wrong_method"))
    assert.equal("POST, GET", headers.allow)
  end)

  it("200, 404", function()
    local box = tools.start { seed = 1, error_status = "200", wrong_method = "404" }
    local status, answer = rules.sc(box, "GET", "tags?count=0")
    assert.equal(200, status)
    assert.equal(400, answer.status)
    local headers
    status, answer, headers = rules.sc(box, "PUT", "tags")
    assert.equal(404, status)
    assert.equal("resource not found", answer.error.message)
    assert.is_nil(headers.allow)
    status, answer = rules.el(box, "PATCH", "tags")
    assert.equal(404, status)
    assert.equal("not found", answer)
    -- the change is not made although the answer is 200
    assert.equal(200, (rules.sc(box, "POST", "members", { members = { { email = "a@qq.com" }, { email = 1 } },
      tagFlag = 1, updateExisting = true })))
    assert.is_nil(rules.find(box, "a@qq.com"))
  end)
end)

describe("list_key and update_answer", function()
  it("are EngageLab's tables instead of its samples", function()
    local box = tools.start { seed = 1, list_key = "list", update_answer = "object" }
    local id = upsert(box, { email = "a@qq.com" }).insertedMembers[1].id
    local _, answer = rules.el(box, "POST", "list_members", {})
    assert.equal("a@qq.com", answer.list[1].email)
    assert.is_nil(answer.result)
    _, answer = rules.el(box, "PUT", "members/" .. id, { name = "n" })
    assert.equal("n", answer.result.name)
  end)

  it("are read by the client either way", function()
    local box = tools.start { seed = 1, list_key = "list", update_answer = "object" }
    local client = assert(box:client { provider = "engagelab", transport = "sandbox" })
    local id = assert(client.members:upsert { { email = "a@qq.com" } }).inserted[1].id
    assert.equal("a@qq.com", assert(client.members:list {})[1].email)
    assert.equal(id, assert(client.members:update(id, { name = "n" })).id)
    client:close()
  end)
end)

describe("the fault strip", function()
  it("loses the body of a request on its way", function()
    local box = tools.start { seed = 1 }
    upsert(box, { email = "a@qq.com" }, { email = "b@gmail.com" })
    box:fault { operation = "members.delete_where", strip = true, times = 1 }
    local _, answer = rules.sc(box, "DELETE", "members/delete-batch", { condition = { relation = "and",
      items = { { fieldName = "Email", op = "contain", value = "gmail" } } } })
    assert.equal(2, answer.successCount) -- without a condition: everybody
    assert.truthy(box:requests { last = 1 }[1].body:find("gmail", 1, true))
    assert.equal("strip", box:requests { last = 1 }[1].fault)
  end)
end)
