local scripted = require "spec.support.scripted"
local sendcloud = require "sendcloud"

local json, script = scripted.json, scripted.client
local where = sendcloud.where

local CONDITIONS = '"relation":"and","conditions":[{"campaignId":null,"fieldName":"age",'
  .. '"op":">=","value":"13"},{"campaignId":null,"fieldName":"age","op":"<=","value":"45"}]'

local function segment(status)
  return json(200, ('{"segmentId":"s","segmentName":"x","status":"%s","type":0,"memberTotal":5,%s,'
    .. '"process":{"statusDesc":"because","complete":true,"percent":100}}')
    :format(status, CONDITIONS))
end

local function progress(percent, complete)
  return json(200, ('{"percent":%d,"complete":%s,"statusDesc":"working"}')
    :format(percent, tostring(complete)))
end

describe("a segment", function()
  it("that was made has its id, name and type", function()
    local client, requests = script { json(201, '{"segmentId":"s1"}') }
    local made = assert(client.segments:create { name = "湖北用户", where = where.Name:contains "李磊" })
    assert.same({ "s1", "湖北用户", "field" }, { made.id, made.name, made.type })
    assert.same({ { field = "Name", op = "contain", value = "李磊" } }, made.conditions)
    assert.equal('Name contain "李磊"', tostring(made.where))
    assert.equal('{"segmentName":"湖北用户","type":0,"condition":{"relation":"and","items":'
      .. '[{"fieldName":"Name","op":"contain","value":"李磊"}]}}', requests[1].body)
  end)

  it("of campaigns has that type, and reads back in Lua's words", function()
    local client, requests = script(function(request)
      if request.method == "POST" then return json(201, '{"segmentId":"s1"}') end
      return json(200, '{"segmentId":"s1","type":1,"relation":"and","conditions":['
        .. '{"campaignId":1234,"fieldName":"campaign","op":"==","value":"unopen"}]}')
    end)
    local made = assert(client.segments:create { name = "x",
      where = where.campaign(1234):not_opened() })
    assert.equal("campaign", made.type)
    assert.equal("campaign(1234) not_opened", tostring(made.where))
    assert.truthy(requests[1].body:find('"type":1', 1, true))
    local got = assert(client.segments:get("s1"))
    assert.equal("not_opened", got.conditions[1].value)
    assert(client.segments:update("s1", { where = got.where }))
    assert.truthy(requests[3].body:find('"campaignId":1234,"fieldName":"campaign","op":"==",'
      .. '"value":"unopen"', 1, true), requests[3].body)
  end)

  it("gives its condition ready to be sent back", function()
    local client, requests = script { segment(2) }
    local got = assert(client.segments:get("s"))
    assert.equal("age >= 13 and age <= 45", tostring(got.where))
    assert(client.segments:update(got.id, { name = "y", where = got.where }))
    assert.equal('{"segmentName":"y","type":0,"condition":{"relation":"and","items":['
      .. '{"fieldName":"age","op":">=","value":"13"},'
      .. '{"fieldName":"age","op":"<=","value":"45"}]}}', requests[2].body)
  end)

  it("needs its condition when it is changed", function()
    local client = script { segment(2) }
    local _, err = client.segments:update("s", { name = "y" })
    assert.same({ "invalid", "where" }, { err.kind, err.parameter })
  end)

  it("does not let its type be chosen", function()
    local client, requests = script { json(201, '{"segmentId":"s1"}') }
    local _, err = client.segments:create { name = "x", type = "campaign", where = where.Age:ge(1) }
    assert.same({ "invalid", "type" }, { err.kind, err.parameter })
    assert(client.segments:create { name = "x", type = "field", where = where.Age:ge(1) })
    assert.equal(1, #requests)
  end)

  it("has its methods", function()
    local client = script(function(request)
      if request.method == "DELETE" then return json(204, "") end
      if request.path:find("members$") then return json(200, '{"list":[{"id":"1"}],"total":1}') end
      if request.path:find("process$") then return progress(100, true) end
      return segment(2)
    end)
    local got = assert(client.segments:get("s"))
    assert.equal(got, got:refresh())
    assert.equal(got, got:update { where = got.where })
    assert.equal(got, got:wait())
    assert.equal(1, got:members().total)
    for member in got:each_member { where = where.Age:ge(3) } do assert.equal("1", member.id) end
    assert.is_true(got:delete())
  end)

  it("is found by kind", function()
    local client, requests = script { json(200, '{"list":[],"total":0}') }
    assert(client.segments:list { name = "a", type = "campaign" })
    assert.equal("offset=0&count=10&segmentName=a&type=1", requests[1].query)
    local _, err = client.segments:list { type = "both" }
    assert.same({ "invalid", "type" }, { err.kind, err.parameter })
  end)

  it("is made once when the answer is lost", function()
    local lost = { failure = { kind = "network", message = "lost", outcome = "unknown" } }
    local found = json(200, '{"list":[{"segmentId":"s9","segmentName":"x"}],"total":1}')
    local definition = { name = "x", where = where.Age:ge(1) }
    local client, requests = script { lost, found }
    assert.equal("s9", assert(client.segments:create(definition, { reconcile = true })).id)
    assert.equal(2, #requests)
    client = script { lost, found }
    local _, err = client.segments:create(definition)
    assert.equal("unknown", err.outcome)
    definition.reconcile = true
    client = script { lost, found }
    assert.equal("s9", assert(client.segments:create(definition)).id)
  end)
end)

describe("changing a segment", function()
  it("does not change its id", function()
    local client, requests = script { json(200, '{"segmentId":"s"}') }
    local _, err = client.segments:update("s", { id = "t", where = where.Age:ge(1) })
    assert.same({ "invalid", "id", "not_sent" }, { err.kind, err.parameter, err.outcome })
    assert.equal(0, #requests)
  end)
end)

describe("waiting for a segment", function()
  -- What a service answers: steps of the progress, then the segment.
  local function working(steps, status)
    return script(function(request)
      if not request.path:find("process$") then return segment(status or 2) end
      return table.remove(steps, 1) or progress(100, true)
    end)
  end

  it("ends when it is ready", function()
    local client, requests = working { progress(0, false), progress(50, false) }
    local seen = {}
    local got = assert(client.segments:wait("s", { on_progress = function(p)
      seen[#seen + 1] = p.percent
    end }))
    assert.equal("ready", got.status)
    assert.same({ 0, 50, 100 }, seen)
    assert.equal(4, #requests)
  end)

  it("does not begin with options that it does not know", function()
    local client, requests = working {}
    for parameter, options in pairs { timout = { timout = 5 }, timeout = { timeout = "5" } } do
      local _, err = client.segments:wait("s", options)
      assert.same({ "invalid", parameter, "segments.wait" },
        { err.kind, err.parameter, err.operation })
    end
    assert.equal(0, #requests)
  end)

  it("waits a little longer each time", function()
    local client, _, clock = working { progress(0, false), progress(0, false), progress(0, false) }
    assert(client.segments:wait("s"))
    assert.is_true(clock.waits[2] > clock.waits[1])
    assert.is_true(clock.at - 1000 < 5)
  end)

  it("ends in an error when it failed, whatever the progress says", function()
    local client = working({}, -1)
    local got, err = client.segments:wait("s")
    assert.is_nil(got)
    assert.same({ "rejected", "segments.wait" }, { err.kind, err.operation })
    assert.truthy(err.message:find("because", 1, true))
    client = script(function(request)
      return request.path:find("process$") and progress(10, false) or segment(-1)
    end)
    err = select(2, client.segments:wait("s"))
    assert.equal("rejected", err.kind)
  end)

  it("ends when the time is over", function()
    local client, _, clock = script(function(request)
      return request.path:find("process$") and progress(40, false) or segment(1)
    end)
    local got, err = client.segments:wait("s", { timeout = 20 })
    assert.is_nil(got)
    assert.equal("timeout", err.kind)
    assert.truthy(err.message:find("40 %", 1, true))
    assert.is_true(clock.at - 1000 <= 20)
  end)

  it("does not believe in complete before it is ready", function()
    local n = 0
    local client = script(function(request)
      if request.path:find("process$") then return progress(100, true) end
      n = n + 1
      return segment(n < 3 and 1 or 2)
    end)
    assert.equal("ready", assert(client.segments:wait("s")).status)
    assert.equal(3, n)
  end)

  it("hands on why it could not look", function()
    local client = script { json(404, "not found") }
    local _, err = client.segments:wait("s")
    assert.equal("not_found", err.kind)
    _, err = client.segments:wait("s", { timeout = 0 })
    assert.same({ "invalid", "timeout" }, { err.kind, err.parameter })
  end)

  it("lets what on_progress raises through", function()
    local client = working {}
    assert.has_error(function()
      client.segments:wait("s", { on_progress = function() error("stop", 0) end })
    end, "stop")
  end)
end)

describe("removing members of a segment", function()
  it("takes a thousand at a time", function()
    local ids = {}
    for index = 1, 1001 do ids[index] = "m" .. index end
    local client, requests = script { json(200, '{"successCount":1000}'),
      json(200, '{"successCount":1}') }
    assert.equal(1001, client.segments:remove_members("s", ids))
    assert.equal("DELETE", requests[2].method)
    assert.equal('{"memberIds":["m1001"]}', requests[2].body)
  end)
end)
