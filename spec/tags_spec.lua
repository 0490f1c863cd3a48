local scripted = require "spec.support.scripted"

local json, script = scripted.json, scripted.client

local LOST = { failure = { kind = "network", message = "lost", outcome = "unknown" } }

local function list(...)
  local rows = {}
  for index, name in ipairs { ... } do
    rows[index] = ('{"id":"t-%s","tagName":"%s"}'):format(name, name)
  end
  return json(200, ('{"list":[%s],"total":%d}'):format(table.concat(rows, ","), #rows))
end

local function ids(n)
  local many = {}
  for index = 1, n do many[index] = "m" .. index end
  return many
end

describe("a tag", function()
  it("that was made has its id and the name given", function()
    local client, requests = script { json(201, '{"id":"62732d3d"}') }
    local tag = assert(client.tags:create("教育"))
    assert.same({ "62732d3d", "教育" }, { tag.id, tag.name })
    assert.equal('{"tagName":"教育"}', requests[1].body)
  end)

  it("cannot be given another id", function()
    local client, requests = script { json(200, '{"id":"9"}') }
    local _, err = client.tags:update("8", { id = "9", name = "x" })
    assert.same({ "invalid", "id", "not_sent" }, { err.kind, err.parameter, err.outcome })
    assert.equal(0, #requests)
  end)

  it("has its methods", function()
    local client, requests = script(function(request)
      if request.method == "DELETE" then return json(204, "") end
      if request.method == "PATCH" then
        return json(200, '{"id":"t","tagName":"new","userId":7,"count":3}')
      end
      if request.path:find("members$") then return json(200, '{"list":[{"id":"1"}],"total":1}') end
      if request.path:find("add$") or request.path:find("remove$") then
        return json(200, '{"successCount":2}')
      end
      return json(201, '{"id":"t"}')
    end)
    local tag = assert(client.tags:create("old"))
    assert.equal(2, tag:add { "a", "b" })
    assert.equal(2, tag:remove { "a", "b" })
    assert.equal(1, tag:members { count = 5 }.total)
    for member in tag:each_member() do assert.equal("1", member.id) end
    assert.equal(tag, tag:update { name = "new" })
    assert.same({ "new", 7, 3 }, { tag.name, tag.user_id, tag.count })
    assert.is_true(tag:delete())
    assert.equal("/marketing/lists/tags/t/add", requests[2].path)
    assert.equal('{"memberIds":["a","b"]}', requests[2].body)
  end)
end)

describe("finding a tag", function()
  it("takes only exactly this name", function()
    local client, requests = script { list("vipers", "VIP", "vip") }
    assert.equal("t-vip", assert(client.tags:find("vip")).id)
    assert.truthy(requests[1].query:find("tagName=vip", 1, true))
    local _, err = client.tags:find("vi")
    assert.same({ "not_found", "tags.find" }, { err.kind, err.operation })
  end)

  it("looks through all pages", function()
    local client, requests = script(function(request)
      local offset = tonumber(request.query:match("offset=(%d+)"))
      local rows = {}
      for index = 1, 100 do
        rows[index] = ('{"id":"%d","tagName":"x%d"}'):format(offset + index, offset + index)
      end
      return json(200, ('{"list":[%s],"total":250}'):format(table.concat(rows, ",")))
    end)
    assert.equal("223", assert(client.tags:find("x223")).id)
    assert.equal(3, #requests)
  end)

  it("looks at all where the filter may take signs for a pattern", function()
    local client = script(function(request)
      if request.query:find("tagName") then return list() end
      return list("c", "c++")
    end)
    assert.equal("t-c++", assert(client.tags:find("c++")).id)
    local _, err = client.tags:find("d++")
    assert.equal("not_found", err.kind)
  end)

  it("hands on why it could not look", function()
    local client = script { json(401, "") }
    local _, err = client.tags:find("x")
    assert.equal("auth", err.kind)
  end)
end)

describe("ensuring a tag", function()
  it("finds it, or makes it", function()
    local client, requests = script { list("x") }
    assert.equal("t-x", assert(client.tags:ensure("x")).id)
    assert.equal(1, #requests)
    client, requests = script { list(), json(201, '{"id":"made"}') }
    assert.equal("made", assert(client.tags:ensure("x")).id)
    assert.equal(2, #requests)
  end)

  it("takes it when somebody else made it meanwhile", function()
    for _, refusal in ipairs { json(409, ""), json(400, "tag name already exist") } do
      local client = script { list(), refusal, list("x") }
      assert.equal("t-x", assert(client.tags:ensure("x")).id)
    end
  end)

  it("does not make it twice when the answer is lost", function()
    local client, requests = script { list(), LOST, list("x") }
    assert.equal("t-x", assert(client.tags:ensure("x")).id)
    assert.equal(3, #requests)
  end)

  it("makes it again when it was not made", function()
    local client, requests = script { list(), LOST, list(), json(201, '{"id":"made"}') }
    assert.equal("made", assert(client.tags:ensure("x")).id)
    assert.equal(4, #requests)
  end)

  it("refuses a name that no tag can have", function()
    local client, requests = script { list() }
    local _, err = client.tags:ensure("")
    assert.equal("invalid", err.kind)
    _, err = client.tags:ensure(5)
    assert.equal("invalid", err.kind)
    assert.equal(0, #requests)
  end)
end)

describe("reconcile", function()
  it("looks the name up before deciding", function()
    for _, client_wide in ipairs { false, true } do
      local client, requests = script({ LOST, list("y", "x") }, { reconcile = client_wide })
      local tag = assert(client.tags:create("x", not client_wide and { reconcile = true } or nil))
      assert.equal("t-x", tag.id)
      assert.equal(2, #requests)
    end
  end)

  it("is not done unless asked for", function()
    local client, requests = script { LOST, list("x") }
    local _, err = client.tags:create("x")
    assert.equal("unknown", err.outcome)
    assert.equal(1, #requests)
    client = script({ LOST, list("x") }, { reconcile = true })
    _, err = client.tags:create("x", { reconcile = false })
    assert.equal("unknown", err.outcome)
  end)

  it("comes before a repeat after a gateway's failure", function()
    local client, requests = script { json(504, ""), list("x") }
    assert.equal("t-x", assert(client.tags:create("x", { reconcile = true })).id)
    assert.same({ "POST", "GET" }, { requests[1].method, requests[2].method })
  end)

  it("gives up in the end, knowing that it is not there", function()
    local client, requests = script(function(request)
      return request.method == "POST" and LOST or list()
    end)
    local _, err = client.tags:create("x", { reconcile = true })
    assert.equal("rejected", err.outcome)
    assert.equal(5, err.attempts)
    assert.equal(10, #requests)
  end)

  it("says when it could not look", function()
    local client = script { LOST, json(401, "") }
    local _, err = client.tags:create("x", { reconcile = true })
    assert.same({ "network", "unknown" }, { err.kind, err.outcome })
    assert.truthy(err.message:find("looking the name up failed", 1, true))
  end)
end)

describe("putting a tag on many members", function()
  it("takes a thousand at a time", function()
    local sizes = {}
    local client = script(function(request)
      local _, n = request.body:gsub('"m%d+"', "")
      sizes[#sizes + 1] = n
      return json(200, ('{"successCount":%d}'):format(n))
    end)
    assert.equal(2500, client.tags:add("t", ids(2500)))
    assert.same({ 1000, 1000, 500 }, sizes)
    assert.equal(1000, client.tags:remove("t", ids(1000)))
    assert.equal(4, #sizes)
  end)

  it("refuses a list with a hole, however long", function()
    local client, requests = script { json(200, '{"successCount":1}') }
    for _, count in ipairs { 10, 1500 } do
      local many = ids(count)
      many[count - 5] = nil
      local _, err = client.tags:add("t", many)
      assert.same({ "invalid", "member_ids", "not_sent" }, { err.kind, err.parameter, err.outcome })
      assert.truthy(err.message:find("without holes", 1, true), err.message)
    end
    assert.equal(0, #requests)
  end)

  it("counts only what is a number", function()
    local client = script { json(200, '{"successCount":"many"}') }
    for _, count in ipairs { 1, 1500 } do
      local _, err = client.tags:add("t", ids(count))
      assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
    end
  end)

  it("tells how far it came", function()
    local client = script { json(200, '{"successCount":1000}'), json(400, "no") }
    local number, err = client.tags:add("t", ids(2500))
    assert.is_nil(number)
    assert.equal("rejected", err.kind)
    assert.same({ number = 1000, sent = 1000, total = 2500 }, err.report)
    assert.truthy(err.message:find("1000 of 2500", 1, true))
  end)

  it("checks all before it sends anything", function()
    local client, requests = script { json(200, '{"successCount":1}') }
    local many = ids(2500)
    many[2100] = "a/b"
    local _, err = client.tags:add("t", many)
    assert.same({ "invalid", "member_ids[2100]" }, { err.kind, err.parameter })
    assert.truthy(err.message:find("^member_ids%[2100%]: "))
    many[2100] = 5
    _, err = client.tags:add("t", many)
    assert.equal("member_ids[2100]", err.parameter)
    _, err = client.tags:add("", ids(2000))
    assert.equal("id", err.parameter)
    assert.equal(0, #requests)
  end)

  it("refuses what is no list", function()
    local client = script { json(200, '{"successCount":1}') }
    for _, wrong in ipairs { {}, "x", 5, { a = "b" }, { [1] = "a", [3] = "c" } } do
      local _, err = client.tags:add("t", wrong)
      assert.equal("invalid", err.kind)
    end
    assert.equal("invalid", select(2, client.tags:add("t")).kind)
  end)
end)
