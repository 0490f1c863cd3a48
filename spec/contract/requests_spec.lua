-- What goes out where the documents leave a choice, or contradict themselves.

local support = dofile("spec/contract/support.lua")
local sendcloud = require "sendcloud"

local where = sendcloud.where

local function answered(provider, status, body)
  return support.client(provider, support.json(status, body))
end

local function segment(keys)
  local client = answered("sendcloud", 200, '{"segmentId":"1"' .. (keys ~= "" and "," .. keys or "") .. "}")
  return client.segments:get("1")
end

describe("what goes out", function()
  local function body_of(provider, call)
    local client, requests = answered(provider, 500, "")
    call(client)
    return tostring(requests[1].body), requests[1]
  end

  it("has both flags of an upsert, always", function()
    local body = body_of("sendcloud", function(c) c.members:upsert { { email = "a@b.cc" } } end)
    assert.equal('{"members":[{"email":"a@b.cc"}],"tagFlag":1,"updateExisting":true}', body)
    body = body_of("engagelab", function(c)
      c.members:upsert({ { email = "a@b.cc" } }, { tag_mode = "keep", update_existing = false })
    end)
    assert.equal('{"members":[{"email":"a@b.cc"}],"tag_flag":2,"update_existing":false}', body)
  end)

  it("tells no tags from an empty list of tags", function()
    local body = body_of("sendcloud", function(c)
      c.members:upsert({ { email = "a", tags = {} }, { email = "b" }, { email = "c", tags = { "x" } } },
        { tag_mode = "replace" })
    end)
    assert.equal('{"members":[{"email":"a","tags":[]},{"email":"b"},{"email":"c","tags":["x"]}],'
      .. '"tagFlag":0,"updateExisting":true}', body)
  end)

  it("has text for numbers, and {} for empty fields", function()
    local function fields(value)
      return (body_of("sendcloud", function(c) c.members:update("1", { fields = { x = value } }) end))
    end
    assert.equal('{"fields":{"x":"12"}}', fields(12))
    assert.equal('{"fields":{"x":"12"}}', fields(12.0))
    assert.equal('{"fields":{"x":"1.5"}}', fields(1.5))
    assert.equal('{"fields":{"x":"true"}}', fields(true))
    assert.equal('{"fields":{"x":"12.0"}}', fields "12.0")
    assert.equal('{"fields":{}}', body_of("sendcloud", function(c)
      c.members:update("1", { fields = {} })
    end))
  end)

  it("has null where it was asked for", function()
    local body = body_of("sendcloud", function(c)
      c.members:update("1", { phone = sendcloud.null, name = sendcloud.null })
    end)
    assert.equal('{"phone":null,"name":null}', body)
  end)

  it("lists without a condition with {}, and only what has a body has a type", function()
    for _, call in ipairs {
      function(c) c.members:list() end,
      function(c) c.members:list { where = sendcloud.everyone } end,
      function(c) c.segments:members("1") end,
      function(c) c.members:delete_where(sendcloud.everyone) end,
    } do
      local body, request = body_of("sendcloud", call)
      assert.equal("{}", body)
      assert.equal("application/json; charset=utf-8", request.headers["Content-Type"])
    end
    for _, call in ipairs {
      function(c) c.members:delete("1") end, function(c) c.members:get("1") end,
      function(c) c.tags:list() end, function(c) c.segments:progress("1") end,
    } do
      local _, request = body_of("sendcloud", call)
      assert.is_nil(request.body)
      assert.is_nil(request.headers["Content-Type"])
    end
  end)

  it("is percent-encoded in paths and queries", function()
    local _, request = body_of("sendcloud", function(c) c.tags:list { name = "教育 a&b=c/d.*" } end)
    assert.equal("offset=0&count=10&name", (request.query:gsub("tagName=.*$", "name")))
    assert.equal("%E6%95%99%E8%82%B2%20a%26b%3Dc%2Fd.%2A", request.query:match "tagName=(.*)$")
    _, request = body_of("sendcloud", function(c) c.tags:delete("编 +&=;:@!$'()*,~._-") end)
    assert.equal("/marketing/lists/tags/%E7%BC%96%20%2B%26%3D%3B%3A%40%21%24%27%28%29%2A%2C~._-",
      request.path)
  end)

  it("is cut into what one request takes, and the numbers are added up", function()
    local ids = {}
    for index = 1, 2001 do ids[index] = "m" .. index end
    for _, call in ipairs {
      function(c) return c.tags:add("1", ids) end,
      function(c) return c.tags:remove("1", ids) end,
      function(c) return c.segments:remove_members("1", ids) end,
    } do
      local sizes = {}
      local client = support.client("sendcloud", function(request)
        local _, size = tostring(request.body):gsub('"m%d+"', "")
        sizes[#sizes + 1] = size
        return support.json(200, ('{"successCount":%d}'):format(size))
      end)
      assert.equal(2001, call(client))
      table.sort(sizes)
      assert.same({ 1, 1000, 1000 }, sizes)
    end
  end)

  it("sends a campaign as the document says", function()
    local body = body_of("sendcloud", function(c)
      c.segments:create { name = "x", where = where.campaign(1234):not_opened() }
    end)
    assert.equal('{"segmentName":"x","type":1,"condition":{"relation":"and","items":[{"campaignId":1234,'
      .. '"fieldName":"campaign","op":"==","value":"unopen"}]}}', body)
  end)
end)

describe("a segment that was read", function()
  it("is written back as its condition", function()
    local stored = segment('"relation":"or","type":1,"conditions":[{"campaignId":12,"fieldName":"campaign",'
      .. '"op":"==","value":"unopen"},{"campaignId":13,"fieldName":"campaign","op":"==","value":"sent"}]')
    assert.equal("campaign", stored.type)
    assert.same({ field = "campaign", op = "==", value = "not_opened", campaign = 12 },
      stored.conditions[1])
    local client, requests = answered("sendcloud", 500, "")
    client.segments:update("1", { name = "new name", where = stored.where })
    assert.equal('{"segmentName":"new name","type":1,"condition":{"relation":"or","items":['
      .. '{"campaignId":12,"fieldName":"campaign","op":"==","value":"unopen"},'
      .. '{"campaignId":13,"fieldName":"campaign","op":"==","value":"sent"}]}}', tostring(requests[1].body))
  end)

  it("leaves an absent campaign absent", function()
    local stored = segment('"relation":"and","type":"0","conditions":[{"campaignId":null,"fieldName":"Age",'
      .. '"op":"<","value":50}]')
    assert.equal("field", stored.type)
    assert.same({ field = "Age", op = "<", value = "50" }, stored.conditions[1])
    assert.equal("Age < 50", tostring(stored.where))
  end)

  it("always has conditions, and a where only with them", function()
    for _, keys in ipairs { "", '"conditions":null', '"conditions":[]' } do
      local stored = segment(keys)
      assert.same({}, stored.conditions)
      assert.is_nil(stored.where)
    end
  end)

  it("keeps ids of campaigns that are longer than a double", function()
    local stored = segment('"conditions":[{"campaignId":9007199254740993,"fieldName":"campaign","op":"==",'
      .. '"value":"sent"}]')
    assert.equal("campaign(9007199254740993) sent", tostring(stored.where))
  end)
end)
