-- Bodies nobody should send: each is answered by a clear 400 in the dialect's form, and nothing is done.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

describe("a body that is", function()
  local cases = {
    { "no JSON", "hello" },
    { "half a JSON", '{"members":[' },
    { "JSON and more", '{"members":[]} x' },
    { "a list", "[]" },
    { "a number", "5" },
    { "2 MB of [", ("["):rep(2 ^ 21) },
    { "2 MB of nested objects", ('{"a":'):rep(2 ^ 18) },
    { "no UTF-8", '{"members":[{"email":"\255\254@example.com"}],"tagFlag":1,"updateExisting":true}' },
    { "an encoded surrogate",
      '{"members":[{"email":"\237\160\128@example.com"}],"tagFlag":1,"updateExisting":true}' },
    { "half a surrogate pair",
      '{"members":[{"email":"a@example.com","name":"\\ud800"}],"tagFlag":1,"updateExisting":true}' },
    { "the other half",
      '{"members":[{"email":"a@example.com","name":"\\udc00x"}],"tagFlag":1,"updateExisting":true}' },
    { "a NUL", '{"members":[{"email":"a@example.com","name":"x\0y"}],"tagFlag":1,"updateExisting":true}' },
    { "an escaped NUL",
      '{"members":[{"email":"a@example.com","name":"\\u0000"}],"tagFlag":1,"updateExisting":true}' },
    { "a control character in a text",
      '{"members":[{"email":"a@example.com","name":"x\ny"}],"tagFlag":1,"updateExisting":true}' },
    { "a trailing comma", '{"members":[{"email":"a@example.com"},],"tagFlag":1,"updateExisting":true}' },
    { "single quotes", "{'members':[]}" },
    { "a huge flag", '{"members":[{"email":"a@example.com"}],"tagFlag":99999999999999999999,"updateExisting":true}' },
    { "a flag of 1e400", '{"members":[{"email":"a@example.com"}],"tagFlag":1e400,"updateExisting":true}' },
    { "members that are an object", '{"members":{"email":"a@example.com"},"tagFlag":1,"updateExisting":true}' },
    { "updateExisting as a number", '{"members":[{"email":"a@example.com"}],"tagFlag":1,"updateExisting":1}' },
    { "members of lists", '{"members":[[[]]],"tagFlag":1,"updateExisting":true}' },
    { "only white space", "   " },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local box = tools.start()
      local status, answer = rules.sc(box, "POST", "members", case[2])
      assert.same({ 400, 400 }, { status, answer.status })
      assert.truthy(#answer.error.message > 5)
      status, answer = rules.el(box, "POST", "members", case[2])
      assert.same({ 400, "number" }, { status, type(answer.code) })
      local _, list = rules.sc(box, "POST", "listMembers")
      assert.equal(0, list.total)
      assert.equal(1, rules.upsert(box, { { email = "good@example.com" } }).totalInserted)
    end)
  end

  it("too large is 413", function()
    local box = tools.start { seed = 42, max_body = 1000 }
    local status, answer = rules.sc(box, "POST", "members", '{"x":"' .. ("y"):rep(1000) .. '"}')
    assert.same({ 413, 413 }, { status, answer.status })
  end)

  it("odd but right is taken", function()
    local box = tools.start()
    local status, answer = rules.sc(box, "POST", "members",
      ' {"updateExisting":false,"members":[{"email":"a@example.com","name":"\\ud83d\\ude00\\\\u0000 \\"q\\" \\/",'
      .. '"fields":{"n":123456789012345678901234567890,"deep":{"a":[1,{"b":null}]},"e\\u0301":"x"},'
      .. '"unknown":[{}]}],"x":{}}\n')
    assert.equal(200, status)
    assert.equal(1, answer.totalInserted)
    local member = rules.find(box, "a@example.com")
    assert.equal('😀\\u0000 "q" /', member.name)
    assert.equal("x", member.fields["e\204\129"])
    assert.same({ 1, { b = rules.null } }, member.fields.deep.a)
  end)
end)

describe("SQL in a request", function()
  it("is a text like others", function()
    local box = tools.start()
    local evil = "'); DROP TABLE member; --"
    rules.upsert(box, { { email = "a@example.com", name = evil, tags = { evil }, fields = { ["x'); --"] = evil } } })
    assert.equal("a", rules.match(box, "and", { "Name", "==", evil }, { "tag", "==", evil }, { "x'); --", "==",
      evil }))
    assert.equal("a", rules.match(box, "and", { "tag", "contain", "DROP" }, { "Name", "contain", "table" }))
    assert.equal("", rules.match(box, "and", { "Name", "contain", "%" }))
    assert.equal("", rules.match(box, "and", { "Email", "contain", "_" }))
  end)
end)
