local crowd = require "spec.support.crowd"
local rate = require "sendcloud.rate"

describe("the rate limiter", function()
  it("holds nothing back without a rate", function()
    local limiter = rate.new()
    for _ = 1, 1000 do assert.equal(0, limiter:take(5)) end
  end)

  it("spaces requests evenly", function()
    local limiter = rate.new(10)
    assert.equal(0, limiter:take(100))
    assert.near(0.103, limiter:take(100), 1e-9)
    assert.near(0.206, limiter:take(100), 1e-9)
    assert.near(0.259, limiter:take(100.05), 1e-9)
    assert.equal(0, limiter:take(200))
    assert.near(0.103, limiter:take(200), 1e-9)
  end)

  it("takes no slot that comes too late", function()
    local limiter = rate.new(1)
    assert.equal(0, limiter:take(0, 0.5))
    assert.is_nil(limiter:take(0, 0.5))
    assert.near(1.03, limiter:take(0, 1.5), 1e-9)
  end)

  it("lets a request leave when its slot has come", function()
    local limiter = rate.new(10)
    limiter:take(0)
    local _, slot = limiter:take(0)
    assert.near(0.003, limiter:check(slot, 0.1), 1e-9)
    assert.equal(0, limiter:check(slot, 0.103))
    assert.near(0.103, limiter:take(0.103), 1e-9)
  end)

  it("moves what is behind one that leaves late, but for the slack", function()
    local limiter = rate.new(10)
    limiter:take(0)
    local _, first = limiter:take(0)
    local _, second = limiter:take(0)
    assert.equal(0, limiter:check(first, 0.153)) -- 50 ms late
    assert.near(0.007, limiter:check(second, 0.199), 1e-9)
    assert.near(0.042, limiter:check(second, 0.206), 1e-9)
    assert.equal(0, limiter:check(second, 0.248))
    assert.near(0.103, limiter:take(0.248), 1e-9)
  end)

  it("does not make up for time that was lost", function()
    local limiter = rate.new(10)
    limiter:take(0)
    local slots = {}
    for index = 1, 5 do slots[index] = select(2, limiter:take(0)) end
    local now = 60
    for index = 1, 5 do
      local wait = limiter:check(slots[index], now)
      assert.near(index == 1 and 0 or index == 2 and 0.095 or 0.103, wait, 1e-3)
      now = now + wait
      if wait > 0 then assert.equal(0, limiter:check(slots[index], now)) end
    end
  end)

  it("keeps to its rate in every second, however late its callers wake", function()
    for seed = 1, 10 do
      local left = crowd.run { limiters = { rate.new(50) }, callers = 8, seconds = 20, seed = seed }
      local most = crowd.most(left)
      assert.is_true(most <= 50, ("%d in a second, seed %d"):format(most, seed))
      assert.is_true(#left >= 0.9 * 50 * 20, ("%d in 20 seconds, seed %d"):format(#left, seed))
    end
  end)

  it("is slowed by a 429 and counts those of one burst once", function()
    local limiter = rate.new(100)
    limiter:throttled(10)
    assert.near(70, limiter.rate, 1e-9)
    limiter:throttled(10.5)
    assert.near(70, limiter.rate, 1e-9)
    limiter:throttled(11)
    assert.near(49, limiter.rate, 1e-9)
  end)

  it("learns a rate from what it was doing", function()
    local limiter = rate.new()
    for index = 1, 400 do limiter:take(index / 200) end
    limiter:throttled(2)
    assert.near(140, limiter.rate, 2)
  end)

  it("is not stopped by one 429 among few calls", function()
    local limiter = rate.new()
    limiter:take(0)
    limiter:throttled(0)
    assert.near(5, limiter.rate, 1e-9)
  end)

  it("never stops altogether", function()
    local limiter = rate.new(1)
    for index = 1, 100 do limiter:throttled(index * 10) end
    assert.is_true(limiter.rate >= 0.2)
  end)

  it("rises with success, up to the user's rate", function()
    local limiter = rate.new(10)
    limiter:throttled(0)
    local before = limiter.rate
    limiter:succeeded()
    assert.is_true(limiter.rate > before)
    for _ = 1, 1000 do limiter:succeeded() end
    assert.equal(10, limiter.rate)
  end)

  it("settles near what the service allows", function()
    -- a service of 20 requests a second, a token bucket of 20
    local limiter, now, tokens, last, refused, sent = rate.new(), 0, 20, 0, 0, 0
    while now < 120 do
      now = now + limiter:take(now)
      tokens = math.min(20, tokens + (now - last) * 20)
      last = now
      sent = sent + 1
      if tokens >= 1 then
        tokens = tokens - 1
        limiter:succeeded()
        now = now + 0.001
      else
        refused = refused + 1
        limiter:throttled(now)
        now = now + 0.001
      end
    end
    local done = (sent - refused) / 120
    assert.is_true(done > 14, "did " .. done)
    assert.is_true(refused / sent < 0.1, "refused " .. refused .. " of " .. sent)
  end)
end)

describe("the retry budget", function()
  it("runs out when calls fail altogether", function()
    local budget = rate.budget()
    local retries = 0
    while budget.left >= 1 do
      budget:take()
      retries = retries + 1
      assert.is_true(retries < 10000)
    end
    assert.equal(100, retries)
  end)

  it("is given back when they helped", function()
    local budget = rate.budget()
    for _ = 1, 1000 do
      budget:take()
      budget:take()
      budget:succeeded(2)
    end
    assert.equal(100, budget.left)
  end)

  it("comes back slowly with calls that succeed at once", function()
    local budget = rate.budget()
    for _ = 1, 100 do budget:take() end
    for _ = 1, 10 do budget:succeeded(0) end
    assert.near(2, budget.left, 1e-9)
  end)
end)
