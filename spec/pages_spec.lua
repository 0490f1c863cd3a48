local errors = require "sendcloud.errors"
local scripted = require "spec.support.scripted"

-- A service that pages over rows: `rows()` gives the ids as they are just now.
local function service(rows, options)
  options = options or {}
  local function answer(request, n)
    local offset = tonumber(request.query:match("offset=(%d+)"))
    local count = tonumber(request.query:match("count=(%d+)"))
    local special = options.on_page and options.on_page(offset, n)
    if special then return special end
    local ids, list = rows(), {}
    for index = offset + 1, math.min(offset + math.min(count, options.most or 1000), #ids) do
      list[#list + 1] = ('{"id":"%s","email":"%s@x.example"}'):format(ids[index], ids[index])
    end
    local total = options.total == nil and #ids or options.total
    return scripted.json(200, ('{"list":[%s]%s}'):format(table.concat(list, ","),
      total and ',"total":' .. total or ""))
  end
  return scripted.client(answer, options.client)
end

local function ids(n)
  local list = {}
  for index = 1, n do list[index] = "m" .. index end
  return function() return list end
end

local function collect(...)
  local got = {}
  for member in ... do got[#got + 1] = member.id end
  return got
end

describe("a page", function()
  it("is an array with total, offset and count", function()
    local client = service(ids(25))
    local page = assert(client.members:list { offset = 10, count = 10 })
    assert.equal(10, #page)
    assert.same({ 25, 10, 10 }, { page.total, page.offset, page.count })
    assert.equal("m11", page[1].id)
  end)

  it("has the documents' defaults", function()
    local client, requests = service(ids(25))
    local page = assert(client.members:list())
    assert.same({ 0, 10 }, { page.offset, page.count })
    assert.equal("offset=0&count=10", requests[1].query)
  end)

  it("leads to the next, and to nil at the end", function()
    local client, requests = service(ids(25))
    local page, sizes = assert(client.members:list { count = 10 }), {}
    while page do
      sizes[#sizes + 1] = #page
      page = page:next()
    end
    assert.same({ 10, 10, 5 }, sizes)
    assert.equal(3, #requests)
  end)

  it("keeps the filter", function()
    local client, requests = service(ids(25))
    local where = require("sendcloud").where
    local page = assert(client.members:list { where = where.Age:ge(18), count = 10 })
    assert(page:next())
    assert.equal(requests[1].body, requests[2].body)
    assert.truthy(requests[1].body:find('"value":"18"', 1, true))
  end)

  it("goes on by the rows received", function()
    local client, requests = service(ids(25), { most = 7 })
    local page = assert(client.members:list { count = 10 })
    assert(page:next())
    assert.truthy(requests[2].query:find("offset=7", 1, true))
  end)

  it("ends at an empty page where no total is told", function()
    local client = service(ids(20), { total = false })
    local page = assert(client.members:list { count = 10 })
    assert.is_nil(page.total)
    page = assert(page:next())
    local following, err = page:next()
    assert.is_nil(following)
    assert.is_nil(err)
  end)

  it("goes by the rows where the total is no number", function()
    local client, requests = service(ids(25), { total = '"many"' })
    local page = assert(client.members:list { count = 20 })
    assert.is_nil(page.total)
    assert.equal(5, #assert(page:next()))
    local got = collect(client.members:each { page_size = 10 })
    assert.equal(25, #got)
    assert.is_true(#requests < 10)
  end)

  it("hands on the error of the next", function()
    local client = service(ids(25), { on_page = function(offset)
      return offset == 10 and scripted.json(401, "") or nil
    end })
    local page = assert(client.members:list { count = 10 })
    local following, err = page:next()
    assert.is_nil(following)
    assert.equal("auth", err.kind)
  end)

  it("is asked with a colon", function()
    local client = service(ids(3))
    local page = assert(client.members:list())
    assert.has_error(function() page.next() end)
  end)
end)

describe("an iterator", function()
  it("gives everything once, in order", function()
    for _, n in ipairs { 0, 1, 99, 100, 101, 1234 } do
      local client = service(ids(n))
      local got = collect(client.members:each())
      assert.equal(n, #got)
      assert.same(ids(n)(), got)
    end
  end)

  it("asks for pages of 100, or as told", function()
    local client, requests = service(ids(250))
    collect(client.members:each())
    assert.equal(3, #requests)
    client, requests = service(ids(250))
    collect(client.members:each { page_size = 50, prefetch = 0 })
    assert.equal(5, #requests)
    assert.equal("offset=200&count=50", requests[5].query)
  end)

  it("drops what it has given already", function()
    -- a row is inserted in front after the first page
    local list = ids(30)()
    local client = service(function() return list end, { on_page = function(_, n)
      if n == 2 then table.insert(list, 1, "new") end
    end })
    local got = collect(client.members:each { page_size = 10 })
    assert.equal(30, #got)
    assert.same(ids(30)(), got)
  end)

  it("stops at the limit", function()
    local client, requests = service(ids(1000))
    assert.equal(7, #collect(client.members:each { page_size = 3, limit = 7 }))
    assert.is_true(#requests <= 3)
    assert.equal(0, #collect(client.members:each { limit = 0 }))
    client, requests = service(ids(1000))
    assert.equal(5, #collect(client.members:each { limit = 5 }))
    assert.equal("offset=0&count=5", requests[1].query)
  end)

  it("stops at no limit that is endless", function()
    local client = service(ids(25))
    assert.equal(25, #collect(client.members:each { limit = math.huge }))
  end)

  it("begins at an offset", function()
    local client = service(ids(20))
    assert.same({ "m19", "m20" }, collect(client.members:each { offset = 18 }))
  end)

  it("stops at the total and at an empty page, whichever comes", function()
    local client, requests = service(ids(20), { total = 1e15 })
    assert.equal(20, #collect(client.members:each { page_size = 10, prefetch = 0 }))
    assert.equal(3, #requests)
    client = service(ids(20), { total = false })
    assert.equal(20, #collect(client.members:each { page_size = 10 }))
  end)

  it("copes with pages shorter than asked for", function()
    local client = service(ids(500), { most = 30 })
    assert.same(ids(500)(), collect(client.members:each()))
    -- short only now and then, with pages fetched ahead
    local most = 100
    local options = { on_page = function(offset)
      most = offset == 300 and 60 or 100
    end }
    client = service(ids(1500), setmetatable(options, { __index = function(_, key)
      return key == "most" and most or nil
    end }))
    assert.same(ids(1500)(), collect(client.members:each()))
  end)

  it("does not go on for ever where the offset is ignored", function()
    local client, requests = scripted.client(function()
      return scripted.json(200, '{"list":[{"id":"1"},{"id":"2"}],"total":1000000}')
    end)
    local ok, err = pcall(collect, client.members:each { page_size = 2 })
    assert.is_false(ok)
    assert.equal("protocol", err.kind)
    assert.is_true(#requests < 200)
  end)

  it("raises the error object of a page, and can be asked again", function()
    local broken = true
    local client = service(ids(30), { client = { retry = false }, on_page = function(offset)
      return broken and offset == 10 and scripted.json(503, "") or nil
    end })
    local step = client.members:each { page_size = 10 }
    local got = {}
    local ok, err = pcall(function()
      for member in step do got[#got + 1] = member.id end
    end)
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    assert.equal("server", err.kind)
    assert.equal(10, #got)
    broken = false
    for member in step do got[#got + 1] = member.id end
    assert.same(ids(30)(), got)
  end)

  it("raises for options it cannot use, naming them", function()
    local client, requests = service(ids(3))
    for parameter, options in pairs {
      page_size = { page_size = 101 }, limit = { limit = -1 }, prefetch = { prefetch = 0.5 },
      offset = { offset = "1" }, cursor = { cursor = "x" }, count = { count = 10 },
      pagesize = { pagesize = 3 },
    } do
      local ok, err = pcall(collect, client.members:each(options))
      assert.is_false(ok)
      assert.equal("invalid", err.kind)
      assert.equal(parameter, err.parameter)
      assert.truthy(err.message:find(parameter, 1, true))
    end
    assert.equal(0, #requests)
  end)

  it("works over tags and the members of a tag", function()
    local client, requests = scripted.client(function()
      return scripted.json(200, '{"list":[{"id":"t1","tagName":"x"}],"total":1}')
    end)
    for tag in client.tags:each { name = "x" } do assert.equal("x", tag.name) end
    assert.truthy(requests[1].query:find("tagName=x", 1, true))
    client, requests = service(ids(3))
    assert.equal(3, #collect(client.tags:each_member("t1")))
    assert.equal("/marketing/lists/tags/t1/members", requests[1].path)
    assert.equal(3, #collect(client.segments:each_member("s1", {})))
    assert.equal("/marketing/lists/segments/s1/members", requests[2].path)
  end)

  it("may call the client in its body", function()
    local client = service(ids(250))
    local n = 0
    for _ in client.members:each { page_size = 50 } do
      n = n + 1
      if n % 60 == 0 then assert.equal(5, #assert(client.members:list { count = 5 })) end
    end
    assert.equal(250, n)
  end)

  it("runs inside tasks, several at a time", function()
    local client = service(ids(250))
    local functions = {}
    for index = 1, 5 do
      functions[index] = function() return #collect(client.members:each { page_size = 20 }) end
    end
    local results, failures = client:parallel(functions)
    assert.same({ 250, 250, 250, 250, 250 }, results)
    assert.same({}, failures)
  end)
end)

describe("a cursor", function()
  it("goes on where an iteration was left", function()
    local client = service(ids(25))
    local step, cursor = client.members:each { page_size = 10 }
    local got = {}
    for member in step do
      got[#got + 1] = member.id
      if #got == 13 then break end
    end
    assert.equal(13, cursor.offset)
    for member in client.members:each { cursor = cursor } do got[#got + 1] = member.id end
    assert.same(ids(25)(), got)
  end)

  it("remembers the filter and what was given", function()
    local list = ids(20)()
    local client, requests = service(function() return list end)
    local where = require("sendcloud").where
    local step, cursor = client.members:each { where = where.Age:ge(18), limit = 5 }
    assert.equal(5, #collect(step))
    table.insert(list, 1, "new")
    local rest = collect(client.members:each { cursor = cursor })
    assert.equal(15, #rest)
    assert.equal(requests[1].body, requests[#requests].body)
  end)

  it("can be used twice", function()
    local client = service(ids(10))
    local step, cursor = client.members:each { limit = 4 }
    collect(step)
    assert.equal(6, #collect(client.members:each { cursor = cursor }))
    assert.equal(6, #collect(client.members:each { cursor = cursor }))
    assert.equal(4, cursor.offset)
  end)

  it("may be an offset that was written down", function()
    local client = service(ids(10))
    assert.same({ "m10" }, collect(client.members:each { cursor = { offset = 9 } }))
  end)

  it("of another listing is refused", function()
    local client = service(ids(10))
    local _, cursor = client.members:each()
    local ok, err = pcall(collect, client.tags:each_member("t1", { cursor = cursor }))
    assert.is_false(ok)
    assert.equal("cursor", err.parameter)
    _, cursor = client.tags:each_member("t1")
    ok, err = pcall(collect, client.tags:each_member("t2", { cursor = cursor }))
    assert.is_false(ok)
    assert.equal("cursor", err.parameter)
    assert.equal(10, #collect(client.tags:each_member("t1", { cursor = cursor })))
  end)
end)

describe("fetching ahead", function()
  it("does not read far for who stops early", function()
    local client, requests = service(ids(10000))
    local step = client.members:each()
    step()
    assert.is_true(#requests <= 2, #requests)
  end)

  it("reads further ahead for who goes on, as far as allowed", function()
    local client, requests = service(ids(10000), { client = { concurrency = 4 } })
    local n, ahead = 0, 0
    for _ in client.members:each() do
      n = n + 1
      ahead = math.max(ahead, #requests - math.ceil(n / 100))
    end
    assert.equal(10000, n)
    assert.equal(4, ahead)
    assert.equal(100, #requests)
  end)

  it("leaves nothing running when an iterator is abandoned", function()
    local transport, requests = scripted.transport(function(request)
      local offset = tonumber(request.query:match("offset=(%d+)"))
      return scripted.json(200, ('{"list":[{"id":"%d"}],"total":50}'):format(offset))
    end)
    local cancelled = 0
    local cancel = transport.cancel
    function transport.cancel(...)
      cancelled = cancelled + 1
      return cancel(...)
    end
    local client = assert(require("sendcloud").new {
      api_user = "u", api_key = "kkkk", transport = transport })
    do
      local step = client.members:each { page_size = 1 }
      for _ = 1, 5 do step() end
    end
    collectgarbage()
    collectgarbage()
    local before = cancelled
    client.members:each()
    assert.is_true(cancelled > before)
    assert.is_true(#requests > 0)
    client:close()
  end)

  -- Connections of this machine to a port of loopback that are open at the asking end.
  local function connections(port)
    local count = 0
    for line in io.lines("/proc/net/tcp") do
      local to, state = line:match("^%s*%d+: %x+:%x+ 0100007F:(%x+) (%x+)")
      if to and tonumber(to, 16) == port and state == "01" then count = count + 1 end
    end
    return count
  end

  local linux = io.open("/proc/net/tcp")
  if linux then linux:close() end
  local on_linux = linux and it or pending

  on_linux("closes the connections of what is on its way when a loop is left", function()
    local box = assert(require("sendcloud.sandbox").start { seed = 1 })
    local client = assert(box:client { concurrency = 4, timeout = 2, deadline = 3 })
    local members = {}
    for index = 1, 40 do members[index] = { email = ("m%d@example.com"):format(index) } end
    assert(client.members:upsert(members))
    local port = tonumber(box.url:match(":(%d+)"))
    local given, during = 0, nil
    for _ in client.members:each { page_size = 2 } do
      given = given + 1
      if given == 3 then -- pages 3 and 4 are asked for, and leave while something else waits
        box:fault { operation = "members.list", delay = 60 }
        assert(client.tags:list())
        during = connections(port)
        break
      end
    end
    collectgarbage() -- Lua 5.4 closes what a loop leaves at once; the others need the collector
    collectgarbage()
    client.members:each()
    assert.is_true(during >= 2, during)
    assert.is_true(connections(port) <= during - 2, connections(port))
    client:close()
    assert.equal(0, connections(port))
    box:stop()
  end)
end)
