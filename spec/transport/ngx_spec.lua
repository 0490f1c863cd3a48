-- What the transport of nginx decides, with an nginx that is made up; the real one is in spec/nginx.

local core = require "sendcloud.core"
local ngx_pool = require "sendcloud.transport.ngx_pool"
local support = require "spec.support.http"

local had, had_semaphore
local function pretend(nginx)
  rawset(_G, "ngx", nginx)
end

setup(function()
  had, had_semaphore = rawget(_G, "ngx"), package.loaded["ngx.semaphore"]
  package.loaded["ngx.semaphore"] = had_semaphore or {}
end)
teardown(function()
  rawset(_G, "ngx", had)
  package.loaded["ngx.semaphore"] = had_semaphore
  package.loaded["sendcloud.transport.ngx"] = nil
  support.stop()
end)

describe("the transport of nginx", function()
  local nginx = {}
  setup(function() nginx = require "sendcloud.transport.ngx" end)

  local function choose(phase)
    pretend { get_phase = function() return phase end }
    return nginx.choose()
  end

  it("is used where code can wait", function()
    for _, phase in ipairs { "rewrite", "server_rewrite", "access", "content", "timer", "ssl_cert",
      "precontent" } do
      assert.equal("ngx", (choose(phase)))
    end
  end)

  it("leaves it to libcurl where nobody is served yet", function()
    assert.equal("curl", (choose "init"))
    assert.equal("curl", (choose "init_worker"))
  end)

  it("names the phase and the way out everywhere else, in phases to come too", function()
    for _, phase in ipairs { "set", "header_filter", "body_filter", "log", "balancer", "exit_worker",
      "ssl_client_hello", "something_new" } do
      local name, reason = choose(phase)
      assert.is_nil(name)
      assert.truthy(reason:find("phase " .. phase, 1, true))
      assert.truthy(reason:find("ngx.timer.at(0", 1, true))
    end
  end)

  it("says the same when it is asked to send, sleep or wait there", function()
    pretend { get_phase = function() return "log" end }
    local transport = nginx.new()
    local _, why = transport:send {}
    assert.equal("unsupported", why.kind)
    _, why = transport:sleep(1)
    assert.equal("unsupported", why.kind)
    local ok
    ok, why = transport:await { done = false, waiters = {} }
    assert.is_false(ok)
    assert.equal("unsupported", why.kind)
  end)

  it("sends nothing once it is closed", function()
    local transport = nginx.new()
    transport:close()
    transport:close()
    local _, why = transport:send {}
    assert.equal("cancelled", why.kind)
    assert.equal("not_sent", why.outcome)
  end)
end)

describe("a thread pool of nginx's", function()
  local peer, job, killed, slept
  setup(function() peer = support.peer() end)
  before_each(function()
    local pool = assert(core.http_pool())
    job = assert(pool:submit { method = "GET", url = peer.url .. "/status/200", timeout = 20 })
    killed, slept = 0, 0
  end)

  local function nginx(run)
    pretend {
      run_worker_thread = run,
      worker = { id = function() return 0 end },
      sleep = function(seconds) slept = slept + seconds end,
      thread = {
        spawn = function() return "guard" end,
        kill = function(thread)
          assert.equal("guard", thread)
          killed = killed + 1
        end,
      },
    }
  end

  it("does the job by its number", function()
    nginx(function(name, module, fn, ...)
      assert.same({ "carriers", "sendcloud.transport.ngx_pool", "work" }, { name, module, fn })
      assert.same({ job:id() }, { ... })
      return true, ngx_pool.work(...)
    end)
    assert.is_nil(ngx_pool.wait("carriers", job, 20))
    assert.equal(200, job:result().status)
    assert.equal(1, killed)
  end)

  it("is asked again while all its Lua states are taken", function()
    local times = 0
    nginx(function(_, _, _, id)
      times = times + 1
      if times < 5 then return false, "no available Lua vm" end
      return true, ngx_pool.work(id)
    end)
    assert.is_nil(ngx_pool.wait("carriers", job, 20))
    assert.equal(200, job:result().status)
    assert.is_true(slept > 0)
  end)

  it("is given up when its Lua states stay taken, and the request was not sent", function()
    nginx(function() return false, "no available Lua vm" end)
    local why = ngx_pool.wait("carriers", job, 0.001)
    assert.same({ "timeout", "not_sent" }, { why.kind, why.outcome })
    assert.truthy(why.message:find("lua_worker_thread_vm_pool_size", 1, true))
    assert.is_true(job:done())
    assert.equal(1, killed)
  end)

  it("that is missing is named with its directive", function()
    nginx(function() return false, "thread pool carriers not found" end)
    local why = ngx_pool.wait("carriers", job, 20)
    assert.same({ "config", "not_sent" }, { why.kind, why.outcome })
    assert.truthy(why.message:find("`thread_pool carriers threads=16;`", 1, true))
  end)

  it("whose code fails says why", function()
    nginx(function() return false, "module 'sendcloud.core' not found" end)
    local why = ngx_pool.wait("carriers", job, 20)
    assert.same({ "config", "not_sent" }, { why.kind, why.outcome })
    assert.truthy(why.message:find("sendcloud.core", 1, true))
    nginx(function() return true, false end)
    assert.equal("cancelled", select(2, job:result()).kind)
  end)

  it("is not there in every process of nginx's", function()
    nginx(nil)
    local _, _, why = ngx_pool.open()
    assert.equal("config", why.kind)
    nginx(function() end)
    ngx.worker.id = function() return nil end -- luacheck: ignore
    _, _, why = ngx_pool.open()
    assert.equal("config", why.kind)
    ngx.worker.id = function() return 0 end -- luacheck: ignore
    assert.truthy(ngx_pool.open())
  end)
end)
