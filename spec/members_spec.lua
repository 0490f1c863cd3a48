local scripted = require "spec.support.scripted"
local sendcloud = require "sendcloud"

local json, script = scripted.json, scripted.client

local FULL = '{"id":"8","email":"a@b.example","name":"new","tags":["t1"],"tagNames":["vip"]}'

describe("a member", function()
  it("has its methods", function()
    local client, requests = script(function(request)
      if request.method == "DELETE" then return json(204, "") end
      return json(200, request.method == "PATCH" and FULL or '{"id":"8","email":"a@b.example"}')
    end)
    local member = assert(client.members:get("8"))
    assert.same({ {}, {}, {} }, { member.fields, member.tag_ids, member.tag_names })
    assert.equal(member, member:update { name = "new", phone = sendcloud.null })
    assert.same({ "new", { "t1" }, { "vip" } }, { member.name, member.tag_ids, member.tag_names })
    assert.equal('{"phone":null,"name":"new"}', requests[2].body)
    assert.equal(member, member:refresh())
    assert.is_nil(member.name)
    assert.is_true(member:delete())
    assert.equal("/marketing/lists/members/8", requests[4].path)
  end)

  it("of EngageLab is answered with its id after a change", function()
    local client, requests = script(function(request)
      if request.method == "PUT" then return json(200, '{"count":1}') end
      return json(200, '{"result":{"member_id":"8","email":"a@b.example","name":"new"}}')
    end, { provider = "engagelab" })
    local changed = assert(client.members:update("8", { name = "new" }))
    assert.equal("8", changed.id)
    assert.equal("new", assert(changed:refresh()).name)
    local same = assert(changed:update { name = "other" })
    assert.equal("8", same.id)
    assert.equal("a@b.example", changed.email)
    assert.equal(3, #requests)
  end)

  it("cannot be given another id or address", function()
    local client, requests = script { json(200, FULL) }
    for _, changes in ipairs { { id = "9" }, { email = "x@y.example" }, { tag_ids = {} } } do
      local _, err = client.members:update("8", changes)
      assert.equal("invalid", err.kind)
      assert.equal(next(changes), err.parameter)
      assert.equal("not_sent", err.outcome)
    end
    assert.equal(0, #requests)
  end)
end)

describe("upserting", function()
  local ANSWER = '{"totalInserted":1,"insertedMembers":[{"email":"a@b.example","id":"8"}],'
    .. '"totalUpdated":0,"updatedMembers":[],"errorCount":0,"errors":[]}'

  it("tells who gives one member that a list is wanted", function()
    local client, requests = script { json(200, ANSWER) }
    local _, err = client.members:upsert { email = "a@b.example" }
    assert.same({ "invalid", "members", "not_sent" }, { err.kind, err.parameter, err.outcome })
    assert.truthy(err.message:find("a list of members", 1, true))
    assert.equal(0, #requests)
  end)

  it("says both rules every time", function()
    local client, requests = script { json(200, ANSWER) }
    local report = assert(client.members:upsert {
      { email = "a@b.example", fields = { Age = 12 }, tags = {} } })
    assert.equal("8", report.inserted[1].id)
    assert.equal('{"members":[{"email":"a@b.example","fields":{"Age":"12"},"tags":[]}],'
      .. '"tagFlag":1,"updateExisting":true}', requests[1].body)
    assert(client.members:upsert({ { email = "a@b.example" } },
      { tag_mode = "replace", update_existing = false }))
    assert.equal('{"members":[{"email":"a@b.example"}],"tagFlag":0,"updateExisting":false}',
      requests[2].body)
    assert(client.members:upsert({ { email = "a@b.example" } }, { tag_mode = 2 }))
    assert.truthy(requests[3].body:find('"tagFlag":2', 1, true))
  end)

  it("refuses what no document knows", function()
    local client, requests = script { json(200, ANSWER) }
    for _, options in ipairs { { tag_mode = "drop" }, { tagmode = "keep" },
      { update_existing = "yes" }, { members = { 5 } } } do
      local _, err = client.members:upsert({ { email = 5 } }, options)
      assert.equal("invalid", err.kind)
    end
    assert.equal(0, #requests)
  end)

  it("is repeated when the answer is lost", function()
    local client, requests = script {
      { failure = { kind = "timeout", message = "late", outcome = "unknown" } },
      json(500, ""), json(200, ANSWER),
    }
    assert(client.members:upsert { { email = "a@b.example" } })
    assert.equal(3, #requests)
  end)
end)

describe("deleting by a condition", function()
  it("needs one, or everyone", function()
    local client, requests = script { json(200, '{"successCount":3}') }
    for _, nothing in ipairs { false, {}, { relation = "and", items = {} } } do
      local _, err = client.members:delete_where(nothing or nil)
      assert.equal("invalid", err.kind)
      assert.equal("not_sent", err.outcome)
    end
    assert.equal(0, #requests)
    assert.equal(3, client.members:delete_where(sendcloud.everyone))
    assert.equal("{}", requests[1].body)
    assert.equal(3, client.members:delete_where(sendcloud.where.Age:ge(3)))
    assert.equal('{"condition":{"relation":"and","items":[{"fieldName":"Age","op":">=",'
      .. '"value":"3"}]}}', requests[2].body)
  end)

  it("is not repeated when it may have been done", function()
    local client, requests = script { json(500, "") }
    local _, err = client.members:delete_where(sendcloud.everyone)
    assert.equal("unknown", err.outcome)
    assert.equal(1, #requests)
  end)
end)
