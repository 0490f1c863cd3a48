-- One rate for all workers, kept in a lua_shared_dict.

local server = require "spec.nginx.server"
if not server.possible() then return end

local sandbox = require "sendcloud.sandbox"

local LOCATIONS = [[
    location = /burst { content_by_lua_block {
      local client = assert(require("sendcloud").new {
        api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = ngx.var.arg_url,
        rate = 50, shared = "notes" })
      local ends_at, threads = ngx.now() + 2.2, {}
      for i = 1, 4 do
        threads[i] = ngx.thread.spawn(function()
          while ngx.now() < ends_at do assert(client.tags:list()) ngx.update_time() end
        end)
      end
      for i = 1, 4 do assert(ngx.thread.wait(threads[i])) end
      ngx.print(ngx.worker.pid(), "\n")
    } }
    location = /wrong { content_by_lua_block {
      local client, err = require("sendcloud").new { api_user = "u", api_key = "k", shared = "missing" }
      ngx.print(client and "made" or tostring(err))
    } }
]]

describe("a rate that workers share", function()
  local nginx, box
  setup(function()
    box = sandbox.start { port = 0 }
    nginx = server.start { workers = 2, locations = LOCATIONS }
  end)
  teardown(function()
    local complaints = nginx:stop()
    box:stop()
    assert.equal("", complaints)
  end)

  it("is kept by all of them together in every second", function()
    local pipe = io.popen(("for i in 1 2 3 4; do curl -s -m 30 '%s/burst?url=%s' & done; wait"):format(
      nginx.url, box.url))
    local answers = pipe:read "*a"
    pipe:close()
    local _, finished = answers:gsub("%d+", "")
    assert.equal(4, finished, answers)
    local times = {}
    for _, request in ipairs(box:requests { operation = "tags.list" }) do times[#times + 1] = request.time end
    table.sort(times)
    -- Four clients that did not share would make 200 a second; a finer figure depends on
    -- what else the machine does.
    local rate = (#times - 1) / (times[#times] - times[1])
    assert.is_true(rate > 20 and rate < 60, rate .. " a second")
  end)

  it("needs a dict", function()
    assert.truthy(nginx:ask("/wrong"):find("lua_shared_dict missing 1m", 1, true))
  end)
end)
