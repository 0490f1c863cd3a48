-- Calls made inside nginx. `prepare` runs in busted, beside the sandbox; `run` in a worker,
-- where the code of the case can wait.

local function count(list)
  local n = 0
  for _ in pairs(list) do n = n + 1 end
  return n
end

local function people(from, to)
  local found = {}
  for i = from, to do found[#found + 1] = { email = ("p%03d@example.com"):format(i) } end
  return found
end

local cases = {
  {
    name = "single calls, there and back",
    run = function(client)
      local made = assert(client.members:upsert {
        { email = "li@example.com", name = "李磊", fields = { Age = 31 }, tags = { "vip" } } })
      assert(made.inserted_count == 1)
      local member = assert(client.members:get(made.inserted[1].id))
      assert(member.name == "李磊" and tonumber(member.fields.Age) == 31)
      assert(client.members:delete(member.id))
      local _, err = client.members:get(member.id)
      assert(err.kind == "not_found", tostring(err))
    end,
  },
  {
    name = "pages, and an iterator that fetches ahead",
    run = function(client)
      assert(client.members:upsert(people(1, 250)))
      local page = assert(client.members:list { count = 100 })
      assert(#page == 100 and page.total == 250)
      local seen = {}
      for member in client.members:each { page_size = 20, prefetch = 4 } do seen[member.email] = true end
      assert(count(seen) == 250)
      local step = client.members:each { page_size = 20, prefetch = 4 }
      assert(step().id) -- and left in the middle
    end,
  },
  {
    name = "calls side by side",
    prepare = function(box) box:fault { operation = "members.get", delay = 0.1 } end,
    run = function(client)
      local made = assert(client.members:upsert(people(1, 16)))
      local tasks = {}
      for i, member in ipairs(made.inserted) do
        tasks[i] = function() return client.members:get(member.id) end
      end
      tasks[17] = function() error "boom" end
      local begun = require("sendcloud.core").now()
      local results, errors = client:parallel(tasks, { concurrency = 16 })
      local seconds = require("sendcloud.core").now() - begun
      for i, member in ipairs(made.inserted) do assert(results[i].email == member.email) end
      assert(tostring(errors[17]):find "boom")
      assert(seconds < 1, "one after the other: " .. seconds) -- 1.6 s then
    end,
  },
  {
    name = "import and export",
    run = function(client)
      local path = os.tmpname()
      local report = assert(client.members:import(people(1, 300), { batch = 50 }))
      assert(report.inserted == 300, ("%d inserted, %d updated, %d rejected, %d unknown, %d retries")
        :format(report.inserted, report.updated, report.rejected, report.unknown, report.retries))
      report = assert(client.members:export(path))
      assert(report.rows == 300)
      local lines = 0
      for _ in io.lines(path) do lines = lines + 1 end
      os.remove(path)
      assert(lines == 301)
    end,
  },
  {
    name = "a retry, after the wait that the service asks for",
    prepare = function(box)
      box:fault { operation = "members.upsert", times = 2, status = 503, retry_after = 0 }
      box:fault { operation = "members.list", times = 1, status = 429, retry_after = 1 }
    end,
    run = function(client)
      assert(client.members:upsert(people(1, 1)))
      local core = require "sendcloud.core"
      local begun = core.now()
      assert(client.members:list())
      assert(core.now() - begun >= 0.99)
    end,
  },
  {
    name = "a deadline that passes",
    prepare = function(box) box:fault { operation = "members.list", delay = 20 } end,
    run = function(client)
      local core = require "sendcloud.core"
      local begun = core.now()
      local _, err = client:call("members.list", {}, { deadline = 0.3 })
      assert(err.kind == "timeout", tostring(err))
      assert(core.now() - begun < 2)
    end,
  },
  {
    name = "a rate",
    options = { rate = 50 },
    run = function(client)
      local core = require "sendcloud.core"
      local begun = core.now()
      for _ = 1, 6 do assert(client.tags:list()) end
      assert(core.now() - begun >= 0.1 - 1e-3)
    end,
  },
  {
    name = "a request of one's own",
    run = function(client)
      local body, status = client:request { path = "/marketing/lists/tags" }
      assert(type(body) == "table" or status ~= nil, tostring(status))
    end,
  },
  {
    name = "closing the client in the middle",
    prepare = function(box) box:fault { operation = "members.list", delay = 20 } end,
    run = function(client)
      local err
      local caller = ngx.thread.spawn(function()
        local _, failed = client.members:list()
        err = failed
      end)
      ngx.sleep(0.1)
      client:close()
      assert(ngx.thread.wait(caller))
      assert(err.kind == "cancelled" or err.kind == "closed", tostring(err))
    end,
  },
  {
    name = "from within pcall, metamethods and a coroutine",
    run = function(client)
      local ok, page = pcall(function() return assert(client.members:list()) end)
      assert(ok and page.total == 0)
      local t = setmetatable({}, { __index = function() return assert(client.members:list()).total end })
      assert(t.anything == 0)
      local total = coroutine.wrap(function() return assert(client.members:list()).total end)()
      assert(total == 0)
    end,
  },
  {
    name = "an error where C stands in the way, and the next call is fine",
    run = function(client)
      local err
      table.sort({ 1, 2 }, function(a, b)
        local _, failed = client.members:list()
        err = failed
        return a < b
      end)
      assert(err.kind == "unsupported", tostring(err))
      assert(client.members:list())
    end,
  },
  {
    name = "broken connections",
    prepare = function(box)
      box:fault { operation = "members.delete", reset = "after" }
      box:fault { operation = "tags.create", reset = "after" }
    end,
    options = { retry = { attempts = 2 } },
    run = function(client)
      local _, err = client.tags:create "vip"
      assert(err and err.outcome == "unknown", tostring(err))
    end,
  },
}

local by_name = {}
for _, case in ipairs(cases) do by_name[case.name] = case end

-- Where nginx runs them: in a request and in a timer, on the pool of the name or "".
local LOCATIONS = [[
    location = /content { content_by_lua_block {
      local args = ngx.req.get_uri_args()
      ngx.print(require("spec.nginx.cases").run(args.name, args.url, "POOL"))
    } }
    location = /timer { content_by_lua_block {
      local args = ngx.req.get_uri_args()
      local done, answer = require("ngx.semaphore").new(0), nil
      assert(ngx.timer.at(0, function()
        answer = require("spec.nginx.cases").run(args.name, args.url, "POOL")
        done:post(1)
      end))
      done:wait(30)
      ngx.print(answer or "no answer")
    } }
]]

--- The locations for the configuration.
---@param pool string the thread pool that carries the calls; "": the helper thread
function cases.locations(pool)
  return (LOCATIONS:gsub("POOL", pool))
end

--- Gives each case in each place to a function, in busted: the place, the case's name, the path
--- to ask for but for the sandbox's address at its end, and what prepares the sandbox.
function cases.each(fn)
  for _, place in ipairs { "content", "timer" } do
    for _, case in ipairs(cases) do
      local name = case.name:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
      fn(place, case.name, ("/%s?name=%s&url="):format(place, name), case.prepare or function() end)
    end
  end
end

--- In a worker: runs one and says "ok", or what was wrong.
function cases.run(name, url, thread_pool)
  local case = by_name[name]
  local options = { api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = url,
    thread_pool = thread_pool ~= "" and thread_pool or nil }
  for key, value in pairs(case.options or {}) do options[key] = value end
  local ok, why = xpcall(function()
    local client = assert(require("sendcloud").new(options))
    case.run(client)
    client:close()
  end, debug.traceback)
  return ok and "ok" or tostring(why)
end

return cases
