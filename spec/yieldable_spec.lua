-- Whether a coroutine can yield, as the code that resumes it and the code inside see it: the answer has
-- to be what a yield would show.

local yieldable = require "sendcloud.yieldable"

-- What can_yield says inside, and whether a yield there then works.
local function try(wrap)
  local said
  local co = coroutine.create(function(room)
    wrap(function()
      said = yieldable.can_yield(room)
      coroutine.yield "yielded"
    end)
  end)
  local ok, what = coroutine.resume(co, yieldable.room())
  return said, ok and what == "yielded"
end

describe("a coroutine", function()
  it("can yield", function()
    local said, did = try(function(fn) fn() end)
    assert.is_true(said)
    assert.is_true(did)
  end)

  it("can yield however deep in Lua functions", function()
    local function deep(n, fn)
      if n == 0 then return fn() end
      deep(n - 1, fn)
    end
    assert.is_true((try(function(fn) deep(150, fn) end)))
  end)

  it("says what is true below C functions", function()
    for _, wrap in ipairs {
      function(fn) pcall(fn) end,
      function(fn) xpcall(fn, function() end) end,
      function(fn)
        table.sort({ 2, 1 }, function(a, b)
          fn()
          return a < b
        end)
      end,
      function(fn) return ("x"):gsub("x", fn) end,
      function(fn)
        local asked = false
        local function step()
          if asked then return nil end
          asked = true
          fn()
          return 1
        end
        for _ in step do asked = true end
      end,
      function(fn) return setmetatable({}, { __index = fn }).x end,
      function(fn) pcall(pcall, pcall, fn) end,
    } do
      local said, did = try(wrap)
      assert.equal(did, said)
    end
  end)

  it("of a coroutine is asked on its own level", function()
    local said
    local outer = coroutine.wrap(function()
      local inner = coroutine.create(function(room) said = yieldable.can_yield(room) end)
      coroutine.resume(inner, yieldable.room())
    end)
    outer()
    assert.is_true(said)
  end)

  it("is asked again and again from changing depths", function()
    local function below(n, fn)
      if n == 0 then return fn() end
      local ok, why = pcall(below, n - 1, fn)
      assert(ok, why)
    end
    for _, depth in ipairs { 0, 20, 3, 40, 1 } do
      below(depth, function()
        local said, did = try(function(fn) fn() end)
        assert.is_true(said)
        assert.is_true(did)
        said, did = try(function(fn) pcall(fn) end)
        assert.equal(did, said)
      end)
    end
  end)
end)
