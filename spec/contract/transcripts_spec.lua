-- Each of the 27 operations against the example of its document: the request byte by byte, the
-- answer field by field, the error as the document prints it.

local support = dofile("spec/contract/support.lua")

local ERROR_KINDS = {
  [401] = "auth", [404] = "not_found", [400] = "rejected", [30000] = "auth", [30036] = "not_found",
}

local function cases_of(provider)
  return dofile("spec/contract/cases/" .. provider .. ".lua")
end

-- What a result holds, without the methods its metatable brings.
local function fields_of(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, field in pairs(value) do
    assert.not_equal("function", type(field), "methods belong into the metatable")
    copy[key] = fields_of(field)
  end
  return copy
end

local function check_request(case, document, request)
  local expected = support.curl(document.curl)
  assert.equal(expected.method, request.method)
  assert.equal(case.url or expected.url, request.url)
  assert.equal(expected.headers.authorization, request.headers.Authorization)
  assert.equal(expected.headers["content-type"], request.headers["Content-Type"])
  local body = case.sent or expected.body
  if not body then
    assert.is_nil(request.body)
    return
  end
  local sent = tostring(request.body)
  assert.equal(support.compact(sent), sent)
  assert.equal(support.compact(body, true), support.compact(sent, true))
end

local function check_result(case, result, err)
  assert(result ~= nil, tostring(err))
  assert.is_nil(err)
  if not case.page then
    assert.same(case.result, fields_of(result))
    if case.text then assert.equal(case.text, tostring(result.where)) end
    return
  end
  local list = {}
  for index, record in ipairs(result) do list[index] = fields_of(record) end
  assert.same(case.result, list)
  for name, value in pairs(case.page) do assert.equal(value, result[name]) end
end

local count = 0

for _, provider in ipairs { "sendcloud", "engagelab" } do
  for document_name, cases in pairs(cases_of(provider)) do
    local documents = support.documents(document_name)

    describe(document_name, function()
      it("has a case for each example", function()
        for operation in pairs(documents) do assert.truthy(cases[operation]) end
      end)
    end)

    for operation, case in pairs(cases) do
      local document = documents[operation]
      count = count + 1

      describe(provider .. " " .. operation, function()
        local function client_for(status, body)
          return support.client(provider, support.json(status, body))
        end

        it("sends the example and reads its answer", function()
          local client, requests = client_for(document.status, document.answer)
          local result, err = case.call(client)
          assert.equal(1, #requests, tostring(err))
          check_request(case, document, requests[1])
          check_result(case, result, err)
        end)

        it("does the same by its name", function()
          local client, requests = client_for(document.status, document.answer)
          local result, err = client:call(operation, case.parameters)
          assert.equal(1, #requests, tostring(err))
          check_request(case, document, requests[1])
          check_result(case, result, err)
        end)

        it("knows the example of an error, under its status and under 200", function()
          local code = tonumber(document.error:match('"status":%s*(%d+)')
            or document.error:match('"code":%s*(%d+)'))
          local message = document.error:match('"message":%s*"([^"]*)"')
          local own = document.error_status or (code < 1000 and code) or 401
          for _, status in ipairs { own, 200 } do
            local client = client_for(status, document.error)
            local result, err = case.call(client)
            assert.is_nil(result)
            assert.equal(ERROR_KINDS[code], err.kind)
            assert.equal(code, err.code)
            assert.equal(status, err.status)
            assert.equal(operation, err.operation)
            assert.truthy(err.message:find(message, 1, true), err.message)
            assert.is_nil(tostring(err):find("YXBp", 1, true))
          end
        end)
      end)
    end
  end
end

describe("the documents", function()
  it("describe 27 operations", function() assert.equal(27, count) end)
end)

describe("what EngageLab's document leaves out", function()
  local where = require("sendcloud").where
  local calls = {
    ["tags.create"] = function(c) return c.tags:create("x") end,
    ["tags.delete"] = function(c) return c.tags:delete("1") end,
    ["tags.update"] = function(c) return c.tags:update("1", { name = "x" }) end,
    ["tags.list"] = function(c) return c.tags:list() end,
    ["tags.add"] = function(c) return c.tags:add("1", { "2" }) end,
    ["tags.remove"] = function(c) return c.tags:remove("1", { "2" }) end,
    ["tags.members"] = function(c) return c.tags:members("1") end,
    ["segments.create"] = function(c)
      return c.segments:create { name = "x", where = where.Age:ge(1) }
    end,
    ["segments.delete"] = function(c) return c.segments:delete("1") end,
    ["segments.update"] = function(c) return c.segments:update("1", { where = where.Age:ge(1) }) end,
    ["segments.get"] = function(c) return c.segments:get("1") end,
    ["segments.list"] = function(c) return c.segments:list() end,
    ["segments.progress"] = function(c) return c.segments:progress("1") end,
    ["segments.members"] = function(c) return c.segments:members("1") end,
    ["segments.remove_members"] = function(c) return c.segments:remove_members("1", { "2" }) end,
  }
  for operation, call in pairs(calls) do
    it("is unsupported: " .. operation, function()
      local client, requests = support.client("engagelab", support.json(200, "{}"))
      local result, err = call(client)
      assert.is_nil(result)
      assert.equal("unsupported", err.kind)
      assert.equal(operation, err.operation)
      local group = operation:match("^%w+")
      assert.truthy(err.message:find("email/rest-api/marketing/" .. group, 1, true), err.message)
      assert.equal(0, #requests)
    end)
  end

  it("is unsupported: tags.find, tags.ensure, segments.wait", function()
    local client, requests = support.client("engagelab", support.json(200, "{}"))
    for _, call in ipairs {
      function() return client.tags:find("x") end,
      function() return client.tags:ensure("x") end,
      function() return client.segments:wait("1") end,
    } do
      local result, err = call()
      assert.is_nil(result)
      assert.equal("unsupported", err.kind)
    end
    assert.equal(0, #requests)
  end)
end)
