-- What a script can do in the middle of a call: metamethods that close what the call is about to
-- use, finalizers that use the very object, one buffer in two places. Under `make asan` each of
-- these would be a read of freed memory.

local core = require "sendcloud.core"
local garbage = require "spec.support.garbage"
local support = require "spec.support.http"

local unpack = table.unpack or unpack -- luacheck: ignore 113

local function refuses(reason, action, ...)
  local ok, message = pcall(action, ...)
  assert.is_false(ok)
  assert.is_truthy(tostring(message):find(reason, 1, true), message)
end

describe("metamethods of a request", function()
  local engine, peer
  setup(function() peer = support.peer() end)
  teardown(function() support.stop() end)
  before_each(function() engine = core.http() end)
  after_each(function() engine:close() end)

  -- A request that answers from fields, and runs what is in on when a key is looked up.
  local function sly(fields, on)
    return setmetatable({}, { __index = function(_, key)
      if on[key] then on[key]() end
      return fields[key]
    end })
  end

  local function send(request)
    local transfer, failure = engine:add(request)
    if not transfer then return nil, failure end
    while not transfer:done() do engine:step(1) end
    return transfer:result()
  end

  it("may close the credential that was read before", function()
    local credential = core.credential("Bearer", "user", ("k"):rep(4000))
    local answer, failure = send(sly(
      { method = "GET", url = peer.url .. "/echo", credential = credential },
      { body = function() credential:close() end, into = function() credential:close() end }))
    assert.is_nil(answer)
    assert.are.equal("the credential is closed", failure.message)
  end)

  it("may write into the body that was read before", function()
    local body = core.buffer()
    local shape = core.shape { type = "string" }
    shape:write("before", body)
    local answer = assert(send(sly(
      { method = "POST", url = peer.url .. "/echo", body = body },
      { into = function()
        body:clear()
        shape:write(("x"):rep(5000), body)
      end })))
    assert.are.equal(5002, #answer.body:match "\r\n\r\n(.*)$")
  end)

  it("may use its buffers for another request", function()
    local body = core.buffer()
    refuses("in use by another request", engine.add, engine, sly(
      { method = "POST", url = peer.url .. "/echo", body = body },
      { into = function()
        assert(engine:add { method = "POST", url = peer.url .. "/echo", body = body })
      end }))
  end)

  it("may close the engine", function()
    refuses("the engine is closed", engine.add, engine, sly(
      { method = "GET", url = peer.url .. "/echo" }, { into = function() engine:close() end }))
  end)

  it("run before anything of a result is looked at", function()
    local met = 0
    for _ = 1, 5 do
      local transfer = assert(engine:add { method = "GET", url = peer.url .. "/echo" })
      while not transfer:done() do engine:step(1) end
      local answer
      met = met + garbage.amid(
        function() transfer:result() end,
        function() answer = transfer:result() end)
      assert.are.equal(200, answer.status)
    end
    assert.is_true(met >= 0)
  end)
end)

describe("a finalizer", function()
  it("may close a credential while its header is made", function()
    local credential
    garbage.amid(function() credential:close() end, function()
      credential = core.credential("Bearer", "user", ("k"):rep(3000))
      local header = credential:header()
      assert.is_true(header == nil or #header > 3000)
      credential:close()
      assert.is_nil(credential:header())
    end)
  end)

  it("may write by a shape while its string is made", function()
    local shape = core.shape { type = "string" }
    garbage.amid(function() shape:write(("y"):rep(70000)) end, function(round)
      local text = ("x"):rep(round * 100)
      assert.are.equal('"' .. text .. '"', shape:write(text))
    end)
  end)

  it("may write into a buffer while its string is made", function()
    local buffer, shape = core.buffer(), core.shape { type = "string" }
    garbage.amid(function() shape:write(("y"):rep(5000), buffer) end, function()
      local before = #buffer
      local text = tostring(buffer)
      assert.is_true(#text >= before)
    end)
    buffer:clear()
    assert.are.equal(0, #buffer)
  end)

  it("may read on in rows while their cells are made", function()
    local rows = core.rows {}
    rows:sniff ","
    garbage.amid(function()
      rows:feed(("z,"):rep(3000) .. "\n")
      rows:read()
    end, function(round)
      rows:feed(("cell" .. round .. ","):rep(300) .. "\n")
      assert.are.equal("table", type((rows:read())))
    end)
  end)

  it("may want a batch whose rows are being shown", function()
    local rows, batch, body = core.rows {}, core.batch(), core.buffer()
    local shape = core.shape { type = "record", { name = "mail", type = "string" },
      { name = "fields", type = "map" } }
    rows:sniff ","
    rows:plan { head = "[", tail = "]", steps = {
      { use = "address", cell = 1, key = '{"mail":"', name = "mail", target = "mail" } } }
    local members, lines = {}, {}
    garbage.amid(function()
      rows:feed(("z@x,"):rep(3000) .. "\n")
      batch:drop()
      batch:take(rows, body, shape, members)
    end, function(round)
      rows:feed(("a%d@x\n"):format(round):rep(40))
      batch:begin(rows, body)
      local count
      repeat
        count = batch:show(rows, body, members, lines)
        batch:take(rows, body, shape, members)
      until count < 32
      batch:close(rows, body)
      assert.are.equal(1, batch:info().sent)
      batch:release(rows)
    end)
  end)

  it("may find new columns while their names are made", function()
    local lines = core.lines { separator = ",", finding = true, list = { "list" }, total = {},
      parts = { { keys = { "fields" } } }, fields = 1,
      columns = { { name = "first" } } }
    local number = 0
    garbage.amid(function()
      number = number + 1
      lines:page(('{"list":[{"fields":{"f%d":"1"}}]}'):format(number), core.buffer(), core.buffer())
    end, function()
      local count, names = lines:columns()
      assert.is_true(#names <= count)
    end)
  end)
end)

describe("a buffer", function()
  it("that a request uses is neither written nor read", function()
    local engine, body, into = core.http(), core.buffer(), core.buffer()
    local shape = core.shape { type = "string" }
    shape:write("text", body)
    local transfer = assert(engine:add {
      method = "POST", url = "http://127.0.0.1:1/", body = body, into = into })
    for _, locked in ipairs { body, into } do
      refuses("in use by a request", shape.write, shape, "more", locked)
      refuses("in use by a request", shape.read, shape, locked)
      refuses("in use by a request", locked.clear, locked)
      refuses("in use by a request", locked.free, locked)
    end
    transfer:cancel()
    transfer:result()
    shape:write("more", body)
    assert.are.equal('"text""more"', tostring(body))
    engine:close()
  end)

  it("is not read and written by one call", function()
    local lines = core.lines { separator = ",", list = { "list" }, total = {},
      parts = { { keys = { "id" } } }, columns = { { name = "id", part = 1 } } }
    local page, other = core.buffer(), core.buffer()
    core.shape { type = "any" }:write({ list = { { id = ("x"):rep(300) } } }, page)
    for _, buffers in ipairs { { page, other }, { other, page }, { other, other } } do
      refuses("another buffer", lines.page, lines, page, unpack(buffers))
    end
    refuses("another buffer", lines.pad, lines, page, 3, page)
    assert.are.equal(1, (lines:page(page, other, core.buffer())))
  end)
end)

describe("a name that the service made up", function()
  local function new()
    return core.lines { separator = ",", finding = true, list = { "list" }, total = {},
      parts = { { keys = { "fields" } } }, fields = 1, columns = {
        { name = "first", part = nil } } }
  end

  local function page(lines, json)
    local out = core.buffer()
    local received, problem = lines:page(json, out, core.buffer())
    return received and tostring(out), problem
  end

  it("is no other names' JSON", function()
    local lines = new()
    assert.are.equal(",1\n", page(lines, [[{"list":[{"fields":{"a\":\"x\",\"b":"1"}}]}]]))
    -- the same text, but now two fields
    assert.are.equal(",,x,2\n", page(lines, [[{"list":[{"fields":{"a":"x","b":"2"}}]}]]))
  end)

  it("may be NULs, which also stand behind the page", function()
    local lines = new()
    assert.are.equal(",1\n", page(lines,
      '{"list":[{"fields":{"' .. ("\\u0000"):rep(60) .. '":"1"}}]}'))
    for cut = 0, 3 do
      local buffer = core.buffer()
      core.shape { type = "any" }:write({}, buffer)
      assert.is_nil(page(lines, ('{"list":[{"fields":{"xxx'):sub(1, -1 - cut)))
    end
  end)
end)
