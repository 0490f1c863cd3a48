local scripted = require "spec.support.scripted"

local json, script = scripted.json, scripted.client

local MEMBER = '{"id":"62974a5e490f33c5eee647a2","email":"a@b.example","tags":null}'
local EMPTY = '{"list":[],"total":0}'
local ERROR_401 = '{"status":401,"error":{"parameter":"","message":"Unauthorized"}}'

local function failing(answers, options, run)
  local client, requests, clock = script(answers, options)
  local result, err
  if run then result, err = run(client) else result, err = client.members:get("8") end
  assert.is_nil(result)
  assert.is_table(err)
  return err, requests, clock
end

describe("the request", function()
  it("carries method, URL, headers and body", function()
    local client, requests = script { json(200, MEMBER) }
    assert(client.members:update("62974a5e490f33c5eee647a2", { phone = "1" }))
    local request = requests[1]
    assert.same({
      "PATCH", "https://api2.sendcloud.net/marketing/lists/members/62974a5e490f33c5eee647a2",
      '{"phone":"1"}', "members.update",
    }, { request.method, request.url, request.body, request.operation })
    assert.equal("application/json; charset=utf-8", request.headers["content-type"])
    assert.truthy(request.headers["User-Agent"]:find("^sendcloud%-lua/"))
    assert.equal("Bearer dGhlLXVzZXItNzp0aGUta2V5LTc=", request.headers.Authorization)
  end)

  it("has no body and no content type where the operation has none", function()
    local client, requests = script { json(200, MEMBER) }
    assert(client.members:get("8"))
    assert.is_nil(requests[1].body)
    assert.is_nil(requests[1].headers["Content-Type"])
  end)

  it("goes where base_url says, query included", function()
    local client, requests = script({ json(200, EMPTY) },
      { base_url = "http://127.0.0.1:9/prefix/" })
    assert(client.tags:list { name = "教 育&", offset = 0, count = 10 })
    assert.equal("http://127.0.0.1:9/prefix/marketing/lists/tags"
      .. "?offset=0&count=10&tagName=%E6%95%99%20%E8%82%B2%26", requests[1].url)
    assert.equal("/marketing/lists/tags", requests[1].path)
  end)

  it("has at most the time that the deadline leaves", function()
    local client, requests = script({ json(503, ""), json(200, MEMBER) },
      { timeout = 30, deadline = 10, retry = { base = 0.25 } })
    assert(client.members:get("8"))
    assert.equal(10, requests[1].timeout)
    assert.is_true(requests[2].timeout <= 10 and requests[2].timeout > 9)
  end)
end)

describe("ids", function()
  for _, id in ipairs {
    "", "a/b", "a?b", "a#b", "a%b", "a\\b", "a\1b", "a\0b", "a\127b", ".", "..", "delete",
    "delete-batch", "\255\254", 8, true, {},
  } do
    it(("are refused: %q"):format(tostring(id)), function()
      local err, requests = failing({ json(200, MEMBER) }, nil, function(client)
        return client.members:get(id)
      end)
      assert.equal("invalid", err.kind)
      assert.equal("id", err.parameter)
      assert.equal("members.get", err.operation)
      assert.equal(0, #requests)
    end)
  end

  it("that are missing are required", function()
    local err = failing({}, nil, function(client) return client.members:delete() end)
    assert.equal("id: required", err.message)
    assert.equal("not_sent", err.outcome)
  end)

  it("may hold what a path can carry", function()
    local client, requests = script { json(200, MEMBER) }
    assert(client.members:get("a b:é"))
    assert.equal("/marketing/lists/members/a%20b%3A%C3%A9", requests[1].path)
  end)

  it("of a tag are not words of a tag's paths", function()
    for _, id in ipairs { "add", "remove", "members" } do
      local err = failing({}, nil, function(client) return client.tags:delete(id) end)
      assert.equal("invalid", err.kind)
    end
  end)
end)

describe("parameters", function()
  it("nobody knows are refused with the nearest name", function()
    local err = failing({}, nil, function(client)
      return client:call("members.list", { ofset = 3 })
    end)
    assert.equal("invalid", err.kind)
    assert.equal('ofset: unknown, did you mean "offset"?', err.message)
  end)

  it("nobody knows are told with those that are known, shortly", function()
    local client = script { json(200, MEMBER) }
    local _, err = client.members:list { limit = 5 }
    assert.equal("limit: unknown; known: count, offset, where", err.message)
    _, err = client.members:update("8", { foo = 1 })
    assert.equal("foo: unknown; known: fields, id, name, phone, tags", err.message)
    _, err = client.members:list { [("x"):rep(1e5)] = 5 }
    assert.is_true(#err.message < 150 and #err.parameter == 64)
  end)

  it("that cannot be changed say so", function()
    local err = failing({}, nil, function(client)
      return client.members:update("8", { email = "x@y.example" })
    end)
    assert.equal("email: cannot be changed", err.message)
    assert.equal("email", err.parameter)
  end)

  it("are told with their path and limit", function()
    local err = failing({}, nil, function(client)
      return client.members:upsert { { email = "a@b.example" }, { name = "x" } }
    end)
    assert.equal("members[2].email", err.parameter)
    assert.equal("not_sent", err.outcome)
    err = failing({}, nil, function(client) return client.members:list { count = 101 } end)
    assert.equal("count", err.parameter)
    assert.truthy(err.message:find("100", 1, true))
    assert.is_nil(err.outcome) -- a read
  end)

  it("are not changed", function()
    local client = script { json(200, EMPTY) }
    local parameters = { offset = 0, count = 3 }
    assert(client:call("members.list", parameters))
    assert.same({ offset = 0, count = 3 }, parameters)
  end)
end)

describe("an answer that says no", function()
  -- HTTP status, body -> kind, code, parameter, part of the message
  local NO = {
    { 401, ERROR_401, "auth", 401, nil, "base_url" },
    { 403, "", "auth", nil, nil, "base_url" },
    { 404, '{"status":404,"error":{"parameter":"","message":"resource not found"}}',
      "not_found", 404, nil, "resource not found" },
    { 404, "not found", "not_found", nil, nil, "not found" },
    { 404, "<html><body>nginx</body></html>", "not_found", nil, nil, "HTTP 404" },
    { 409, "", "conflict", nil, nil, "HTTP 409" },
    { 400, '{"status":400,"error":{"parameter":"count","message":"too many"}}',
      "rejected", 400, "count", "count: too many" },
    { 422, "", "rejected", nil, nil, "422" },
    { 405, "", "rejected", nil, nil, "405" },
    { 301, "", "protocol", nil, nil, "base_url" },
    { 501, "", "server", nil, nil, "501" },
    { 200, ERROR_401, "auth", 401, nil, "Unauthorized" },
    { 200, '{"status":404,"error":{"message":"resource not found"}}', "not_found", 404 },
    { 200, '{"status":418,"error":{"message":"teapot"}}', "rejected", 418, nil, "teapot" },
    { 200, "<html>login</html>", "protocol", nil, nil, "not what the operation promises" },
    { 200, "\n<html>login</html>", "protocol", nil, nil, "are base_url and proxy right?" },
    { 400, '{"status":"bad","error":{"message":"x"}}', "rejected", nil, nil, "x" },
    { 400, '{"status":400,"error":{"message":"two\\r\\nlines \\u001b[31m"}}', "rejected", 400, nil,
      "two lines  [31m" },
    { 418, "two\r\nlines", "rejected", nil, nil, "two lines" },
    { 200, "", "protocol", nil, nil, "empty" },
    { 200, '{"email":"a@b.example"}', "protocol", nil, nil, "id" },
    { 200, '{"id":"8","email":', "protocol" },
    { 200, "[]", "protocol" },
  }
  for _, row in ipairs(NO) do
    local status, body, kind, code, parameter, part = row[1], row[2], row[3], row[4], row[5], row[6]
    it(("%d %s is %s"):format(status, body:sub(1, 40), kind), function()
      local err, requests = failing { json(status, body) }
      assert.equal(kind, err.kind)
      assert.equal(status, err.status)
      assert.equal(code, err.code)
      assert.equal(parameter, err.parameter)
      assert.equal("members.get", err.operation)
      assert.equal(1, err.attempts)
      assert.equal(1, #requests)
      assert.is_nil(err.outcome)
      if part then assert.truthy(err.message:find(part, 1, true), err.message) end
    end)
  end

  it("names the parameter as Lua does", function()
    local err = failing({ json(400, '{"status":400,"error":{"parameter":"fieldName",'
      .. '"message":"[asge] is not defined, please define it first"}}') }, nil, function(client)
      return client.segments:create { name = "x", where = require("sendcloud").where.asge:ge(1) }
    end)
    assert.equal("rejected", err.kind)
    assert.equal("field", err.parameter)
    assert.equal("rejected", err.outcome)
    assert.equal("field: [asge] is not defined, please define it first", err.message)
  end)

  it("may be EngageLab's, under 200 or not", function()
    for _, row in ipairs {
      { 200, 30036, "not_found" }, { 401, 30000, "auth" }, { 200, 30000, "auth" },
      { 401, 32603, "conflict" }, { 200, 39999, "rejected" }, { 400, 39999, "rejected" },
    } do
      local err = failing({ json(row[1], { code = row[2], message = "because" }) },
        { provider = "engagelab" })
      assert.equal(row[3], err.kind)
      assert.equal(row[2], err.code)
    end
  end)

  it("is not every object with a status", function()
    local client = script { json(200, '{"segmentId":"s1","status":"2","conditions":[]}') }
    assert.equal("ready", assert(client.segments:get("s1")).status)
  end)
end)

describe("a deletion", function()
  for _, answer in ipairs {
    { 204, "" }, { 204, "{}" }, { 200, "{}" }, { 200, "" }, { 204, ERROR_401 }, { 200, "ok" },
  } do
    it(("succeeds with %d %q"):format(answer[1], answer[2]), function()
      local client = script { json(answer[1], answer[2]) }
      assert.is_true(client.members:delete("8"))
    end)
  end

  it("fails with an error body under 200", function()
    local err = failing({ json(200, ERROR_401) }, nil, function(client)
      return client.members:delete("8")
    end)
    assert.equal("auth", err.kind)
    assert.equal("rejected", err.outcome)
  end)

  it("is not done where a page came instead of an answer", function()
    local err = failing({ json(200, "<html>login</html>") }, nil, function(client)
      return client.members:delete("8")
    end)
    assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
  end)

  it("of nothing is not_found, counted or not", function()
    local err = failing({ json(404, "not found") }, nil, function(client)
      return client.members:delete("8")
    end)
    assert.equal("not_found", err.kind)
    err = failing({ json(200, { count = 0 }) }, { provider = "engagelab" }, function(client)
      return client.members:delete("8")
    end)
    assert.equal("not_found", err.kind)
  end)

  it("that finds nothing has succeeded when an earlier attempt may have", function()
    for _, nothing in ipairs { json(404, "not found"), json(200, { count = 0 }),
      json(200, { code = 30036, message = "resource not found" }) } do
      local client, requests = script({
        { failure = { kind = "network", message = "reset", outcome = "unknown" } }, nothing,
      }, { provider = "engagelab" })
      assert.is_true(client.members:delete("8"))
      assert.equal(2, #requests)
    end
  end)

  it("that finds nothing after a refusal has not", function()
    local err = failing({ json(429, ""), json(404, "") }, nil, function(client)
      return client.members:delete("8")
    end)
    assert.equal("not_found", err.kind)
    assert.equal(2, err.attempts)
  end)
end)

describe("trying again", function()
  local function lost(outcome, kind)
    return { failure = { kind = kind or "network", message = "lost", outcome = outcome } }
  end

  it("ends with the first answer that will do", function()
    local client, requests, clock = script { json(503, ""), lost("unknown"), json(200, MEMBER) }
    assert(client.members:get("8"))
    assert.equal(3, #requests)
    assert.equal(2, #clock.waits)
  end)

  it("ends when the attempts are used up", function()
    local err, requests, _ = failing { json(503, "") }
    assert.equal(5, #requests)
    assert.equal(5, err.attempts)
    assert.equal("server", err.kind)
    err, requests = failing({ json(503, "") }, { retry = { attempts = 2 } })
    assert.same({ 2, 2 }, { err.attempts, #requests })
    err, requests = failing({ json(503, "") }, { retry = false })
    assert.equal(1, #requests)
    assert.equal(1, err.attempts)
  end)

  it("does not repeat an additive write that may have worked", function()
    for _, answer in ipairs { lost("unknown"), lost("unknown", "timeout"), json(500, "") } do
      local err, requests = failing({ answer }, nil, function(client)
        return client.tags:create("x")
      end)
      assert.equal(1, #requests)
      assert.equal("unknown", err.outcome)
    end
    local client, requests = script { lost("not_sent"), json(201, { id = "t1" }) }
    assert.equal("t1", assert(client.tags:create("x")).id)
    assert.equal(2, #requests)
  end)

  it("tells an unknown outcome even when the last attempt was refused", function()
    local err = failing({ lost("unknown"), json(400, "") }, nil, function(client)
      return client.members:upsert { { email = "a@b.example" } }
    end)
    assert.equal("rejected", err.kind)
    assert.equal("unknown", err.outcome)
  end)

  it("waits as long as the service asks", function()
    local client, _, clock = script {
      json(429, "", { ["Retry-After"] = "7" }),
      json(503, "", { ["retry-after"] = "1.5" }),
      json(200, MEMBER),
    }
    assert(client.members:get("8"))
    assert.same({ 7, 1.5 }, { clock.waits[1], clock.waits[2] })
  end)

  it("stops at once when that is too long, and says so", function()
    local err, requests, clock = failing({ json(429, "", { ["Retry-After"] = "300" }) })
    assert.equal(1, #requests)
    assert.same({}, clock.waits)
    assert.equal("rate_limited", err.kind)
    assert.equal(300, err.retry_after)
    assert.truthy(err.message:find("300 s", 1, true), err.message)
  end)

  it("reads the date form by the transport's clock", function()
    local client, _, clock = script(function(_, n)
      if n > 1 then return json(200, MEMBER) end
      return json(429, "", { ["Retry-After"] = os.date("!%a, %d %b %Y %H:%M:%S GMT", 1764001013) })
    end)
    assert(client.members:get("8"))
    assert.near(13, clock.waits[1], 1e-6)
  end)

  it("ends with the deadline", function()
    local err, _, clock = failing({ json(503, "") }, {
      deadline = 1, retry = { attempts = 100, base = 0.5 } })
    assert.is_true(clock.at - 1000 <= 1)
    assert.equal("server", err.kind)
    assert.truthy(err.message:find("deadline", 1, true))
  end)

  it("spends a budget that all calls share", function()
    local client, requests = script { json(503, "") }
    for _ = 1, 200 do client.members:get("8") end
    -- 100 retries, and each call's own request
    assert.is_true(#requests <= 301, #requests)
  end)

  it("slows the whole client down after 429", function()
    local client, _, clock = script(function(_, n)
      return n == 1 and json(429, "") or json(200, MEMBER)
    end)
    assert(client.members:get("8"))
    local before = clock.at
    for _ = 1, 10 do assert(client.members:get("8")) end
    assert.is_true(clock.at - before > 0.5)
  end)
end)

describe("the rate", function()
  it("spaces what a client does", function()
    local client, _, clock = script({ json(200, MEMBER) }, { rate = 4 })
    for _ = 1, 9 do assert(client.members:get("8")) end
    assert.near(2.06, clock.at - 1000, 0.001) -- 3 % wider than the rate asks for
  end)

  it("fails a call whose slot lies beyond the deadline", function()
    local err, requests = failing({ json(200, MEMBER) }, { rate = 0.1, deadline = 5 },
      function(client)
        assert(client.members:get("8"))
        return client.members:upsert { { email = "a@b.example" } }
      end)
    assert.equal("timeout", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, err.attempts)
    assert.equal(1, #requests)
  end)
end)

describe("two addresses of one operation", function()
  it("are tried one after the other, and the right one remembered", function()
    local client, requests = script(function(request)
      if request.path:find("list_members") then return json(404, "not found") end
      return json(200, '{"result":[],"total":0,"count":0}')
    end, { provider = "engagelab" })
    assert(client.members:list())
    assert(client.members:list())
    assert.same({ "/v1/marketing/lists/list_members", "/v1/marketing/lists/listMembers",
      "/v1/marketing/lists/listMembers" },
      { requests[1].path, requests[2].path, requests[3].path })
  end)
end)

describe("counts and lists", function()
  it("of an upsert answer settle on the larger", function()
    local client = script { json(200, '{"totalInserted":1,"insertedMembers":'
      .. '[{"email":"a","id":"1"},{"email":"b","id":"2"}],"totalUpdated":3,"errorCount":0}') }
    local report = assert(client.members:upsert { { email = "a@b.example" } })
    assert.equal(2, report.inserted_count)
    assert.equal(3, report.updated_count)
    assert.same({}, report.updated)
    assert.same({}, report.errors)
    assert.equal(0, report.error_count)
  end)

  it("of EngageLab have the same names", function()
    local client = script({ json(200, '{"created_count":1,"created_members":[{"email":"a",'
      .. '"member_id":"6"}],"updated_count":0,"updated_members":[],"error_count":1,'
      .. '"error_members":[{"email":"b","message":"no"}]}') }, { provider = "engagelab" })
    local report = assert(client.members:upsert { { email = "a@b.example" } })
    assert.equal("6", report.inserted[1].id)
    assert.equal("no", report.errors[1].message)
    assert.equal(1, report.error_count)
  end)
end)
