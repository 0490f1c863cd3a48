local handle = require "sendcloud.handle"

describe("a handle", function()
  local class, other = { metatable = {} }, { metatable = {} }
  class.metatable.__index = class

  it("finds the state of its object", function()
    local state = {}
    local object = handle.new(class, state)
    assert.equal(state, handle.state(object, class))
    assert.equal(class.metatable, getmetatable(object))
  end)

  it("shows nothing of it", function()
    assert.is_nil(next(handle.new(class, { secret = "k" })))
    local shown = { id = "8" }
    assert.equal(shown, handle.new(class, { secret = "k" }, shown))
    assert.same({ id = "8" }, shown)
  end)

  it("knows no object of another class, nor anything else", function()
    local object = handle.new(class, {})
    assert.is_nil(handle.state(object, other))
    assert.is_nil(handle.state({}, class))
    assert.is_nil(handle.state(setmetatable({}, class.metatable), class))
    assert.is_nil(handle.state("text", class))
    assert.is_nil(handle.state(12, class))
    assert.is_nil(handle.state(nil, class))
  end)

  it("keeps neither object nor state alive", function()
    local state = setmetatable({}, { __mode = "k" })
    local seen = setmetatable({}, { __mode = "k" })
    do
      local inner = {}
      seen[inner] = true
      seen[handle.new(class, inner)] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(seen))
    assert.is_nil(next(state))
  end)
end)
