local policy = require "sendcloud.policy"

local function situation(changes)
  local all = {
    class = "read", attempt = 1, attempts = 5, kind = "network", outcome = "unknown",
    base = 0.25, cap = 20, random = 0.5, left = 100,
  }
  for key, value in pairs(changes) do all[key] = value end
  return all
end

local function decide(changes)
  return policy.decide(situation(changes))
end

describe("whether a request is sent again", function()
  -- kind, status, outcome -> read, convergent, additive
  local TABLE = {
    { "network", nil, "not_sent", true, true, true },
    { "network", nil, "unknown", true, true, false },
    { "timeout", nil, "not_sent", true, true, true },
    { "timeout", nil, "unknown", true, true, false },
    { "tls", nil, "not_sent", false, false, false },
    { "protocol", nil, "unknown", false, false, false },
    { "protocol", 200, "unknown", false, false, false },
    { "cancelled", nil, "unknown", false, false, false },
    { "config", nil, "not_sent", false, false, false },
    { "timeout", 408, "rejected", true, true, true },
    { "rate_limited", 429, "rejected", true, true, true },
    { "server", 500, "unknown", true, true, false },
    { "server", 501, "unknown", false, false, false },
    { "server", 502, "unknown", true, true, true },
    { "server", 503, "rejected", true, true, true },
    { "server", 504, "unknown", true, true, true },
    { "rejected", 400, "rejected", false, false, false },
    { "auth", 401, "rejected", false, false, false },
    { "auth", 403, "rejected", false, false, false },
    { "not_found", 404, "rejected", false, false, false },
    { "conflict", 409, "rejected", false, false, false },
    { "rejected", 422, "rejected", false, false, false },
    { "protocol", 301, "rejected", false, false, false },
    -- an error body under 200
    { "rate_limited", 200, "rejected", true, true, true },
    { "server", 200, "unknown", true, true, false },
    { "auth", 200, "rejected", false, false, false },
  }
  local CLASSES = { "read", "convergent", "additive" }

  for _, row in ipairs(TABLE) do
    local kind, status, outcome = row[1], row[2], row[3]
    for index, class in ipairs(CLASSES) do
      local again = row[3 + index]
      it(("%s %s %s, %s: %s"):format(kind, status or "", outcome, class,
        again and "again" or "stop"), function()
        local decision = decide { kind = kind, status = status, outcome = outcome, class = class }
        assert.equal(again, decision.wait ~= nil)
        assert.equal(not again, decision.stop == true)
        assert.equal("string", type(decision.reason))
      end)
    end
  end

  it("leaves an unknown creation to who looks it up", function()
    for _, status in ipairs { 502, 504 } do
      assert.is_true(decide { class = "additive", status = status, kind = "server",
        look_up = true }.stop)
    end
    assert.truthy(decide { class = "additive", status = 503, kind = "server",
      outcome = "rejected", look_up = true }.wait)
  end)

  it("stops when the attempts are used up", function()
    assert.truthy(decide { attempt = 4 }.wait)
    local decision = decide { attempt = 5 }
    assert.is_true(decision.stop)
    assert.equal("attempts", decision.code)
    assert.is_true(decide { attempts = 1 }.stop)
  end)

  it("stops when the budget is used up, but not for throttling", function()
    assert.truthy(decide { budget = 1 }.wait)
    assert.is_true(decide { budget = 0.5 }.stop)
    assert.truthy(decide { budget = 0, kind = "rate_limited", status = 429 }.wait)
  end)
end)

describe("how long it waits", function()
  it("is anything up to a bound that doubles, up to a cap", function()
    assert.equal(0, policy.backoff(0.25, 20, 1, 0))
    assert.near(0.25, policy.backoff(0.25, 20, 1, 1), 1e-9)
    assert.near(0.5, policy.backoff(0.25, 20, 2, 1), 1e-9)
    assert.near(4, policy.backoff(0.25, 20, 5, 1), 1e-9)
    assert.near(20, policy.backoff(0.25, 20, 12, 1), 1e-9)
    assert.near(10, policy.backoff(0.25, 20, 5000, 0.5), 1e-9)
  end)

  it("begins with 0.25 s for faults and 1 s for throttling", function()
    assert.near(0.125, decide {}.wait, 1e-9)
    assert.near(0.5, decide { kind = "rate_limited", status = 429 }.wait, 1e-9)
  end)

  it("is what the service asked for", function()
    assert.equal(7.5, decide { kind = "rate_limited", status = 429, retry_after = 7.5 }.wait)
    assert.equal(3, decide { kind = "server", status = 503, retry_after = 3 }.wait)
    assert.equal(0, decide { kind = "server", status = 503, retry_after = 0 }.wait)
  end)

  it("stops at once when that is longer than the deadline leaves", function()
    local decision = decide { kind = "rate_limited", status = 429, retry_after = 300, left = 119 }
    assert.is_true(decision.stop)
    assert.truthy(decision.reason:find("300 s", 1, true))
    assert.truthy(decision.reason:find("119.00 s", 1, true))
  end)

  it("stops when the deadline passes before the next attempt", function()
    assert.is_true(decide { left = 0.1 }.stop)
    assert.is_true(decide { left = 0, random = 0 }.stop)
  end)

  it("needs no deadline, and still does not sleep for days", function()
    assert.equal(3000, policy.decide(situation { kind = "server", status = 503,
      retry_after = 3000, left = math.huge }).wait)
    local endless = situation { kind = "server", status = 503, retry_after = 86400 }
    endless.left = nil
    assert.is_true(policy.decide(endless).stop)
  end)
end)

describe("Retry-After", function()
  local NOW = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT

  it("is a number of seconds, fractions too", function()
    assert.equal(120, policy.retry_after("120", NOW))

    assert.equal(0, policy.retry_after("0", NOW))
    assert.equal(1.5, policy.retry_after(" 1.5 ", NOW))
    assert.equal(0.25, policy.retry_after("0.25", NOW))
  end)

  it("is a date in each of the three forms", function()
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:47 GMT", "Sunday, 06-Nov-94 08:49:47 GMT",
      "Sun Nov  6 08:49:47 1994",
    } do
      assert.equal(10, policy.retry_after(text, NOW), text)
    end
  end)

  it("is measured on the clock of the service, where it tells it", function()
    local at, date = "Fri, 20 Nov 2020 10:00:30 GMT", "Fri, 20 Nov 2020 10:00:00 GMT"
    assert.equal(30, policy.retry_after(at, NOW, date))
    assert.equal(10, policy.retry_after("Sun, 06 Nov 1994 08:49:47 GMT", NOW, "soon"))
  end)

  it("is nothing when the date has passed", function()
    assert.equal(0, policy.retry_after("Sun, 06 Nov 1994 08:49:30 GMT", NOW))
  end)

  it("places years of two digits as the RFC says", function()
    local in_2026 = 1764000000
    local at = policy.http_date("Wednesday, 01-Jan-75 00:00:00 GMT", in_2026)
    assert.equal(3313526400, at) -- 2075, within fifty years
    at = policy.http_date("Thursday, 01-Jan-98 00:00:00 GMT", in_2026)
    assert.equal(883612800, at) -- 1998
  end)

  it("knows leap years and the ends of months", function()
    assert.equal(951782400, policy.http_date("Tue, 29 Feb 2000 00:00:00 GMT", NOW))
    assert.equal(951868800, policy.http_date("Wed, 01 Mar 2000 00:00:00 GMT", NOW))
    assert.equal(0, policy.http_date("Thu, 01 Jan 1970 00:00:00 GMT", NOW))
  end)

  it("is nothing where it cannot be read", function()
    for _, text in ipairs {
      "", "soon", "-1", "1e3", "0x10", "1,5", "Sun, 06 Nov 1994 08:49:37 PST",
      "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT", "99 99",
    } do
      assert.is_nil(policy.retry_after(text, NOW), text)
    end
    assert.is_nil(policy.retry_after(nil, NOW))
    assert.is_nil(policy.retry_after("1" .. (" "):rep(2e6) .. "x", NOW)) -- at once
    assert.is_nil(policy.retry_after({ "1" }, NOW))
  end)

  it("may be absurd without doing harm", function()
    local wait = policy.retry_after(("9"):rep(400), NOW)
    assert.is_true(decide { kind = "rate_limited", status = 429, retry_after = wait }.stop)
  end)
end)

describe("what a status says about a write", function()
  it("is that it was refused, or that nobody knows", function()
    for status, outcome in pairs {
      [400] = "rejected", [401] = "rejected", [404] = "rejected", [408] = "rejected",
      [429] = "rejected", [503] = "rejected", [301] = "rejected",
      [500] = "unknown", [502] = "unknown", [504] = "unknown", [599] = "unknown",
      [200] = "unknown",
    } do
      assert.equal(outcome, policy.outcome(status), tostring(status))
    end
  end)
end)
