-- The engine on a thread, as Lua sees it. How nginx waits for it is in spec/nginx, races are
-- spec/c/tsan_thread.c's.

local core = require "sendcloud.core"
local files = require "spec.support.files"
local native = require "spec.support.native"
local support = require "spec.support.http"

describe("core.http_thread", function()
  local peer, thread
  setup(function()
    peer = support.peer()
    thread = assert(core.http_thread())
  end)
  teardown(function()
    support.stop()
    files.clean()
  end)

  local function submit(path, more)
    local request = { method = "GET", url = peer.url .. path, timeout = 20 }
    for key, value in pairs(more or {}) do request[key] = value end
    return thread:submit(request)
  end

  -- Steps an idle engine until the job is done.
  local function finish(job)
    local idle, before = core.http(), core.now()
    while not job:done() do
      assert(core.now() - before < 20, "never done")
      idle:step(0.001)
    end
    idle:close()
    return job:result()
  end

  it("is one a Lua state", function()
    assert.equal(thread, core.http_thread())
    assert.truthy(thread:path():find("/sendcloud%-" .. core.pid() .. "%-%w+/s$"))
  end)

  it("answers what the engine of plain Lua answers", function()
    local request = {
      method = "POST", url = peer.url .. "/echo", timeout = 20, body = "{}",
      headers = { ["X-One"] = "1" }, credential = core.credential("Bearer", "u", "k"),
    }
    local transport = require("sendcloud.transport.curl").new()
    local expected = assert(transport:send(request))
    transport:close()
    local answer = assert(finish(assert(thread:submit(request))))
    assert.equal(expected.status, answer.status)
    assert.same(expected.headers["content-type"], answer.headers["content-type"])
    assert.equal(expected.body, answer.body)
  end)

  it("gives the same result when asked again, and none early", function()
    local job = assert(submit "/hang")
    assert.is_false(job:done())
    assert.has_error(function() job:result() end, "the job is not done yet")
    job:cancel()
    local answer, failure = finish(job)
    assert.is_nil(answer)
    assert.equal("cancelled", failure.kind)
    assert.equal(failure, select(2, job:result()))
  end)

  it("fills a buffer again and again, and locks it meanwhile", function()
    local into = core.buffer()
    for _ = 1, 3 do
      local job = assert(submit("/echo", { into = into }))
      assert.has_error(function() submit("/echo", { into = into }) end)
      assert.equal(into, assert(finish(job)).body)
      assert.truthy(tostring(into):find "^GET /echo")
    end
    local job = assert(submit("/hang", { into = into }))
    job:cancel()
    finish(job)
    into:clear()
  end)

  it("copies the body: it may go at once", function()
    local body = core.buffer()
    local shape = core.shape { type = "string" }
    assert(shape:write("x", body))
    local job = assert(submit("/echo", { method = "POST", body = body }))
    body:clear()
    assert.truthy(assert(finish(job)).body:find '\r\n\r\n"x"$')
  end)

  it("reports what cannot be sent", function()
    local job, failure = submit("/echo", { headers = { "X: a\0b" } })
    assert.is_nil(job)
    assert.same({ "config", "not_sent" }, { failure.kind, failure.outcome })
    job = assert(submit("/echo", { headers = { "X: a\r\nb" } }))
    assert.equal("config", select(2, finish(job)).kind)
    job = assert(thread:submit { method = "GET", url = "http://127.0.0.1:" .. peer.slam .. "/" })
    assert.equal("network", select(2, finish(job)).kind)
  end)

  it("drops the jobs that nobody holds", function()
    for _ = 1, 20 do assert(submit "/hang") end
    collectgarbage()
    collectgarbage()
    assert.equal(200, assert(finish(assert(submit "/status/200"))).status)
  end)

  it("makes room for another when its socket is gone, and finishes what it has", function()
    local before = core.http_thread()
    assert.is_false(before:lost())
    local job = assert(submit "/delay/30")
    os.remove(before:path())
    assert.is_true(before:lost())
    thread = assert(core.http_thread())
    assert.not_equal(before, thread)
    assert.not_equal(before:path(), thread:path())
    assert.is_false(thread:lost())
    assert.equal(200, assert(finish(job)).status)
    assert.equal(200, assert(finish(assert(submit "/status/200"))).status)
  end)

  it("is left alone by a forked child, which has its own", function()
    local job = assert(submit "/hang")
    assert.is_true(native.fork(function()
      local answer, failure = job:result()
      local other = core.http_thread()
      local mine = other:submit { method = "GET", url = peer.url .. "/status/200", timeout = 20 }
      return answer == nil and failure.kind == "network" and other ~= thread
        and other:path() ~= thread:path() and finish(mine).status == 200
    end))
    assert.is_false(job:done())
    job:cancel()
    finish(job)
    assert.equal(200, assert(finish(assert(submit "/status/200"))).status)
  end)

  it("goes with the process, jobs on their way or not", function()
    local lua = native.runtime()
    local script = files.write(([[
      local core = require "sendcloud.core"
      local thread = assert(core.http_thread())
      for _ = 1, 5 do assert(thread:submit { method = "GET", url = "%s/hang" }) end
      io.write(thread:path())
      os.exit(0)]]):format(peer.url))
    local pipe = io.popen(("%s %s; echo \" $?\""):format(lua, script))
    local path, code = pipe:read("*a"):match "^(%S+) (%d+)"
    pipe:close()
    assert.equal("0", code)
    local ok = os.execute("test ! -e " .. path:gsub("/s$", ""))
    assert(ok == true or ok == 0, path)
  end)
end)
