-- Requests for the host's threads, as Lua sees them. Here the thread is the spec's own; nginx's are in
-- spec/nginx, races are spec/c/tsan_thread.c's.

local core = require "sendcloud.core"
local native = require "spec.support.native"
local support = require "spec.support.http"

describe("core.http_pool", function()
  local peer, pool
  setup(function()
    peer = support.peer()
    pool = assert(core.http_pool())
  end)
  teardown(support.stop)

  local function submit(path, more)
    local request = { method = "GET", url = peer.url .. path, timeout = 20 }
    for key, value in pairs(more or {}) do request[key] = value end
    return assert(pool:submit(request))
  end

  it("is one a Lua state, and not the thread", function()
    assert.equal(pool, core.http_pool())
    assert.not_equal(pool, core.http_thread())
  end)

  it("does nothing until somebody works, and then answers what plain Lua's engine answers", function()
    local request = {
      method = "POST", url = peer.url .. "/echo", timeout = 20, body = "{}",
      headers = { ["X-One"] = "1" }, credential = core.credential("Bearer", "u", "k"),
    }
    local transport = require("sendcloud.transport.curl").new()
    local expected = assert(transport:send(request))
    transport:close()
    local job = assert(pool:submit(request))
    assert.is_false(job:done())
    assert.is_true(core.http_work(job:id()))
    assert.is_true(job:done())
    local answer = assert(job:result())
    assert.equal(expected.status, answer.status)
    assert.equal(expected.headers["content-type"], answer.headers["content-type"])
    assert.equal(expected.body, answer.body)
    assert.equal(answer, job:result())
  end)

  it("does each job once, and knows no others", function()
    local job = submit "/status/200"
    local id = job:id()
    assert.is_true(core.http_work(id))
    assert.is_nil(core.http_work(id))
    assert.equal(200, job:result().status)
    assert.is_nil(core.http_work(id))
    assert.is_nil(core.http_work "0")
    assert.is_nil(core.http_work "-1")
    assert.is_nil(core.http_work "no number")
    assert.is_nil(core.http_work "99999999999999999999999999")
  end)

  it("keeps its connection for the next job", function()
    local accepted = {}
    for i = 1, 2 do
      local job = submit "/stats"
      core.http_work(job:id())
      accepted[i] = assert(job:result()).body:match "connections=(%d+)"
    end
    assert.equal(accepted[1], accepted[2])
  end)

  it("fills a buffer", function()
    local into = core.buffer()
    for _ = 1, 2 do
      local job = submit("/echo", { into = into })
      assert.has_error(function() submit("/echo", { into = into }) end)
      core.http_work(job:id())
      assert.equal(into, assert(job:result()).body)
      assert.truthy(tostring(into):find "^GET /echo")
    end
  end)

  it("leaves after a second what takes longer, for another turn", function()
    local slow, other = submit "/delay/1300", submit "/status/200"
    assert.is_false(core.http_work(slow:id()))
    assert.is_false(slow:done())
    assert.is_true(core.http_work(other:id()))
    assert.is_true(core.http_work(slow:id()))
    assert.equal(200, slow:result().status)
  end)

  it("ends what is cancelled or let go of between two turns", function()
    local job, forgotten = submit "/hang", submit "/hang"
    assert.is_false(core.http_work(job:id()))
    job:cancel()
    assert.is_true(job:done())
    assert.same({ "cancelled", "unknown" }, { select(2, job:result()).kind,
      select(2, job:result()).outcome })
    local id = forgotten:id()
    assert.is_false(core.http_work(id))
    forgotten = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(core.http_work(id))
  end)

  it("ends at once what is cancelled before anybody works", function()
    local job = submit "/status/200"
    job:cancel()
    assert.is_true(job:done())
    local answer, failure = job:result()
    assert.is_nil(answer)
    assert.same({ "cancelled", "not_sent" }, { failure.kind, failure.outcome })
  end)

  it("forgets what nobody holds", function()
    local id = submit("/hang"):id()
    collectgarbage()
    collectgarbage()
    assert.is_nil(core.http_work(id))
  end)

  it("reports what cannot be sent, and what was not answered", function()
    local job = submit("/echo", { headers = { "X: a\r\nb" } })
    assert.is_true(core.http_work(job:id()))
    assert.equal("config", select(2, job:result()).kind)
    job = submit("/hang", { timeout = 0.05 })
    assert.is_true(core.http_work(job:id()))
    assert.equal("timeout", select(2, job:result()).kind)
  end)

  it("is left alone by a forked child, which has its own", function()
    local job = submit "/status/200"
    assert.is_true(native.fork(function()
      local answer, failure = job:result()
      local other = core.http_pool()
      local mine = other:submit { method = "GET", url = peer.url .. "/status/200", timeout = 20 }
      return answer == nil and failure.kind == "network" and other ~= pool
        and core.http_work(mine:id()) and mine:result().status == 200
    end))
    assert.is_true(core.http_work(job:id()))
    assert.equal(200, job:result().status)
  end)
end)
