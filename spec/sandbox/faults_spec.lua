-- Faults: which requests they mean, what they do in process and on the wire.

local tools = require "spec.sandbox.tools"

local LIST = "/marketing/lists/listMembers"
local UPSERT = "/marketing/lists/members"

local function upsert(email)
  return '{"members":[{"email":"' .. email .. '"}],"updateExisting":true}'
end

local function statuses(box, times, target)
  local seen = {}
  for i = 1, times do
    local status, failure = tools.ask(box, "POST", target or LIST, "{}")
    seen[i] = status or failure.kind
  end
  return table.concat(seen, " ")
end

local function total(box)
  local _, body = tools.ask(box, "POST", LIST, "{}")
  return tonumber(body:match('"total":(%d+)'))
end

after_each(tools.stop_all)

describe("which requests a fault means", function()
  it("the n-th of an operation, once", function()
    local box = tools.start()
    local fault = box:fault { operation = "members.list", nth = 2, status = 503 }
    assert.equal("200 503 200 200", statuses(box, 4))
    assert.equal(1, fault:fired())
  end)

  it("counts only the requests that it means", function()
    local box = tools.start()
    box:fault { operation = "members.list", nth = 2, status = 503 }
    assert.equal(200, (tools.ask(box, "POST", LIST, "{}")))
    assert.equal(200, (tools.ask(box, "GET", "/marketing/lists/tags")))
    assert.equal(503, (tools.ask(box, "POST", LIST, "{}")))
  end)

  it("every n-th, at most so often", function()
    local box = tools.start()
    box:fault { every = 2, times = 2, status = 500 }
    assert.equal("200 500 200 500 200 200", statuses(box, 6))
  end)

  it("a group of operations, a provider", function()
    local box = tools.start()
    box:fault { operation = "members.*", provider = "engagelab", status = 500 }
    assert.equal("200", statuses(box, 1))
    local basic = { "Authorization: Basic " .. tools.token(box) }
    assert.equal(500, (tools.ask(box, "POST", "/v1" .. UPSERT, "{}", basic)))
  end)

  it("some, as the seed draws them", function()
    local function draws(seed)
      local box = tools.start { seed = seed }
      box:fault { probability = 0.5, status = 500 }
      return statuses(box, 40)
    end
    assert.equal(draws(7), draws(7))
    assert.are_not.equal(draws(7), draws(8))
    local _, failed = draws(7):gsub("500", "")
    assert(failed > 8 and failed < 32, failed)
  end)

  it("does not let one fault change another's draws", function()
    local function draws(first)
      local box = tools.start { seed = 3 }
      local none = box:fault { probability = first, status = 503, operation = "tags.list" }
      box:fault { probability = 0.5, status = 500 }
      assert(none)
      return statuses(box, 20)
    end
    assert.equal(draws(0), draws(1))
  end)

  it("the first made wins, and one can be taken back", function()
    local box = tools.start()
    local first = box:fault { status = 500 }
    box:fault { status = 503 }
    assert.equal("500", statuses(box, 1))
    assert(first:remove())
    assert.equal("503", statuses(box, 1))
    assert.False(first:remove())
    box:reset()
    assert.equal("200", statuses(box, 1))
  end)

  it("those that come faster than a bucket fills", function()
    local box = tools.start()
    box:fault { rate = 2, burst = 3 }
    assert.equal("200 200 200 429 429", statuses(box, 5))
    local status, _, headers = tools.ask(box, "POST", LIST, "{}")
    assert.equal(429, status)
    assert.equal("1", headers["retry-after"])
    box:advance(1)
    assert.equal("200 200 429", statuses(box, 3))
    box:advance(60)
    assert.equal("200 200 200 429", statuses(box, 4))
  end)

  it("refuses what makes no sense, by name", function()
    local box = tools.start()
    for _, case in ipairs {
      { { operation = "members.upsrt" }, "members.upsrt" },
      { { sttaus = 500 }, "sttaus" },
      { { status = 99 }, "status" },
      { { status = "500" }, "status" },
      { { nth = 1.5 }, "nth" },
      { { delay = { 3, 1 } }, "delay" },
      { { delay = -1 }, "delay" },
      { { reset = "middle" }, "reset" },
      { { headers = { ["A\r\nB"] = "c" } }, "headers" },
      { { headers = { A = "b\nc: d" } }, "headers" },
      { { probability = 0 / 0 }, "probability" },
      { { provider = "other" }, "provider" },
    } do
      local ok, why = pcall(box.fault, box, case[1])
      assert.False(ok)
      assert(why:find(case[2], 1, true), why)
    end
    assert.False(pcall(box.fault, box))
  end)
end)

describe("what a fault does in process", function()
  it("answers in the dialect's own form", function()
    local box = tools.start()
    box:fault { status = 503 }
    local _, body = tools.ask(box, "POST", LIST, "{}")
    assert.truthy(body:match('^{"status":503,"error":{"parameter":"","message":".+"}}$'))
    _, body = tools.ask(box, "POST", "/v1/marketing/lists/list_members", "{}")
    assert.truthy(body:match('^{"code":%d+,"message":".+"}$'))
  end)

  it("makes no change, unless it is told to", function()
    local box = tools.start()
    box:fault { operation = "members.upsert", nth = 1, status = 500 }
    box:fault { operation = "members.upsert", nth = 2, status = 500, applied = true }
    assert.equal(500, (tools.ask(box, "POST", UPSERT, upsert "a@example.com")))
    assert.equal(0, total(box))
    assert.equal(500, (tools.ask(box, "POST", UPSERT, upsert "a@example.com")))
    assert.equal(1, total(box))
  end)

  it("resets before or after the change", function()
    local box = tools.start()
    box:fault { operation = "members.upsert", nth = 1, reset = "before" }
    box:fault { operation = "members.upsert", nth = 2, reset = "after" }
    box:fault { operation = "members.upsert", nth = 3, reset = "connect" }
    local _, failure = tools.ask(box, "POST", UPSERT, upsert "a@example.com")
    assert.equal("network unknown", failure.kind .. " " .. failure.outcome)
    assert.equal(0, total(box))
    _, failure = tools.ask(box, "POST", UPSERT, upsert "b@example.com")
    assert.equal("network unknown", failure.kind .. " " .. failure.outcome)
    assert.equal(1, total(box))
    _, failure = tools.ask(box, "POST", UPSERT, upsert "c@example.com")
    assert.equal("network not_sent", failure.kind .. " " .. failure.outcome)
    assert.equal(1, total(box))
  end)

  it("says Retry-After in seconds, as a date, or anything", function()
    local box = tools.start()
    box:clock("2026-11-22 09:00:00")
    box:fault { nth = 1, status = 429, retry_after = 7 }
    box:fault { nth = 2, status = 429, retry_after = { date = 600 } }
    box:fault { nth = 3, status = 429, retry_after = "soon" }
    box:fault { nth = 4, status = 429, retry_after = 0.2 }
    local seen = {}
    for i = 1, 4 do
      local _, _, headers = tools.ask(box, "POST", LIST, "{}")
      seen[i] = headers["retry-after"]
      assert.equal("Sun, 22 Nov 2026 01:00:00 GMT", headers.date)
    end
    assert.same({ "7", "Sun, 22 Nov 2026 01:10:00 GMT", "soon", "1" }, seen)
  end)

  it("puts an error or a page under 200", function()
    local box = tools.start()
    box:fault { nth = 1, error_body = true }
    box:fault { nth = 2, error_body = 404 }
    box:fault { nth = 3, html = true }
    box:fault { nth = 4, html = true, status = 502 }
    local status, body = tools.ask(box, "POST", LIST, "{}")
    assert.equal(200, status)
    assert.truthy(body:find('"status":400', 1, true))
    status, body = tools.ask(box, "POST", LIST, "{}")
    assert.equal(200, status)
    assert.truthy(body:find('"status":404', 1, true))
    local headers
    status, body, headers = tools.ask(box, "POST", LIST, "{}")
    assert.equal(200, status)
    assert.truthy(body:find("<html>", 1, true))
    assert.equal("text/html; charset=utf-8", headers["content-type"])
    assert.equal(502, (tools.ask(box, "POST", LIST, "{}")))
  end)

  it("takes any status, headers and body", function()
    local box = tools.start()
    box:fault { nth = 1, status = 418, body = "teapot",
      headers = { ["Content-Type"] = "text/plain", ["X-Kind"] = "round" } }
    box:fault { nth = 2, body = "{" }
    box:fault { nth = 3, headers = { ["X-More"] = "yes" } }
    local status, body, headers = tools.ask(box, "POST", LIST, "{}")
    assert.same({ 418, "teapot", "text/plain", "round" },
      { status, body, headers["content-type"], headers["x-kind"] })
    status, body = tools.ask(box, "POST", LIST, "{}")
    assert.same({ 200, "{" }, { status, body })
    status, body, headers = tools.ask(box, "POST", LIST, "{}")
    assert.equal(200, status)
    assert.equal("yes", headers["x-more"])
    assert.truthy(body:find('"total":0', 1, true))
  end)

  it("breaks off within the body", function()
    local box = tools.start()
    box:fault { nth = 1, truncate = 5 }
    box:fault { nth = 2, truncate = true }
    box:fault { nth = 3, truncate = 1e6 }
    box:fault { nth = 4, content_length = 1e6 }
    box:fault { nth = 5, content_length = 4 }
    assert.equal("network network 200 network 200", statuses(box, 5))
    local seen = box:requests { last = 1 }[1]
    assert.equal("content length", seen.fault)
  end)

  it("takes its time, on the sandbox's clock", function()
    local box = tools.start()
    box:fault { nth = 1, delay = 12 }
    box:fault { nth = 2, delay = 31 }
    box:fault { nth = 3, drip = 29 }
    box:fault { nth = 4, delay = { 2, 4 } }
    local status, _, _, seconds = tools.ask(box, "POST", LIST, "{}")
    assert.same({ 200, 12 }, { status, seconds })
    local none, failure, wait = tools.ask(box, "POST", UPSERT, upsert "a@example.com")
    assert.is_nil(none)
    assert.same({ "timeout", "unknown", 30 }, { failure.kind, failure.outcome, wait })
    status, _, _, seconds = tools.ask(box, "POST", LIST, "{}")
    assert.same({ 200, 29 }, { status, seconds })
    _, _, _, seconds = tools.ask(box, "POST", LIST, "{}")
    assert(seconds > 2 and seconds < 4, seconds)
    assert.equal(1, total(box))
  end)
end)

describe("what a fault does on the wire", function()
  local box, url

  before_each(function()
    box = tools.start()
    url = box.url .. LIST
  end)

  local function list(...)
    return tools.curl("-H", "Authorization: Bearer " .. tools.token(box), "-d", "{}", url, ...)
  end

  it("resets the connection", function()
    box:fault { nth = 1, reset = "before" }
    box:fault { nth = 2, reset = "after" }
    box:fault { nth = 3, reset = "after", delay = 0.05 }
    for _ = 1, 3 do
      assert.equal(56, list().code) -- failure in receiving network data
    end
    assert.equal(200, list().status)
    assert.same({ "reset before", "reset after", "reset after" },
      { box:requests()[1].fault, box:requests()[2].fault, box:requests()[3].fault })
  end)

  it("breaks off within the body", function()
    box:fault { nth = 1, truncate = 5 }
    box:fault { nth = 2, truncate = 0 }
    box:fault { nth = 3, content_length = 500 }
    local answer = list()
    assert.same({ 18, 200, 5 }, { answer.code, answer.status, #answer.body }) -- partial file
    answer = list()
    assert.same({ 18, 200, 0 }, { answer.code, answer.status, #answer.body })
    answer = list()
    assert.same({ 18, 200, "500" }, { answer.code, answer.status, answer.headers["content-length"] })
  end)

  it("claims less than it sends", function()
    box:fault { nth = 1, content_length = 4 }
    local answer = list()
    assert.same({ 0, 200, "4", 4 },
      { answer.code, answer.status, answer.headers["content-length"], #answer.body })
  end)

  it("trickles", function()
    box:fault { nth = 1, drip = 0.2 }
    box:fault { nth = 2, drip = 0.1, truncate = 3 }
    local answer = list()
    assert.same({ 0, 200 }, { answer.code, answer.status })
    assert.equal(tonumber(answer.headers["content-length"]), #answer.body)
    answer = list()
    assert.same({ 18, 3 }, { answer.code, #answer.body })
  end)

  it("waits, and moves a clock that stands by as much", function()
    box:fault { nth = 1, delay = 0.2 }
    local before = box:time()
    assert.equal(200, list().status)
    assert(math.abs(box:time() - before - 0.2) < 0.002)
  end)

  it("lets a caller give up while it waits", function()
    box:fault { nth = 1, delay = 30 }
    assert.equal(28, list("-m", "0.2").code) -- timed out
    assert.equal(200, list().status)
  end)

  it("answers statuses, pages and headers", function()
    box:fault { nth = 1, status = 429, retry_after = 2 }
    box:fault { nth = 2, html = true }
    box:fault { nth = 3, status = 204 }
    local answer = list()
    assert.same({ 429, "2" }, { answer.status, answer.headers["retry-after"] })
    answer = list()
    assert.same({ 200, "text/html; charset=utf-8" },
      { answer.status, answer.headers["content-type"] })
    answer = list()
    assert.same({ 204, "" }, { answer.status, answer.body })
  end)

  it("is stopped without waiting for what is delayed", function()
    box:fault { delay = 1000 }
    local pipe = tools.popen("curl -s -m 20 -d '{}' " .. url .. "; echo $?")
    while #box:requests() == 0 do box:time() end
    box:stop()
    assert.truthy(pipe:read("*a"):match("^%d+\n$"))
    pipe:close()
  end)
end)
