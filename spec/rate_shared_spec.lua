local rate_shared = require "sendcloud.rate_shared"

-- What lua_shared_dict promises of these functions, on a clock that `clock.now` is. With `interfere`
-- another worker gets its turn between any two operations.
local function new_dict(clock)
  local values, ends = {}, {}
  local dict = { values = values }
  local function live(key)
    if ends[key] and ends[key] <= clock.now then values[key], ends[key] = nil, nil end
    return values[key]
  end
  local function interfere()
    if dict.interfere then dict.interfere() end
  end
  function dict:get(key)
    interfere()
    return live(key)
  end
  function dict:set(key, value, ttl)
    interfere()
    values[key], ends[key] = value, ttl and clock.now + ttl
    return true
  end
  function dict:add(key, value, ttl)
    interfere()
    if live(key) ~= nil then return nil, "exists" end
    values[key], ends[key] = value, ttl and clock.now + ttl
    return true
  end
  function dict:incr(key, by, init, ttl)
    interfere()
    if live(key) == nil then
      if not init then return nil, "not found" end
      values[key], ends[key] = init, ttl and clock.now + ttl
    end
    values[key] = values[key] + by
    return values[key]
  end
  function dict:delete(key)
    interfere()
    values[key] = nil
  end
  return dict
end

describe("the rate that workers share", function()
  local clock, dict, first, second
  before_each(function()
    clock = { now = 1000 }
    dict = new_dict(clock)
    first, second = rate_shared.new(dict, "a", 10), rate_shared.new(dict, "a", 10)
  end)

  it("holds nothing back without a rate", function()
    local free = rate_shared.new(dict, "b")
    for _ = 1, 1000 do assert.equal(0, free:take(clock.now)) end
  end)

  it("hands each slot to one of them, a space apart", function()
    local waits = {}
    for index = 1, 20 do waits[index] = (index % 2 == 0 and first or second):take(1000) end
    assert.equal(0, waits[1])
    for index = 2, 20 do assert.near(0.101, waits[index] - waits[index - 1], 1e-6) end
  end)

  it("saves up nothing while nobody asks", function()
    first:take(1000)
    assert.equal(0, second:take(5000))
    assert.near(0.101, first:take(5000), 1e-6)
    assert.equal(0, first:take(9000))
    assert.near(0.101, second:take(9000), 1e-6)
  end)

  it("takes back a slot that was not used", function()
    first:take(1000)
    first:take(1000)
    first:give_back()
    assert.near(0.101, second:take(1000), 1e-6)
  end)

  it("keeps accounts apart", function()
    first:take(1000)
    assert.equal(0, rate_shared.new(dict, "b", 10):take(1000))
  end)

  it("gives no slot twice, wherever another worker comes between", function()
    for turn = 1, 40 do
      clock.now = 2000 + turn * 100
      local slots, count = {}, 0
      dict.interfere = function()
        count = count + 1
        if count ~= turn % 10 + 1 then return end
        local before = dict.interfere
        dict.interfere = nil
        slots[#slots + 1] = second:take(clock.now)
        dict.interfere = before
      end
      for _ = 1, 3 do slots[#slots + 1] = first:take(clock.now) end
      dict.interfere = nil
      table.sort(slots)
      local close = 0 -- the one who came between may have got a slot of the line before
      for index = 2, #slots do
        if slots[index] - slots[index - 1] < 0.1 then close = close + 1 end
      end
      assert.is_true(close <= 1, table.concat(slots, " "))
    end
  end)

  it("is slowed by a 429 for all, and once for those of a burst", function()
    first:throttled(clock.now)
    second:throttled(clock.now)
    second:take(clock.now)
    assert.near(7, second.rate, 1e-9)
    clock.now = clock.now + 1.1
    second:throttled(clock.now)
    first:take(clock.now)
    assert.near(4.9, first.rate, 1e-9)
  end)

  it("learns a rate from what all of them were doing", function()
    local free = { rate_shared.new(dict, "c"), rate_shared.new(dict, "c") }
    for index = 0, 99 do free[index % 2 + 1]:take(1000 + index / 100) end
    free[1]:throttled(1000.99)
    free[2]:take(1001)
    assert.near(70, free[2].rate, 1e-9)
  end)

  it("rises with success, up to the user's rate", function()
    first:throttled(clock.now)
    for _ = 1, 1000 do second:succeeded() end
    first:take(clock.now)
    assert.equal(10, first.rate)
  end)

  it("never stops altogether", function()
    for _ = 1, 100 do
      clock.now = clock.now + 2
      first:throttled(clock.now)
    end
    second:take(clock.now)
    assert.is_true(second.rate >= 0.2)
  end)
end)
