-- csrc/sandbox/lua_*.c: what a script asks of a box in the middle of a call, from a finalizer or a
-- metamethod, neither hangs nor meets anything half done; numbers and texts that cannot be.

local core = require "sendcloud.sandbox.core"
local garbage = require "spec.support.garbage"

local function open(options)
  options = options or {}
  options.seed = options.seed or 1
  local box = assert(core.open(options))
  box:switch("auth", "open")
  return box
end

local function refuses(reason, action, ...)
  local ok, message = pcall(action, ...)
  assert.is_false(ok)
  assert.is_truthy(tostring(message):find(reason, 1, true), message)
end

local function list(box)
  return box:handle("POST", "/marketing/lists/listMembers",
    { "Content-Type: application/json" }, "{}", 5)
end

describe("a box", function()
  it("answers a finalizer's request while it hands another answer over", function()
    local box = open()
    box:upsert '[{"email":"a@x.org"},{"email":"b@x.org"}]'
    garbage.amid(function()
      list(box)
      box:upsert '[{"email":"c@x.org"}]'
      box:requests()
    end, function() return list(box) end, function(answer)
      assert.are.equal(200, answer.status)
      assert.is_truthy(answer.body:find("a@x.org", 1, true))
    end)
    box:close()
  end)

  it("does not hang when a finalizer needs what a call has", function()
    local box = open()
    for _ = 1, 20 do list(box) end
    garbage.amid(function()
      box:requests()
      list(box)
      box:close()
    end, function() return box:requests() end, function(requests)
      assert.is_true(#requests >= 20)
    end)
    assert.is_true(box:is_open())
    box:close()
  end)

  it("is not closed by the answer that it hands over", function()
    for _ = 1, 3 do
      local box = open()
      garbage.amid(function() box:close() end, function() return list(box) end, function(answer, failure)
        assert.is_truthy(answer or failure)
      end)
      box:close()
      box:close()
    end
  end)

  it("refuses what a metamethod asks while its table is read", function()
    local box = open()
    refuses("busy with another call", box.fault, box, setmetatable({}, {
      __index = function(_, key) if key == "status" then box:reset() end end }))
    refuses("busy with another call", box.fault, box, setmetatable({}, {
      __index = function(_, key) if key == "body" then box:close() end end }))
    refuses("busy with another call", box.fault, box, setmetatable({}, {
      __index = function(_, key) if key == "body" then list(box) end end }))
    assert.are.equal(200, list(box).status)
    box:close()
  end)

  it("takes texts that only its options' metamethod knows", function()
    local made = {}
    local box = assert(core.open(setmetatable({}, { __index = function(_, key)
      if key ~= "user" and key ~= "key" then return nil end
      collectgarbage()
      return key .. ("x"):rep(200) .. #made
    end })))
    box:close()
  end)

  it("says which number or text it cannot take", function()
    for name, value in pairs {
      log_entries = -1, log_bytes = 1e300, max_body = 0.5, path = "a\0b", seed = 0 / 0,
    } do
      refuses(name, core.open, { [name] = value })
    end
    local box = open()
    for name, value in pairs {
      port = 65536, connections = -1, silence = 1e12, max_body = 2 ^ 60, address = "127.0.0.1\0",
    } do
      refuses(name, box.listen, box, { [name] = value })
    end
    for name, value in pairs {
      reset = 77, status = 1e9, retry_form = -1, error_body = 2 ^ 40, nth = 1.5, times = 1 / 0,
    } do
      refuses(name, box.fault, box, { [name] = value })
    end
    box:close()
  end)
end)
