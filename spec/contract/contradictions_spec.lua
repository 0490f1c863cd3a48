-- The documents contradict themselves, each other and HTTP. What the client makes of it.

local support = dofile("spec/contract/support.lua")
local sendcloud = require "sendcloud"

local where = sendcloud.where
local RETRY = { retry = { attempts = 3, base = 0, cap = 0 } }

local function answered(provider, status, body, options)
  return support.client(provider, support.json(status, body), options)
end

local function script(...)
  local responses, at = { ... }, 0
  return function()
    at = at + 1
    return assert(responses[at], "one request too many")
  end
end

-- One SendCloud member or segment with some keys of its own.
local function member(keys)
  local client = answered("sendcloud", 200, '{"id":"1"' .. (keys ~= "" and "," .. keys or "") .. "}")
  return assert(client.members:get("1"))
end

local function segment(keys)
  local client = answered("sendcloud", 200, '{"segmentId":"1"' .. (keys ~= "" and "," .. keys or "") .. "}")
  return client.segments:get("1")
end

describe("statuses and envelopes", function()
  it("204 has no body, whatever there is in it", function()
    for _, body in ipairs { "", "{}", "null", "<p>", '{"status":401,"error":{"message":"x"}}' } do
      local client = answered("sendcloud", 204, body)
      assert.is_true(client.members:delete("1"))
      assert.is_true(client.tags:delete("1"))
      assert.is_true(client.segments:delete("1"))
    end
  end)

  it("any 2xx is success", function()
    for _, status in ipairs { 200, 201, 202 } do
      assert.is_true(answered("sendcloud", status, "{}").members:delete("1"))
      assert.is_true(answered("sendcloud", status, "").members:delete("1"))
      assert.equal("7", assert(answered("sendcloud", status, '{"id":"7"}').tags:create("x")).id)
      assert.is_true(answered("engagelab", status, '{"count":1}').members:delete("1"))
    end
  end)

  it("an error body is an error under any 2xx, also where no answer is awaited", function()
    for _, status in ipairs { 200, 201, 202 } do
      local body = '{"status":404,"error":{"parameter":"","message":"resource not found"}}'
      local client = answered("sendcloud", status, body)
      for _, call in ipairs {
        function() return client.members:delete("1") end,
        function() return client.members:get("1") end,
        function() return client.members:list() end,
        function() return client.tags:create("x") end,
        function() return client.segments:progress("1") end,
      } do
        local result, err = call()
        assert.is_nil(result)
        assert.equal("not_found", err.kind)
        assert.same({ status, 404 }, { err.status, err.code })
      end
      client = answered("engagelab", status, '{"code":30036,"message":"resource not found"}')
      for _, call in ipairs {
        function() return client.members:delete("1") end,
        function() return client.members:get("1") end,
        function() return client.members:list() end,
        function() return client.members:update("1", { name = "x" }) end,
        function() return client.members:delete_where(where.Age:ge(1)) end,
      } do
        local result, err = call()
        assert.is_nil(result)
        assert.equal("not_found", err.kind)
        assert.same({ status, 30036 }, { err.status, err.code })
      end
    end
  end)

  it("the HTTP status and the body's are two", function()
    local client = answered("sendcloud", 400, '{"status":401,"error":{"parameter":"","message":"no"}}')
    local _, err = client.members:get("1")
    assert.same({ 400, 401, "auth" }, { err.status, err.code, err.kind })
  end)

  it("a code wins over a status that was copied from elsewhere", function()
    local client = answered("engagelab", 401, '{"code":32603,"message":"name already exist"}')
    local _, err = client.members:get("1")
    assert.equal("conflict", err.kind)
  end)

  it("an error names the parameter in Lua's words", function()
    local client = answered("sendcloud", 400, '{"status":400,"error":{"parameter":"fieldName",'
      .. '"message":"[asge] is not defined, please define it first"}}')
    local _, err = client.segments:create { name = "x", where = where.asge:ge(1) }
    assert.equal("rejected", err.kind)
    assert.equal("rejected", err.outcome)
    assert.equal("field", err.parameter)
    assert.truthy(err.message:find("[asge] is not defined", 1, true))
    assert.is_nil(err.message:find("fieldName", 1, true))
  end)

  it("a plain 404 is not_found", function()
    for _, provider in ipairs { "sendcloud", "engagelab" } do
      for _, body in ipairs { "not found", "", "<html><h1>404</h1></html>", "{}", "null" } do
        local client = support.client(provider, { status = 404, body = body })
        local result, err = client.members:get("1")
        assert.is_nil(result)
        assert.equal("not_found", err.kind)
        assert.equal(404, err.status)
      end
    end
  end)

  it("what an operation does not promise is protocol", function()
    for _, provider in ipairs { "sendcloud", "engagelab" } do
      for _, body in ipairs { "", "{}", "[]", "null", "12", '"x"', "<html>ok</html>", '{"id":', '{"id":"1"',
        '{"id":"1"} x', '{"id":{}}', '{"id":true}', "{'id':'1'}", '{"id":"1",}', '{"result":"x"}' } do
        local client = answered(provider, 200, body)
        local result, err = client.members:get("1")
        assert.is_nil(result, body)
        assert.equal("protocol", err.kind, body)
        result, err = client.members:list()
        assert.is_nil(result, body)
        assert.equal("protocol", err.kind, body)
      end
    end
  end)

  it("a write whose answer cannot be read may have happened", function()
    local _, err = answered("sendcloud", 200, '{"totalInserted":').members:upsert { { email = "a@b.cc" } }
    assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
  end)

  it("a good answer may hold a code and a message", function()
    local body = '{"code":0,"message":"success","count":1}'
    assert.is_true(answered("engagelab", 200, body).members:delete("1"))
  end)

  it("a delete that did nothing found nobody", function()
    local result, err = answered("engagelab", 200, '{"count":0}').members:delete("1")
    assert.is_nil(result)
    assert.equal("not_found", err.kind)
  end)

  it("a repeated delete that finds nobody has succeeded", function()
    local lost = { status = 502, body = "" }
    for _, second in ipairs {
      support.json(404, '{"status":404,"error":{"parameter":"","message":"resource not found"}}'),
      { status = 404, body = "not found" },
    } do
      local client = support.client("sendcloud", script(lost, second), RETRY)
      assert.is_true(client.members:delete("1"))
    end
    for _, second in ipairs {
      support.json(200, '{"code":30036,"message":"resource not found"}'),
      support.json(200, '{"count":0}'),
    } do
      local client = support.client("engagelab", script(lost, second), RETRY)
      assert.is_true(client.members:delete("1"))
    end
  end)
end)

describe("status that is no error", function()
  it("is what a segment has", function()
    for wire, name in pairs { ['"-1"'] = "failed", ['"1"'] = "updating", ['"2"'] = "ready",
      ["-1"] = "failed", ["1"] = "updating", ["2"] = "ready", ['"9"'] = "9" } do
      assert.equal(name, assert(segment('"status":' .. wire)).status)
    end
    assert.is_nil(assert(segment('"status":null')).status)
  end)

  it("is one without an object named error", function()
    for _, keys in ipairs { '"status":401', '"status":401,"error":null', '"status":"2","error":"none"',
      '"status":401,"message":"x"' } do
      local read, err = segment(keys)
      assert(read, tostring(err))
      assert.equal("1", read.id)
    end
    local read, err = segment('"status":401,"error":{}')
    assert.is_nil(read)
    assert.equal("auth", err.kind)
  end)
end)

describe("names, types and nulls of a member", function()
  it("createDate is createTime, and createTime wins", function()
    assert.equal("2022-05-31 12:08:41", member('"createDate":"2022-05-31 12:08:41"').create_time)
    assert.equal("b", member('"createDate":"a","createTime":"b"').create_time)
    assert.equal("b", member('"createTime":"b","createDate":"a"').create_time)
    assert.equal("a", member('"createTime":null,"createDate":"a"').create_time)
    assert.equal("c", member('"updateDate":"c"').update_time)
  end)

  it("a time of another zone does not stand in for a missing one", function()
    local read = member('"createTimeFmt":"2021-01-07 10:50:05"')
    assert.is_nil(read.create_time)
    assert.equal("2021-01-07 10:50:05", read.create_time_fmt)
  end)

  it("a time that is none does not matter", function()
    local read = member('"createTime":"jnntba","updateTime":1654082142')
    assert.equal("jnntba", read.create_time)
    assert.equal("1654082142", read.update_time)
    assert.is_nil(sendcloud.time(read.create_time))
  end)

  it("tags are ids, tagNames are names, both always tables", function()
    local read = member('"tags":["62a"],"tagNames":["vip"]')
    assert.same({ "62a" }, read.tag_ids)
    assert.same({ "vip" }, read.tag_names)
    assert.is_nil(read.tags)
    for _, keys in ipairs { "", '"tags":null,"tagNames":null,"fields":null',
      '"tags":[],"tagNames":[],"fields":{}' } do
      read = member(keys)
      assert.same({ {}, {}, {} }, { read.tag_ids, read.tag_names, read.fields })
    end
    assert.same({ "8", "x" }, member('"tags":[8,null,"x"]').tag_ids)
  end)

  it("integers may be missing, text, or no integers", function()
    for wire, value in pairs { ["63486"] = 63486, ['"63486"'] = 63486, ['"userId"'] = "userId",
      ["6.3486e4"] = 63486 } do
      assert.equal(value, member('"userId":' .. wire).user_id)
    end
    assert.is_nil(member('"listId":null').list_id)
    assert.is_nil(member("").list_id)
  end)

  it("ids are text, whatever they look like", function()
    for wire, id in pairs { ["8"] = "8", ['"149"'] = "149", ['"asfd4561361q5574"'] = "asfd4561361q5574",
      ['"iya0zz"'] = "iya0zz", ["9007199254740993"] = "9007199254740993" } do
      local client = answered("sendcloud", 200, '{"id":' .. wire .. "}")
      assert.equal(id, assert(client.members:get("1")).id)
    end
  end)

  it("fields hold what the service put there", function()
    local read = member('"fields":{"Age":"12","huangli":"12.00","n":12,"on":true,"no":null,"mapKey":{},'
      .. '"deep":{"a":[1,"x"]}}')
    assert.same({ Age = "12", huangli = "12.00", n = 12, on = true, mapKey = {},
      deep = { a = { 1, "x" } } }, read.fields)
  end)

  it("an empty name is not a missing one", function()
    assert.equal("", member('"name":""').name)
    assert.is_nil(member('"name":null').name)
    assert.is_nil(member("").phone)
  end)
end)

describe("EngageLab's envelopes", function()
  local MEMBER = '{"member_id":"m1","email":"a@b.cc","tag_ids":["t1"],"tag_names":["vip"]}'

  it("an update answers a count, or the member, bare or in result", function()
    for _, body in ipairs { '{"count":1}', MEMBER, '{"result":' .. MEMBER .. "}" } do
      local client = answered("engagelab", 200, body)
      local read = assert(client.members:update("m1", { name = "x" }))
      assert.equal("m1", read.id)
      assert.equal(body ~= '{"count":1}' and "a@b.cc" or nil, read.email)
      assert.is_function(read.refresh)
    end
  end)

  it("a member comes bare or in result", function()
    for _, body in ipairs { MEMBER, '{"result":' .. MEMBER .. "}" } do
      assert.same({ "t1" }, assert(answered("engagelab", 200, body).members:get("m1")).tag_ids)
    end
  end)

  it("a list is named result or list", function()
    for _, name in ipairs { "result", "list" } do
      local body = ('{"%s":[%s],"total":3,"count":1}'):format(name, MEMBER)
      local page = assert(answered("engagelab", 200, body).members:list())
      assert.same({ 1, 3, "m1" }, { #page, page.total, page[1].id })
    end
  end)

  it("ids of tags are named tag_ids or tags", function()
    for _, keys in ipairs { '"tag_ids":["t"]', '"tags":["t"]', '"tag_ids":null,"tags":["t"]',
      '"tags":["x"],"tag_ids":["t"]' } do
      local body = '{"result":{"member_id":"1",' .. keys .. "}}"
      assert.same({ "t" }, assert(answered("engagelab", 200, body).members:get("1")).tag_ids)
    end
  end)

  it("the list is looked for under its other address when the first is not there", function()
    local gone = { status = 404, body = "not found" }
    local found = support.json(200, '{"result":[],"total":0,"count":0}')
    local client, requests = support.client("engagelab", script(gone, found, found))
    assert(client.members:list())
    assert.equal("/v1/marketing/lists/list_members", requests[1].path)
    assert.equal("/v1/marketing/lists/listMembers", requests[2].path)
    assert(client.members:list())
    assert.equal("/v1/marketing/lists/listMembers", requests[3].path)

    client, requests = support.client("engagelab", gone)
    assert.equal("not_found", select(2, client.members:list()).kind)
    assert.equal(2, #requests)
    client, requests = answered("engagelab", 500, "")
    assert.equal("server", select(2, client.members:list()).kind)
    assert.equal(1, #requests)
  end)

  it("keys are snake_case, whatever the prose says", function()
    local client, requests = answered("engagelab", 200, '{"result":[],"total":0}')
    assert(client.members:list { where = where.Email:contains "qq.com" })
    assert.equal('{"condition":{"relation":"and","items":[{"field_name":"Email","op":"contain",'
      .. '"value":"qq.com"}]}}', tostring(requests[1].body))
  end)
end)

describe("pages", function()
  local function pages_of(provider, total, size)
    local list = provider == "sendcloud" and "list" or "result"
    local id = provider == "sendcloud" and "id" or "member_id"
    return function(request)
      local offset = tonumber(request.query:match "offset=(%d+)")
      local rows = {}
      for index = offset + 1, math.min(offset + size, total) do
        rows[#rows + 1] = ('{"%s":"m%d"}'):format(id, index)
      end
      return support.json(200, ('{"%s":[%s],"total":%d,"count":1}')
        :format(list, table.concat(rows, ","), total))
    end
  end

  it("count is no reason to stop, and the rows that came say where to go on", function()
    for _, provider in ipairs { "sendcloud", "engagelab" } do
      -- The service gives two at a time, though ten were asked for.
      local client = support.client(provider, pages_of(provider, 5, 2))
      local page = assert(client.members:list())
      local sizes = {}
      while page do
        assert.equal(5, page.total)
        sizes[#sizes + 1] = #page
        page = page:next()
      end
      assert.same({ 2, 2, 1 }, sizes)
      local seen = {}
      for read in client.members:each() do seen[#seen + 1] = read.id end
      assert.same({ "m1", "m2", "m3", "m4", "m5" }, seen)
    end
  end)

  it("a record that comes twice is given once, and an empty page is the end", function()
    local function body(...)
      local rows = {}
      for index, id in ipairs { ... } do rows[index] = '{"id":"' .. id .. '"}' end
      return support.json(200, '{"list":[' .. table.concat(rows, ",") .. '],"total":100}')
    end
    local client = support.client("sendcloud", function(request)
      local offset = tonumber(request.query:match "offset=(%d+)")
      if offset == 0 then return body("a", "b") end
      if offset == 2 then return body("b", "c") end
      return body()
    end)
    local seen = {}
    for read in client.members:each { page_size = 2 } do seen[#seen + 1] = read.id end
    assert.same({ "a", "b", "c" }, seen)
  end)

  it("a tag's count is its members, a page's what was asked for", function()
    local client = answered("sendcloud", 200, '{"list":[{"id":"1","tagName":"x","count":254}],"total":297}')
    local page = assert(client.tags:list { count = 20 })
    assert.same({ 254, 20, 297 }, { page[1].count, page.count, page.total })
  end)
end)

describe("the answer of an upsert", function()
  local function upsert(provider, body)
    return assert(answered(provider, 200, body).members:upsert { { email = "a@b.cc" } })
  end

  it("with refusals is a success that says so", function()
    local report = upsert("engagelab", '{"created_count":0,"created_members":[],"updated_count":0,'
      .. '"updated_members":[],"error_count":1,"error_members":[{"email":"a@b.cc","message":"no"}]}')
    assert.equal(1, report.error_count)
    assert.same({ "a@b.cc", "no" }, { report.errors[1].email, report.errors[1].message })
  end)

  it("may count otherwise than it lists; no refusal is lost", function()
    local report = upsert("sendcloud", '{"totalInserted":1,"insertedMembers":[{"email":"a","id":"1"},'
      .. '{"email":"b","id":2}],"totalUpdated":0,"updatedMembers":[],"errorCount":3,"errors":[]}')
    assert.same({ 2, 0, 3 }, { report.inserted_count, report.updated_count, report.error_count })
    assert.equal("2", report.inserted[2].id)
  end)

  it("may describe a refusal in a way of its own", function()
    local report = upsert("sendcloud", '{"totalInserted":0,"errorCount":2,"errors":["bad address",'
      .. '{"member":"a@b.cc","reason":"no"}]}')
    assert.equal(2, report.error_count)
    assert.same({ { message = "bad address" },
      { member = "a@b.cc", reason = "no", message = "refused by the service" } }, report.errors)
    report = upsert("sendcloud", '{"totalInserted":0,"errorCount":1,"errors":[{"email":"a@b.cc",'
      .. '"message":"no","code":7}]}')
    assert.same({ { email = "a@b.cc", message = "no" } }, report.errors)
    report = upsert("sendcloud", '{"totalInserted":0,"errors":[7,null,{"email":null,'
      .. '"message":null},{"email":"a@b.cc","message":{"x":1}},{"email":"a@b.cc"}]}')
    local silent = "refused by the service"
    assert.same({ { message = "7" }, { message = silent },
      { email = "a@b.cc", message = silent }, { email = "a@b.cc", message = silent } },
      report.errors)
  end)

  it("may leave lists and counts out", function()
    local report = upsert("sendcloud", '{"totalInserted":2,"insertedMembers":null,"errorCount":null}')
    assert.same({ 2, 0, 0 }, { report.inserted_count, report.updated_count, report.error_count })
    assert.same({ {}, {}, {} }, { report.inserted, report.updated, report.errors })
  end)
end)
