-- The documents' own command lines, run by curl against the sandbox. Host replaced; blanks in
-- addresses and the missing quotes around them mended, as the examples were never run.

local cjson = require "cjson"
local tools = require "spec.sandbox.tools"

local JSON = "Content-Type: application/json; charset=utf-8"
local BEARER = "Authorization:Bearer YXBpX3VzZXI6YXBpX2tleQ=="
local BASIC = "Authorization:Basic YXBpX3VzZXI6YXBpX2tleQ=="

local MEMBERS = "/marketing/lists/members"
local TAGS = "/marketing/lists/tags"
local SEGMENTS = "/marketing/lists/segments"

local box

local function run(method, header, path, data)
  local arguments = { "-X", method, "-H", header, box.url .. path }
  if data then
    arguments = { "-X", method, "-H", JSON, "-H", header, box.url .. path, "--data", data }
  end
  local answer = tools.curl((table.unpack or unpack)(arguments)) -- luacheck: ignore
  assert.equal(0, answer.code)
  if answer.body ~= "" then answer.json = cjson.decode(answer.body) end
  return answer
end

-- The names of an object's members, sorted.
local function names(object)
  local out = {}
  for name in pairs(object) do out[#out + 1] = name end
  table.sort(out)
  return table.concat(out, " ")
end

local MEMBER = "createTime createTimeFmt email fields id listId name phone tagNames tags unsubscribeTime "
  .. "unsubscribeTimeFmt updateTime updateTimeFmt userId"
local SEGMENT = "conditions createTime listId memberTotal process relation segmentId segmentName status "
  .. "type updateTime userId"
local TAG = "count createTime id tagName updateTime userId"
local UPSERTED = '{"members":[{"email":"xjmfc@126.com","phone":"13681312919","name":"朱锁锁","fields":'
  .. '{"Birthday":"03/30","Age":"12","customField":"我的测试"},"tags":["testTag"]}],%s:0,%s:true}'

before_each(function() box = tools.start { seed = 42 } end)
after_each(tools.stop_all)

local function seed_member()
  local answer = run("POST", BEARER, MEMBERS, UPSERTED:format('"tagFlag"', '"updateExisting"'))
  assert.equal(200, answer.status)
  return answer.json.insertedMembers[1].id, answer.json
end

local function contain(name, field, value)
  return ('{"condition":{"relation":"and","items":[{"%s":"%s","op":"contain","value":"%s"}]}}')
    :format(name, field, value)
end

local EITHER = [[

{
    "condition": {
        "relation": "or",
        "items": [
            { "%s": "Email", "op": "contain", "value": "hotmail.com" },
            { "%s": "Phone", "op": "contain", "value": "188" }
        ]
    }
}
]]

describe("SendCloud's members", function()
  it("upsert", function()
    local _, body = seed_member()
    assert.equal("errorCount errors insertedMembers totalInserted totalUpdated updatedMembers", names(body))
    assert.same({ 1, 0, 0, "xjmfc@126.com" },
      { body.totalInserted, body.totalUpdated, body.errorCount, body.insertedMembers[1].email })
    assert.truthy(body.insertedMembers[1].id:match("^%x+$"))
    assert.equal(24, #body.insertedMembers[1].id)
  end)

  it("delete one", function()
    local answer = run("DELETE", BEARER, MEMBERS .. "/8")
    assert.equal(404, answer.status)
    assert.same({ status = 404, error = { parameter = "", message = "resource not found" } }, answer.json)
    answer = run("DELETE", BEARER, MEMBERS .. "/" .. seed_member())
    assert.same({ 204, "" }, { answer.status, answer.body })
    assert.is_nil(answer.headers["content-length"])
  end)

  it("delete by a condition", function()
    seed_member()
    run("POST", BEARER, MEMBERS,
      '{"members":[{"email":"a@hotmail.com"},{"email":"b@x.org","phone":"1881"}],"updateExisting":true}')
    local answer = run("DELETE", BEARER, MEMBERS .. "/delete-batch", EITHER:format("fieldName", "fieldName"))
    assert.equal(200, answer.status)
    assert.same({ successCount = 2 }, answer.json)
  end)

  it("update one", function()
    local id = seed_member()
    local answer = run("PATCH", BEARER, MEMBERS .. "/" .. id, '{"email":"xjmfc@126.com","phone":"13681312919",'
      .. '"name":"朱锁锁","fields":{"Email":"xjmfc@126.com","Birthday":"03/30","Age":"12","customField":'
      .. '"我的测试"},"tags":["testTag"]}')
    assert.equal(200, answer.status)
    assert.equal(MEMBER, names(answer.json))
    assert.same({ id, "朱锁锁", "testTag" }, { answer.json.id, answer.json.name, answer.json.tagNames[1] })
  end)

  it("get", function()
    local id = seed_member()
    local answer = run("GET", BEARER, MEMBERS .. "/" .. id)
    assert.equal(200, answer.status)
    assert.equal("xjmfc@126.com", answer.json.email)
    assert.equal("12", answer.json.fields.Age)
    assert.equal("我的测试", answer.json.fields.customField)
    assert.equal(404, run("GET", BEARER, MEMBERS .. "/62974a5e490f33c5eee647a2").status)
  end)

  it("list", function()
    seed_member()
    local path = "/marketing/lists/listMembers?offset=0&count=10"
    local answer = run("POST", BEARER, path, contain("fieldName", "Email", "qq.com"))
    assert.same({ 200, 0, 0 }, { answer.status, answer.json.total, #answer.json.list })
    answer = run("POST", BEARER, path, contain("fieldName", "Email", "126.com"))
    assert.equal(1, answer.json.total)
    assert.equal("list total", names(answer.json))
    assert.equal(MEMBER, names(answer.json.list[1]))
  end)

  it("wrong credentials", function()
    local answer = run("GET", "Authorization:Bearer x", MEMBERS .. "/1")
    assert.equal(401, answer.status)
    assert.same({ status = 401, error = { parameter = "", message = "Unauthorized" } }, answer.json)
    assert.equal(401, run("GET", BASIC, MEMBERS .. "/1").status)
    assert.equal(404, run("GET", "Authorization:   Bearer    " .. BEARER:match("%S+$"), MEMBERS .. "/1").status)
  end)
end)

describe("SendCloud's tags", function()
  local function seed_tag()
    local answer = run("POST", BEARER, TAGS, '{\n  "tagName": "myCustomTag"\n}')
    assert.equal(201, answer.status)
    assert.equal("id", names(answer.json))
    return answer.json.id
  end

  it("create, delete", function()
    local id = seed_tag()
    assert.equal(204, run("DELETE", BEARER, TAGS .. "/" .. id).status)
    assert.equal(404, run("DELETE", BEARER, TAGS .. "/61c2be010d2b4e6a3836ab1f").status)
  end)

  it("update", function()
    local answer = run("PATCH", BEARER, TAGS .. "/" .. seed_tag(), '{\n  "tagName": "tag_update"\n}')
    assert.equal(200, answer.status)
    assert.equal(TAG, names(answer.json))
    assert.equal("tag_update", answer.json.tagName)
  end)

  it("list", function()
    run("POST", BEARER, TAGS, '{"tagName":"在线教育"}')
    seed_tag()
    -- curl sends the bytes of the name as they are; a shell script would.
    for _, name in ipairs { "教育", "%E6%95%99%E8%82%B2" } do
      local answer = run("GET", BEARER, TAGS .. "?offset=0&count=10&tagName=" .. name)
      assert.same({ 200, 1 }, { answer.status, answer.json.total })
      assert.equal(TAG, names(answer.json.list[1]))
      assert.same({ "在线教育", 0 }, { answer.json.list[1].tagName, answer.json.list[1].count })
    end
  end)

  it("add, members, remove", function()
    local tag, member = seed_tag(), seed_member()
    local ids = ('{\n  "memberIds": [\n    "%s",\n    "61c2be010d2b4e6a3836ab1d"\n  ]\n}'):format(member)
    local answer = run("POST", BEARER, TAGS .. "/" .. tag .. "/add", ids)
    assert.equal(200, answer.status)
    assert.same({ successCount = 1 }, answer.json)
    answer = run("GET", BEARER, TAGS .. "/" .. tag .. "/members?offset=0&count=10")
    assert.same({ 200, 1, member }, { answer.status, answer.json.total, answer.json.list[1].id })
    assert.equal(MEMBER, names(answer.json.list[1]))
    answer = run("POST", BEARER, TAGS .. "/" .. tag .. "/remove", ids)
    assert.same({ 200, 1 }, { answer.status, answer.json.successCount })
    answer = run("GET", BEARER, TAGS .. "/" .. tag .. "/members?offset=0&count=10")
    assert.equal(0, answer.json.total)
  end)
end)

describe("SendCloud's segments", function()
  local BY_NAME = [[{
  "segmentName": "湖北用户",
  "type": 0,
  "condition": {
    "relation": "and",
    "items": [ { "fieldName": "Name", "op": "contain", "value": "%s" } ]
  }
}]]

  local function seed_segment(value)
    local answer = run("POST", BEARER, SEGMENTS, BY_NAME:format(value or "李磊"))
    assert.equal(201, answer.status)
    assert.equal("segmentId", names(answer.json))
    return answer.json.segmentId
  end

  it("create, of an unknown field", function()
    seed_segment()
    local answer = run("POST", BEARER, SEGMENTS, (BY_NAME:format("1"):gsub('"Name"', '"asge"')))
    assert.equal(400, answer.status)
    assert.same({ status = 400, error = { parameter = "fieldName",
      message = "[asge] is not defined, please define it first" } }, answer.json)
  end)

  it("delete", function()
    assert.equal(204, run("DELETE", BEARER, SEGMENTS .. "/" .. seed_segment()).status)
    local answer = run("DELETE", BEARER, SEGMENTS .. "/asfd4561361q5574")
    assert.equal(404, answer.status)
    assert.same({ status = 404, error = { parameter = "", message = "resource not found" } }, answer.json)
  end)

  it("update, get, list, process", function()
    local id = seed_segment()
    local answer = run("PATCH", BEARER, SEGMENTS .. "/" .. id, BY_NAME:format("leonwang"))
    assert.equal(200, answer.status)
    assert.equal(SEGMENT, names(answer.json))
    assert.equal("leonwang", answer.json.conditions[1].value)
    answer = run("GET", BEARER, SEGMENTS .. "/" .. id)
    assert.same({ 200, "1" }, { answer.status, answer.json.status })
    answer = run("GET", BEARER, SEGMENTS .. "/" .. id .. "/process")
    assert.equal("complete percent statusDesc", names(answer.json))
    assert.False(answer.json.complete)
    box:advance(60)
    answer = run("GET", BEARER, SEGMENTS .. "/" .. id .. "/process")
    assert.same({ percent = 100, complete = true, statusDesc = "segmentation completed" }, answer.json)
    answer = run("GET", BEARER, SEGMENTS .. "?offset=0&count=10&segmentName=%E6%B9%96%E5%8C%97&type=0")
    assert.same({ 200, 1, "2" }, { answer.status, answer.json.total, answer.json.list[1].status })
    assert.equal(SEGMENT, names(answer.json.list[1]))
    answer = run("GET", BEARER, SEGMENTS .. "?offset=0&count=10&segmentName=abc_by_name&type=0")
    assert.same({ 200, 0 }, { answer.status, answer.json.total })
  end)

  it("members, delete members", function()
    local id, member = seed_segment("朱"), seed_member()
    box:advance(60)
    run("PATCH", BEARER, SEGMENTS .. "/" .. id, BY_NAME:format("朱"))
    box:advance(60)
    local path = SEGMENTS .. "/" .. id .. "/members"
    local answer = run("POST", BEARER, path .. "?offset=0&count=10", contain("fieldName", "Email", "tw"))
    assert.same({ 200, 0 }, { answer.status, answer.json.total })
    answer = run("POST", BEARER, path .. "?offset=0&count=10", contain("fieldName", "Email", "126"))
    assert.same({ 200, 1, member }, { answer.status, answer.json.total, answer.json.list[1].id })
    answer = run("DELETE", BEARER, path, ('{\n  "memberIds": [\n    "%s",\n    "2sadfs288332223s"\n  ]\n}')
      :format(member))
    assert.equal(200, answer.status)
    assert.same({ successCount = 1 }, answer.json)
  end)
end)

describe("EngageLab's members", function()
  local ROOT = "/v1" .. MEMBERS

  local function seed()
    local answer = run("POST", BASIC, ROOT, UPSERTED:format('"tag_flag"', '"update_existing"'))
    assert.equal(200, answer.status)
    assert.equal("created_count created_members error_count error_members updated_count updated_members",
      names(answer.json))
    return answer.json.created_members[1].member_id
  end

  it("upsert, get, update", function()
    local id = seed()
    local answer = run("GET", BASIC, ROOT .. "/" .. id)
    assert.same({ 200, "xjmfc@126.com", "testTag" },
      { answer.status, answer.json.result.email, answer.json.result.tag_names[1] })
    assert.equal("create_time email fields list_id member_id name phone tag_ids tag_names unsubscribe_time "
      .. "update_time", names(answer.json.result))
    assert.truthy(answer.json.result.create_time:match("^%d+%-%d+%-%d+T%d+:%d+:%d+%+0800$"))
    answer = run("PUT", BASIC, ROOT .. "/" .. id, '{"phone":"13681312919","name":"朱锁锁","fields":{"Birthday":'
      .. '"03/30","Age":"12","customField":"我的测试"},"tags":["testTag"]}')
    assert.equal(200, answer.status)
    assert.same({ count = 1 }, answer.json)
    answer = run("PUT", BASIC, ROOT .. "/62974a5e490f33c5eee647a2", '{"phone":"1"}')
    assert.equal(200, answer.status)
    assert.same({ code = 30036, message = "resource not found" }, answer.json)
  end)

  it("delete one, delete by a condition", function()
    local answer = run("DELETE", BASIC, ROOT .. "/" .. seed())
    assert.equal(200, answer.status)
    assert.same({ count = 1 }, answer.json)
    assert.equal(30036, run("DELETE", BASIC, ROOT .. "/8").json.code)
    run("POST", BASIC, ROOT, '{"members":[{"email":"a@hotmail.com"}],"update_existing":true}')
    answer = run("DELETE", BASIC, ROOT .. "/delete", EITHER:format("field_name", "field_name"))
    assert.equal(200, answer.status)
    assert.same({ count = 1 }, answer.json)
  end)

  it("list, by both of its addresses", function()
    seed()
    for _, path in ipairs { "listMembers", "list_members" } do
      local answer = run("POST", BASIC, "/v1/marketing/lists/" .. path .. "?offset=0&limit=10",
        contain("field_name", "Email", "126.com"))
      assert.equal(200, answer.status)
      assert.equal("count result total", names(answer.json))
      assert.same({ 1, 1, "xjmfc@126.com" },
        { answer.json.total, answer.json.count, answer.json.result[1].email })
    end
  end)

  it("wrong credentials", function()
    local answer = run("GET", "Authorization:Basic x", ROOT .. "/1")
    assert.equal(401, answer.status)
    assert.same({ code = 30000, message = "Authentication failed" }, answer.json)
    assert.equal(401, run("GET", BEARER, ROOT .. "/1").status)
  end)

  it("a path that is none", function()
    local answer = tools.curl("-H", BASIC, box.url .. "/v1/nowhere")
    assert.same({ 404, "not found" }, { answer.status, answer.body })
  end)
end)
