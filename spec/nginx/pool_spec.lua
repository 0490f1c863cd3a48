-- Where the helper thread cannot start, nginx's own threads carry the requests: the same calls with
-- the same results.

local server = require "spec.nginx.server"
if not server.possible() then return end

local cases = require "spec.nginx.cases"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"

local HTTP = [[
  lua_worker_thread_vm_pool_size 12;
  init_by_lua_block {
    function CLIENT(url, pool)
      return assert(require("sendcloud").new { api_user = "sandbox_user",
        api_key = "sandbox-key-3c1e7a90", retry = false, base_url = url, thread_pool = pool })
    end
  }
]]

local LOCATIONS = [[
    location = /call { content_by_lua_block {
      local page, err = CLIENT(ngx.var.arg_url, ngx.var.arg_pool):call("members.list", {},
        { timeout = tonumber(ngx.var.arg_timeout) })
      ngx.print(page and "total=" .. page.total or ("%s, %s: %s"):format(err.kind,
        tostring(err.outcome), err.message))
    } }
    location = /threads { content_by_lua_block {
      local pipe = io.popen("cat /proc/" .. ngx.worker.pid() .. "/task/*/comm")
      ngx.print(pipe:read "*a")
      pipe:close()
    } }
    location = /walk { content_by_lua_block {
      -- What goes over to the other Lua state, and what comes back.
      local run, seen = ngx.run_worker_thread, {}
      local client = CLIENT(ngx.var.arg_url, "carriers")
      ngx.run_worker_thread = function(...)
        for i = 1, select("#", ...) do seen[#seen + 1] = tostring((select(i, ...))) end
        local ok, result = run(...)
        seen[#seen + 1] = tostring(ok)
        seen[#seen + 1] = tostring(result)
        return ok, result
      end
      local page = client.members:list()
      ngx.run_worker_thread = run
      ngx.print(page and table.concat(seen, " "))
    } }
    location = /many { content_by_lua_block {
      local client = CLIENT(ngx.var.arg_url, "carriers")
      local calls = {}
      for i = 1, 40 do calls[i] = function() return client.members:list() end end
      local results, errors = client:parallel(calls, { concurrency = 40 })
      local good = 0
      for i = 1, 40 do
        if results[i] then good = good + 1 else ngx.log(ngx.ERR, tostring(errors[i])) end
      end
      ngx.print(good)
    } }
]]

local function start_nginx()
  return server.start { locations = cases.locations "carriers" .. LOCATIONS, http = HTTP, tmpdir = "/nowhere",
    main = "thread_pool carriers threads=16; thread_pool one threads=1;" }
end

describe("on nginx's own threads", function()
  local nginx, box
  setup(function()
    box = sandbox.start { port = 0 }
    nginx = start_nginx()
  end)
  teardown(function()
    local complaints = nginx:stop()
    box:stop()
    files.clean()
    assert.equal("", complaints)
  end)
  before_each(function()
    box:reset()
  end)

  cases.each(function(place, name, path, prepare)
    it(place .. ": " .. name, function()
      prepare(box)
      assert.equal("ok", nginx:ask(path .. box.url))
    end)
  end)

  it("there is no helper thread", function()
    assert.equal("total=0", nginx:ask("/call?pool=carriers&url=" .. box.url))
    assert.falsy(nginx:ask("/threads"):find("sendcloud", 1, true))
  end)

  it("only a number goes over, and true comes back", function()
    local seen = nginx:ask("/walk?url=" .. box.url)
    assert.truthy(seen:find "^carriers sendcloud%.transport%.ngx_pool work %d+\n true true$", seen)
  end)

  it("more calls than there are Lua states wait for one", function()
    assert.equal("40", nginx:ask("/many?url=" .. box.url))
  end)

  it("a pool that is missing is named", function()
    local answer = nginx:ask("/call?pool=missing&url=" .. box.url)
    assert.truthy(answer:find("thread_pool missing threads=16;", 1, true), answer)
  end)

  it("without a pool the error tells of it", function()
    local answer = nginx:ask("/call?url=" .. box.url)
    assert.truthy(answer:find("^config, nil: the helper thread cannot start: no socket in TMPDIR"), answer)
    assert.truthy(answer:find("thread_pool", 1, true), answer)
  end)

  -- A call in the background that the sandbox has got; gives its answer later.
  local function slow_call(of, pool, seconds)
    box:fault { operation = "members.list", times = 1, delay = seconds or 0.6 }
    local path = files.path()
    local pipe = io.popen(("curl -s -m 30 '%s/call?pool=%s&url=%s' >%s"):format(of.url, pool, box.url,
      path), "w")
    local t = os.time() + 10
    while #box:requests { operation = "members.list" } == 0 do assert(os.time() < t, "never asked") end
    return function()
      pipe:close()
      return files.read(path)
    end
  end

  it("time in the pool's queue counts", function()
    local answer = slow_call(nginx, "one")
    assert.equal("timeout, nil: none of the pool's threads was free in time",
      nginx:ask("/call?pool=one&timeout=0.2&url=" .. box.url))
    assert.equal("total=0", answer())
    assert.equal(1, #box:requests { operation = "members.list" })
  end)

  it("what is on its way is finished at QUIT", function()
    local other = start_nginx()
    local answer = slow_call(other, "carriers")
    other:signal "QUIT"
    assert.equal("total=0", answer())
    assert.equal("", other:stop())
  end)

  it("nothing holds the worker at TERM", function()
    local other = start_nginx()
    local answer = slow_call(other, "carriers", 20)
    local old = other:workers()[1]
    other:signal "TERM"
    assert.is_true(other:wait_for(("! kill -0 %d 2>/dev/null"):format(old), 3))
    answer()
    assert.equal("", other:stop())
  end)
end)
