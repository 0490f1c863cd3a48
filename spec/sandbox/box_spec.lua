-- What a script does with a box: start, client, state, what no call of the services does.

local cjson = require "cjson"
local sandbox = require "sendcloud.sandbox"
local tools = require "spec.sandbox.tools"

local MEMBERS = "/marketing/lists/members"
local LIST = "/marketing/lists/listMembers"

after_each(tools.stop_all)

local function upsert(box, ...)
  local members = {}
  for i, email in ipairs { ... } do members[i] = ('{"email":"%s","tags":["t"]}'):format(email) end
  local status, body = tools.ask(box, "POST", MEMBERS,
    '{"members":[' .. table.concat(members, ",") .. '],"tagFlag":1,"updateExisting":true}')
  assert.equal(200, status)
  return cjson.decode(body)
end

local function total(box)
  local _, body = tools.ask(box, "POST", LIST, "{}")
  return cjson.decode(body).total
end

describe("sandbox.start", function()
  it("needs nothing", function()
    local box = assert(sandbox.start())
    assert.equal(0, total(box))
    box:stop()
  end)

  it("raises for options that are none, at the caller's line", function()
    for _, options in ipairs {
      { prot = 1 }, { port = "x" }, { seed = "1" }, { clock = "soon" }, { unknown_tag = "perhaps" },
      { segment_ms = "soon" }, "x",
    } do
      local ok, why = pcall(function()
        local box = sandbox.start(options)
        return box
      end)
      assert.False(ok)
      assert.truthy(tostring(why):find("box_spec.lua", 1, true), why)
    end
  end)

  it("says why a file cannot be", function()
    local box, why = sandbox.start { path = "/nonexistent/folder/box.db" }
    assert.is_nil(box)
    assert.equal("string", type(why))
    local path = os.tmpname()
    tools.write(path, ("this is no database. "):rep(100))
    box, why = sandbox.start { path = path }
    os.remove(path)
    assert.is_nil(box)
    assert.equal("string", type(why))
  end)

  it("takes every switch by its name", function()
    assert(#sandbox.switches() > 10)
    for _, switch in ipairs(sandbox.switches()) do
      if switch.choices == "number" then
        tools.start { [switch.name] = switch.default }
      else
        for choice in switch.choices:gmatch("[^|]+") do tools.start { [switch.name] = choice } end
      end
      tools.stop_all()
    end
  end)

  it("keeps a file's state", function()
    local path = os.tmpname()
    os.remove(path)
    local box = assert(sandbox.start { path = path, seed = 5 })
    local id = upsert(box, "a@example.com").insertedMembers[1].id
    box:stop()
    box = tools.start { path = path }
    local status, body = tools.ask(box, "GET", MEMBERS .. "/" .. id)
    assert.same({ 200, "a@example.com" }, { status, cjson.decode(body).email })
    box:stop()
    tools.shell("rm -f " .. path .. "*")
  end)

  it("checks credentials, its own and the documents'", function()
    local box = tools.start()
    assert.equal(401, (tools.ask(box, "POST", LIST, "{}", {})))
    local other = tools.base64 "a:b"
    assert.equal(401, (tools.ask(box, "POST", LIST, "{}", { "Authorization: Bearer " .. other })))
    local sample = "YXBpX3VzZXI6YXBpX2tleQ=="
    assert.equal(200, (tools.ask(box, "POST", LIST, "{}", { "Authorization: Bearer " .. sample })))
    box = tools.start { api_user = "me", api_key = "mine" }
    assert.same({ "me", "mine" }, { box.api_user, box.api_key })
    assert.equal(401, (tools.ask(box, "POST", LIST, "{}", { "Authorization: Bearer " .. sample })))
    assert.equal(200, (tools.ask(box, "POST", LIST, "{}")))
  end)
end)

describe("box:client", function()
  for _, provider in ipairs { "sendcloud", "engagelab" } do
    for _, transport in ipairs { "sandbox", "http" } do
      it("has credentials that work: " .. provider .. ", " .. transport, function()
        local box = tools.start()
        local client = assert(box:client {
          provider = provider, transport = transport == "sandbox" and transport or nil,
        })
        local result = assert(client.members:upsert { { email = "a@example.com" } })
        assert.equal(1, result.inserted_count)
        assert.equal(provider, box:requests { last = 1 }[1].provider)
        client:close()
      end)
    end
  end

  it("opens no port for the transport in process", function()
    local box = tools.start()
    assert(assert(box:client { transport = "sandbox" }).members:list {})
    assert.equal("sandbox (in process)", tostring(box))
  end)

  it("sleeps off a Retry-After of ten minutes at once", function()
    local box = tools.start()
    local client = assert(box:client { transport = "sandbox", deadline = 3600 })
    box:fault { nth = 1, status = 429, retry_after = 600 }
    box:fault { nth = 2, status = 429, retry_after = { date = 600 } }
    local before = box:time()
    assert(client.members:list {})
    assert(box:time() - before >= 1200)
    assert.equal(3, #box:requests())
  end)

  it("is told by a date on the box's clock how long to wait, over HTTP too", function()
    local box = tools.start { clock = "2020-11-20 09:00:00" }
    local client = assert(box:client { deadline = 5 })
    box:fault { status = 429, retry_after = { date = 600 } }
    local page, err = client.members:list {}
    assert.is_nil(page)
    assert.same({ "rate_limited", 600 }, { err.kind, err.retry_after })
  end)

  it("keeps its box alive", function()
    local client = assert(sandbox.start():client {})
    collectgarbage()
    collectgarbage()
    assert(client.members:list {})
    client:close()
  end)
end)

describe("the state of a box", function()
  it("is empty after a reset, and the same calls give the same answers", function()
    local box = tools.start()
    local first = upsert(box, "a@example.com", "b@example.com")
    assert.equal(2, total(box))
    box:reset()
    assert.equal(0, total(box))
    assert.same(first, upsert(box, "a@example.com", "b@example.com"))
  end)

  it("keeps the options it was started with", function()
    local box = tools.start { seed = 1, not_found_status = "404" }
    box:reset()
    local basic = { "Authorization: Basic " .. tools.token(box) }
    assert.equal(404, (tools.ask(box, "PUT", "/v1" .. MEMBERS .. "/000000000000000000000000", "{}", basic)))
  end)

  it("goes into a snapshot and back", function()
    local box = tools.start()
    upsert(box, "a@example.com")
    local snapshot = box:snapshot()
    upsert(box, "b@example.com", "c@example.com")
    assert.equal(3, total(box))
    box:restore(snapshot)
    assert.equal(1, total(box))
    local other = tools.start { seed = 9 }
    other:restore(snapshot)
    assert.equal(1, total(other))
    assert.False(pcall(box.restore, box, "rubbish"))
    assert.equal(1, total(box))
  end)

  it("is shown whole by dump", function()
    local box = tools.start()
    upsert(box, "a@example.com")
    local dump = cjson.decode(box:dump())
    assert.equal("a@example.com", dump.members[1].email)
    for _, name in ipairs { "fields", "members", "tags", "segments", "campaigns" } do
      assert.equal("table", type(dump[name]), name)
    end
  end)
end)

describe("what no call of the services does", function()
  it("records events of a campaign for segments", function()
    local box = tools.start()
    local members = upsert(box, "a@example.com", "b@example.com", "c@example.com").insertedMembers
    assert(box:event(77, { "a@example.com", members[2].id }, "sent"))
    assert(box:event(77, "a@example.com", "open"))
    local ok, why = box:event(77, "nobody@example.com", "open")
    assert.is_nil(ok)
    assert.equal("string", type(why))
    assert.False(pcall(box.event, box, 77, "a@example.com", "read"))
    local status, body = tools.ask(box, "POST", "/marketing/lists/segments", [[
      {"segmentName":"opened","type":1,"condition":{"relation":"and","items":[
      {"campaignId":77,"fieldName":"campaign","op":"==","value":"open"}]}}]])
    assert.equal(201, status)
    box:advance(60)
    local _, detail = tools.ask(box, "GET", "/marketing/lists/segments/" .. cjson.decode(body).segmentId)
    assert.same({ "2", 1 }, { cjson.decode(detail).status, cjson.decode(detail).memberTotal })
  end)

  it("defines fields and lets segments fail", function()
    local box = tools.start()
    assert(box:field { name = "Points", type = "number" })
    assert(box:field { name = "Size", type = "dropdown", options = { "S", 'L "wide"' } })
    assert.is_nil((box:field { name = "tag", type = "text" }))
    assert.False(pcall(box.field, box, { name = "x", type = "colour" }))
    box:segment_fail()
    local status, body = tools.ask(box, "POST", "/marketing/lists/segments", [[
      {"segmentName":"many","type":0,"condition":{"relation":"and","items":[
      {"fieldName":"Points","op":">=","value":"3"}]}}]])
    assert.equal(201, status)
    box:advance(60)
    local _, detail = tools.ask(box, "GET", "/marketing/lists/segments/" .. cjson.decode(body).segmentId)
    assert.equal("-1", cjson.decode(detail).status)
  end)

  it("unsubscribes a contact", function()
    local box = tools.start()
    local id = upsert(box, "a@example.com").insertedMembers[1].id
    assert(box:unsubscribe("a@example.com"))
    local _, body = tools.ask(box, "GET", MEMBERS .. "/" .. id)
    assert.equal("string", type(cjson.decode(body).unsubscribeTime))
    assert(box:unsubscribe(id, false))
    _, body = tools.ask(box, "GET", MEMBERS .. "/" .. id)
    assert.equal(cjson.null, cjson.decode(body).unsubscribeTime)
  end)

  it("loads a CSV file, past faults and log", function()
    local box = tools.start()
    box:fault { status = 500 }
    local path = os.tmpname()
    tools.write(path, "\239\187\191Email,Name,Tags,City\r\n"
      .. 'a@example.com,"Last, First","vip; new","line 1\nline 2"\r\n'
      .. ' b@example.com ,"say ""hi""",,\r\n'
      .. "A@EXAMPLE.COM,Other,,\r\n\r\n"
      .. "no address,x,,\r\n"
      .. "c@example.com,\255,,\r\n")
    local report = assert(box:load(path))
    assert.same({ rows = 5, inserted = 2, updated = 1, rejected = 2 }, report)
    assert.same({}, box:requests())
    local dump = cjson.decode(box:dump())
    assert.equal(2, #dump.members)
    assert.equal('say "hi"', dump.members[2].name)
    assert.equal("line 1\nline 2", dump.members[1].fields.City)
    os.remove(path)
    assert.is_nil((box:load "/nonexistent"))
  end)

  it("tells other programs where it is", function()
    local box = tools.start()
    assert.same({
      SENDCLOUD_PROVIDER = "engagelab", SENDCLOUD_API_USER = box.api_user,
      SENDCLOUD_API_KEY = box.api_key, SENDCLOUD_BASE_URL = box.url,
    }, box:environment("engagelab"))
  end)
end)
