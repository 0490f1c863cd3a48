local core = require "sendcloud.core"
local scripted = require "spec.support.scripted"
local sendcloud = require "sendcloud"

local json, script = scripted.json, scripted.client

local MEMBER = '{"id":"8","email":"a@b.example"}'
local USER, KEY = "Marker-User-1", "Marker-Key-2"
local TOKEN = "TWFya2VyLVVzZXItMTpNYXJrZXItS2V5LTI=" -- base64 of USER:KEY

local function here()
  return "client_spec.lua:" .. debug.getinfo(2, "l").currentline
end

-- Every string that can be reached from a value by pairs, metatables and tostring.
local function reachable(value, found, seen)
  found, seen = found or {}, seen or {}
  if type(value) == "string" then found[#found + 1] = value end
  if type(value) ~= "table" and type(value) ~= "userdata" or seen[value] then return found end
  seen[value] = true
  found[#found + 1] = tostring(value)
  if type(value) == "table" then
    for key, inner in pairs(value) do
      reachable(key, found, seen)
      reachable(inner, found, seen)
    end
  end
  local metatable = getmetatable(value)
  if type(metatable) == "table" then reachable(metatable, found, seen) end
  return found
end

-- The same by the debug library: what cannot be fetched otherwise, and what functions hold. Not
-- the program's globals, which hold this spec.
local function reachable_by_debug(value, found, seen)
  local function into(inner)
    if type(inner) == "string" then found[#found + 1] = inner end
    if type(inner) == "table" or type(inner) == "userdata" or type(inner) == "function" then
      reachable_by_debug(inner, found, seen)
    end
  end
  if seen[value] then return found end
  seen[value] = true
  into(debug.getmetatable(value))
  if type(value) == "table" then
    for key, inner in next, value do into(key) into(inner) end
  elseif type(value) == "userdata" then
    into((debug.getuservalue or debug.getfenv)(value))
  else
    for index = 1, 255 do
      local name, inner = debug.getupvalue(value, index)
      if not name then break end
      into(inner)
    end
  end
  return found
end

local function assert_hidden(value)
  for _, text in ipairs(reachable(value)) do
    for _, secret in ipairs { KEY, TOKEN } do
      assert.is_nil(text:find(secret, 1, true), "shows a secret")
    end
  end
end

describe("the module", function()
  it("has what the interface names", function()
    assert.equal("string", type(sendcloud._VERSION))
    assert.equal(require("cjson").null, sendcloud.null)
    assert.equal("function", type(sendcloud.new))
    assert.is_nil(sendcloud.time("no time"))
    assert.equal(1654082142, sendcloud.time("2022-06-01 19:15:42"))
    assert.equal(1701167402, sendcloud.time("2023-11-28T18:30:02+0800"))
    assert.truthy(sendcloud.where.Email:contains("qq.com"))
    assert.truthy(sendcloud.everyone)
  end)

  it("makes no global", function()
    for name in pairs(_G) do
      assert.is_nil(tostring(name):lower():find("sendcloud", 1, true), name)
    end
  end)
end)

describe("a client", function()
  it("is not made from what cannot work, and says what is wrong", function()
    for part, options in pairs {
      SENDCLOUD_API_KEY = { api_user = "a" },
      timeout = { api_user = "a", api_key = "b", timout = 1 },
      base_url = { api_user = "a", api_key = "b", base_url = "http://example.com" },
    } do
      local client, err = sendcloud.new(options)
      assert.is_nil(client)
      assert.equal("config", err.kind)
      assert.truthy(err.message:find(part, 1, true))
    end
  end)

  it("leaves the table of options alone", function()
    local options = { api_user = "a", api_key = "bbbb", retry = { attempts = 2 } }
    assert(sendcloud.new(options))
    assert.same({ api_user = "a", api_key = "bbbb", retry = { attempts = 2 } }, options)
  end)

  it("reads as one line without the key", function()
    local client = assert(sendcloud.new { api_user = USER, api_key = KEY })
    assert.equal("sendcloud client (sendcloud, https://api2.sendcloud.net)", tostring(client))
    client:close()
    assert.truthy(tostring(client):find("closed", 1, true))
  end)

  it("shows no secret, however it is walked", function()
    local events = {}
    local client = script({ json(503, "key " .. KEY .. " header " .. TOKEN), json(200, MEMBER) },
      { api_user = USER, api_key = KEY, on_event = function(e) events[#events + 1] = e end })
    assert_hidden(client)
    local member = assert(client.members:get("8"))
    assert_hidden(member)
    assert_hidden(events)
    assert.is_true(#events >= 4)
    local page, cursor = client.members:each()
    assert_hidden { page, cursor }
    assert_hidden(sendcloud)
  end)

  it("keeps none where the debug library finds it", function()
    local key = "Marker-Key-3" -- answers of the other clients here hold KEY
    local token = core.credential("Bearer", USER, key):header():match("%S+$")
    local client = assert(sendcloud.new { api_user = USER, api_key = key,
      transport = function() return { status = 200, body = MEMBER } end })
    local member = assert(client.members:get("8"))
    local found = reachable_by_debug({ client, client.tags, member }, {},
      { [_G] = true, [package.loaded] = true, [package] = true })
    assert.is_true(#found > 500)
    for _, text in ipairs(found) do
      for _, secret in ipairs { key, token } do assert.is_nil(text:find(secret, 1, true)) end
    end
  end)

  it("shows none in errors that quote the service", function()
    local client = script({ json(400, '{"status":"' .. KEY .. '","error":{"parameter":"' .. KEY
      .. '","message":"user ' .. USER .. " key " .. KEY .. " Bearer " .. TOKEN .. ' of someone@b.example"}}') },
      { api_user = USER, api_key = KEY })
    local _, err = client.members:get("8")
    assert_hidden(err)
    assert.is_nil(tostring(err):find(USER, 1, true))
    assert.is_nil(tostring(err):find("someone", 1, true))
  end)

  it("shows none when a transport quotes it", function()
    local client = script({ { failure = { kind = "network", message = "Authorization: Bearer "
      .. TOKEN, outcome = "not_sent" } } }, { api_user = USER, api_key = KEY, retry = false })
    local _, err = client.members:get("8")
    assert_hidden(err)
  end)

  it("does not let its metatables be fetched", function()
    local client = script { json(200, MEMBER) }
    local member = assert(client.members:get("8"))
    for _, object in ipairs { client, client.members, client.tags, client.segments, member } do
      assert.equal("string", type(getmetatable(object)))
    end
  end)
end)

describe("closing", function()
  it("may be repeated, and later calls say so", function()
    local client, requests = script { json(200, MEMBER) }
    local member = assert(client.members:get("8"))
    client:close()
    client:close()
    local _, err = client.members:get("8")
    assert.equal("closed", err.kind)
    assert.equal("members.get", err.operation)
    _, err = member:update { name = "x" }
    assert.equal("closed", err.kind)
    assert.equal("not_sent", err.outcome)
    _, err = client:request { path = "/x" }
    assert.equal("closed", err.kind)
    local ok, raised = pcall(function() for _ in client.members:each() do end end)
    assert.is_false(ok)
    assert.equal("closed", raised.kind)
    assert.equal(1, #requests)
  end)

  it("during a wait cancels the call", function()
    local client
    local on_event = function(event)
      if event.type == "retry" then client:close() end
    end
    client = script({ json(503, "") }, { on_event = on_event })
    local _, err = client.members:get("8")
    assert.truthy(err.kind == "cancelled", err.kind)
    assert.equal(1, err.attempts)
  end)

  it("cancels what runs side by side", function()
    local client
    client = script(function(_, n)
      if n == 2 then client:close() end
      return json(503, "")
    end)
    local results, failures = client:parallel {
      function() return client.members:get("1") end,
      function() return client.members:get("2") end,
      function() return client.members:get("3") end,
    }
    assert.same({}, results)
    for index = 1, 3 do
      local kind = failures[index].kind
      assert.truthy(kind == "cancelled" or kind == "closed" or kind == "server", kind)
    end
  end)

  it("comes with the collector", function()
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 20 do
      local client = assert(sendcloud.new { api_user = "a", api_key = "bbbb" })
      weak[client.members] = true
      weak[client] = true
      client.members:each()
    end
    for _ = 1, 4 do collectgarbage() end
    assert.is_nil(next(weak))
  end)

  it("waits for whoever holds a part of the client", function()
    local members = script({ json(200, MEMBER) }).members
    collectgarbage()
    collectgarbage()
    local member = assert(members:get("8"))
    members = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert(member:refresh())
  end)
end)

describe("misuse", function()
  local client = script { json(200, MEMBER) }
  local member = assert(client.members:get("8"))

  for usage, misuse in pairs {
    ["members.get"] = function() return here(), client.members.get("8") end,
    ["members.upsert"] = function() return here(), client.members.upsert({}, {}) end,
    ["options of upsert"] = function() return here(), client.members:upsert({}, 5) end,
    ["options of list"] = function() return here(), client.members:list("x") end,
    ["options of each"] = function() return here(), client.members:each("x") end,
    ["changes"] = function() return here(), client.members:update("8", "x") end,
    ["tags.create"] = function() return here(), client.tags.create("x") end,
    ["segments.create"] = function() return here(), client.segments:create("x") end,
    ["on_progress"] = function()
      return here(), client.segments:wait("8", { on_progress = 5 })
    end,
    ["client.close"] = function() return here(), client.close() end,
    ["parallel"] = function() return here(), client:parallel({ function() end, 5 }) end,
    ["parallel's list"] = function()
      return here(), client:parallel({ function() end, nil, function() end })
    end,
    ["parallel's table"] = function() return here(), client:parallel(function() end) end,
    ["call"] = function() return here(), client:call(5) end,
    ["call's parameters"] = function() return here(), client:call("members.list", 5) end,
    ["request"] = function() return here(), client:request("/x") end,
    ["member.update"] = function() return here(), member.update({ name = "x" }) end,
    ["member:update"] = function() return here(), member:update("x") end,
    ["new"] = function() return here(), sendcloud.new("x") end,
    ["new with a colon"] = function() return here(), sendcloud:new {} end,
    ["on_event"] = function() return here(), sendcloud.new { on_event = 5 } end,
    ["transport"] = function() return here(), sendcloud.new { transport = 5 } end,
  } do
    it("of " .. usage .. " is raised at the caller's line", function()
      local ok, message = pcall(misuse)
      assert.is_false(ok)
      local line = debug.getinfo(misuse, "S")
      local where = tonumber(message:match("client_spec.lua:(%d+):"))
      assert.is_true(where ~= nil and where >= line.linedefined and where <= line.lastlinedefined,
        message)
    end)
  end

  it("is not what depends on data", function()
    for _, f in ipairs {
      function() return client.members:get(5) end,
      function() return client.members:upsert("x") end,
      function() return client.members:upsert() end,
      function() return client.members:delete_where(5) end,
      function() return client.members:delete_where({}) end,
      function() return client.members:delete_where() end,
      function() return client.tags:create(5) end,
      function() return client.tags:add("t", "x") end,
      function() return client.tags:find() end,
      function() return client:call("members.frobnicate") end,
    } do
      local result, err = f()
      assert.is_nil(result)
      assert.equal("invalid", err.kind)
    end
  end)
end)

describe("client:call", function()
  it("runs any operation by name", function()
    local client, requests = script(function(request)
      if request.method == "DELETE" then return json(204, "") end
      if request.operation == "tags.add" then return json(200, '{"successCount":1}') end
      return json(200, '{"list":[{"id":"1"}],"total":7}')
    end)
    local page = assert(client:call("members.list", { count = 1 }))
    assert.same({ 7, 0, 1 }, { page.total, page.offset, page.count })
    assert(page:next())
    assert.is_true(client:call("tags.delete", { id = "t" }))
    local many = {}
    for index = 1, 1500 do many[index] = "m" .. index end
    assert.equal(2, client:call("tags.add", { id = "t", member_ids = many }))
    assert.equal(5, #requests)
  end)

  it("names the nearest operation", function()
    local _, err = script({}):call("member.list")
    assert.equal("invalid", err.kind)
    assert.truthy(err.message:find("members.list", 1, true))
  end)

  it("tells what a provider has no document for", function()
    local client = script({}, { provider = "engagelab" })
    for _, operation in ipairs { "tags.create", "segments.list" } do
      local _, err = client:call(operation, {})
      assert.equal("unsupported", err.kind)
      assert.equal(operation, err.operation)
    end
  end)

  it("tells a reading operation that is missing without an outcome", function()
    local client = script({}, { provider = "engagelab" })
    assert.is_nil(select(2, client:call("segments.members", { id = "s" })).outcome)
    assert.equal("not_sent", select(2, client:call("tags.add", { id = "t" })).outcome)
  end)

  it("refuses options that it does not know or cannot use", function()
    local client, requests = script { json(200, MEMBER) }
    for parameter, options in pairs {
      dedline = { dedline = 1 }, deadline = { deadline = "5" }, timeout = { timeout = {} },
      reconcile = { reconcile = 1 }, ["1"] = { 5 },
    } do
      local _, err = client:call("members.get", { id = "8" }, options)
      assert.same({ "invalid", parameter, "members.get" }, { err.kind, err.parameter, err.operation })
      _, err = client.tags:create("x", options)
      assert.same({ "invalid", parameter, "not_sent" }, { err.kind, err.parameter, err.outcome })
    end
    local _, err = client:parallel({ function() end }, { concurency = 2 })
    assert.same({ "invalid", "concurency" }, { err.kind, err.parameter })
    assert.truthy(err.message:find('"concurrency"', 1, true))
    assert.equal(0, #requests)
  end)

  it("makes a tag or a segment as its method does, reconciling included", function()
    local lost = { failure = { kind = "network", message = "lost", outcome = "unknown" } }
    local found = json(200, '{"list":[{"id":"t9","tagName":"x"}],"total":1}')
    for _, options in ipairs { { reconcile = true }, false } do
      local client, requests = script({ lost, found }, { reconcile = not options or nil })
      local tag = client:call("tags.create", { name = "x" }, options or nil)
      assert.equal("t9", tag.id)
      assert.equal(2, #requests)
    end
  end)

  it("takes a deadline of its own", function()
    local client, _, clock = script({ json(503, "") }, { retry = { attempts = 50 } })
    local _, err = client:call("members.get", { id = "8" }, { deadline = 2 })
    assert.equal("server", err.kind)
    assert.is_true(clock.at - 1000 <= 2)
    _, err = client:call("tags.add", { id = "t", member_ids = { "8" } }, { deadline = 2 })
    assert.equal("server", err.kind)
    assert.is_true(clock.at - 1000 <= 4)
  end)
end)

describe("events", function()
  it("tell attempts, retries and the end", function()
    local events = {}
    local client = script({ json(503, ""), json(200, MEMBER) },
      { on_event = function(event) events[#events + 1] = event end })
    assert(client.members:get("8"))
    local types = {}
    for index, event in ipairs(events) do
      types[index] = event.type
      assert.equal("members.get", event.operation)
    end
    assert.same({ "attempt", "retry", "attempt", "done" }, types)
    assert.same({ 1, "server", 503, "HTTP 503" },
      { events[2].attempt, events[2].kind, events[2].status, events[2].reason })
    assert.equal("number", type(events[2].wait))
    assert.same({ true, 2 }, { events[4].ok, events[4].attempts })
    assert.near(events[2].wait, events[4].seconds, 1e-6)
  end)

  it("tell that the limiter holds a call back", function()
    local throttled
    local client = script({ json(200, MEMBER) }, { rate = 2, on_event = function(event)
      if event.type == "throttle" then throttled = event end
    end })
    assert(client.members:get("8"))
    assert(client.members:get("8"))
    assert.near(0.5, throttled.wait, 0.02)
    assert.equal(2, throttled.rate)
  end)

  it("tell how a call failed", function()
    local done
    local client = script({ json(404, "") }, { on_event = function(event)
      if event.type == "done" then done = event end
    end })
    client.members:delete("8")
    assert.same({ false, "not_found", 404, "rejected" },
      { done.ok, done.kind, done.status, done.outcome })
  end)

  it("do no harm when the listener raises or calls the client", function()
    local client, depth = nil, 0
    client = script({ json(200, MEMBER) }, { on_event = function(event)
      if event.type == "done" and depth == 0 then
        depth = 1
        assert(client.members:get("9"))
        depth = 2
      end
      error("boom")
    end })
    assert(client.members:get("8"))
    assert.equal(2, depth)
    local results = client:parallel { function() return client.members:get("8") end }
    assert.equal("8", results[1].id)
  end)
end)

describe("a transport", function()
  it("may be a function", function()
    local asked
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk",
      transport = function(request)
        asked = request
        return { status = 200, body = MEMBER }
      end })
    assert.equal("8", assert(client.members:get("8")).id)
    assert.equal("GET", asked.method)
    assert.equal("Bearer dTpra2tr", asked.headers.authorization)
  end)

  it("that raises is a network failure of unknown outcome", function()
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk", retry = false,
      transport = function() error("boom") end })
    local _, err = client.members:delete("8")
    assert.same({ "network", "unknown" }, { err.kind, err.outcome })
  end)

  it("may be a sandbox of its own", function()
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk", transport = "sandbox" })
    assert.equal(0, assert(client.members:list()).total)
    client:close()
  end)

  it("that is not installed is told", function()
    local load = package.loaded["sendcloud.transport.sandbox"]
    package.loaded["sendcloud.transport.sandbox"] = nil
    package.preload["sendcloud.transport.sandbox"] = function() error("not here") end
    local client, err = sendcloud.new { api_user = "u", api_key = "kkkk", transport = "sandbox" }
    package.preload["sendcloud.transport.sandbox"] = nil
    package.loaded["sendcloud.transport.sandbox"] = load
    assert.is_nil(client)
    assert.same({ "config", "transport" }, { err.kind, err.parameter })
  end)

  it("of nginx is refused elsewhere", function()
    local client, err = sendcloud.new { api_user = "u", api_key = "kkkk", transport = "ngx" }
    assert.is_nil(client)
    assert.same({ "config", "transport" }, { err.kind, err.parameter })
  end)

  it("is libcurl by default", function()
    -- a port that nobody listens on: refused at once, nothing was sent
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk", retry = false,
      base_url = "http://127.0.0.1:1", connect_timeout = 2 })
    local _, err = client.members:delete("8")
    assert.same({ "network", "not_sent", 1 }, { err.kind, err.outcome, err.attempts })
    client:close()
  end)

  it("shares its rate only in nginx", function()
    local client, err = sendcloud.new { api_user = "u", api_key = "kkkk", shared = "rates" }
    assert.is_nil(client)
    assert.same({ "config", "shared" }, { err.kind, err.parameter })
  end)

  it("takes a thread pool of nginx's by its name", function()
    local _, err = sendcloud.new { api_user = "u", api_key = "kkkk", thread_pool = true }
    assert.same({ "config", "thread_pool" }, { err.kind, err.parameter })
    assert(sendcloud.new { api_user = "u", api_key = "kkkk", thread_pool = "p" }):close()
  end)

  it("of nginx says where it cannot be used", function()
    local had = rawget(_G, "ngx")
    rawset(_G, "ngx", { get_phase = function() return "log" end })
    package.loaded["sendcloud.transport.ngx"] = {
      choose = function() return nil, "not in the log phase: use ngx.timer.at" end }
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk" })
    local _, err = client.members:get("8")
    rawset(_G, "ngx", had)
    package.loaded["sendcloud.transport.ngx"] = nil
    assert.equal("unsupported", err.kind)
    assert.equal("members.get", err.operation)
    assert.truthy(err.message:find("ngx.timer.at", 1, true))
  end)
end)

describe("jitter", function()
  it("does not touch the program's random numbers", function()
    math.randomseed(42)
    local expected = math.random()
    math.randomseed(42)
    local client = script { json(503, ""), json(200, MEMBER) }
    assert(client.members:get("8"))
    assert.equal(expected, math.random())
  end)

  it("differs from client to client", function()
    local waits = {}
    for index = 1, 5 do
      local client, _, clock = script { json(503, ""), json(200, MEMBER) }
      assert(client.members:get("8"))
      waits[index] = clock.waits[1]
      local until_then = core.now() + 0.0005
      while core.now() < until_then do end -- luacheck: ignore
    end
    local same = 0
    for index = 2, 5 do
      if waits[index] == waits[1] then same = same + 1 end
    end
    assert.equal(0, same)
  end)
end)
