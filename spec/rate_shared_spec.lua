local crowd = require "spec.support.crowd"
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
    for index = 2, 20 do assert.near(0.103, waits[index] - waits[index - 1], 1e-6) end
  end)

  it("saves up nothing while nobody asks", function()
    first:take(1000)
    assert.equal(0, second:take(5000))
    assert.near(0.103, first:take(5000), 1e-6)
    assert.equal(0, first:take(9000))
    assert.near(0.103, second:take(9000), 1e-6)
  end)

  it("takes no slot that comes too late", function()
    assert.equal(0, first:take(1000, 1000.05))
    assert.is_nil(second:take(1000, 1000.05))
    assert.near(0.103, second:take(1000, 1000.2), 1e-6)
  end)

  it("moves what is behind one that leaves late, for all", function()
    first:take(1000)
    local _, late = first:take(1000)
    local _, next_one = second:take(1000)
    assert.equal(0, first:check(late, 1000.153)) -- 50 ms late
    assert.near(0.007, second:check(next_one, 1000.199), 1e-6)
    assert.near(0.042, second:check(next_one, 1000.206), 1e-6)
    assert.equal(0, second:check(next_one, 1000.248))
    assert.near(0.103, first:take(1000.248), 1e-6)
  end)

  it("does not make up for the time that a worker stood still", function()
    first:take(1000)
    local _, late = first:take(1000)
    local now = 1000
    for _ = 1, 600 do
      local wait, slot = second:take(now)
      now = now + wait
      if slot then assert.equal(0, second:check(slot, now)) end
    end
    local wait = first:check(late, now)
    assert.is_true(wait <= 0.103)
    assert.equal(0, first:check(late, now + wait))
  end)

  it("has one that missed a whole line wait again", function()
    first:take(1000)
    local _, late = first:take(1000)
    assert.equal(0, second:take(1060))
    assert.near(0.103, first:check(late, 1060), 1e-6)
    assert.near(0.206, second:take(1060), 1e-6)
    assert.equal(0, first:check(late, 1060.103))
  end)

  it("is kept in every second by workers that wake late", function()
    for seed = 1, 10 do
      local notes = new_dict(clock)
      local left = crowd.run {
        limiters = { rate_shared.new(notes, "a", 50), rate_shared.new(notes, "a", 50) },
        callers = 4, seconds = 20, seed = seed, on_time = function(now) clock.now = now end,
      }
      local most = crowd.most(left)
      assert.is_true(most <= 50, ("%d in a second, seed %d"):format(most, seed))
      assert.is_true(#left >= 0.9 * 50 * 20, ("%d in 20 seconds, seed %d"):format(#left, seed))
    end
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
