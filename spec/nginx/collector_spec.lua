-- The collector in several workers: one sends, none loses.

local server = require "spec.nginx.server"
if not server.possible() then return end

local files = require "spec.support.files"
local native = require "spec.support.native"
local sandbox = require "sendcloud.sandbox"

local HTTP = [[
  init_by_lua_block { -- before the master forks
    local client = assert(require("sendcloud").new {
      api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = "%s", timeout = 5 })
    local made = assert(require("sendcloud.collector").new {
      client = client, journal = "%s/sign-ups", batch = 100, age = 0.2, retry = { base = 0.1, cap = 0.2 } })
    assert(made:start() == nil)
    package.loaded.made = made
  }
  init_worker_by_lua_block { assert(require("made"):start()) }
]]

local LOCATIONS = [[
    location = /add { content_by_lua_block {
      local ok, err = require("made"):add { email = ngx.var.arg_email, name = ngx.var.arg_name,
        tags = { ngx.var.arg_tag } }
      ngx.print(ok and "taken " .. ngx.worker.pid() or tostring(err), "\n")
    } }
    location = /log { return 204; log_by_lua_block {
      assert(require("made"):add { email = ngx.var.arg_email })
    } }
    # Twenty that add at once, one whose visitor leaves, and a disk that fails.
    location = /group { content_by_lua_block {
      local group = require("sendcloud.collector.group").new()
      local syncs, written, lasting, verdict = 0, 0, 0, true
      local function sync()
        syncs, lasting = syncs + 1, written
        if verdict then return true end
        return nil, "the disk failed"
      end
      local function add()
        written = written + 1
        local mine = written
        local ok, reason = group:wait(sync)
        assert(lasting >= mine)
        return ok, reason
      end
      assert(add())
      local threads = {}
      for i = 1, 20 do threads[i] = ngx.thread.spawn(add) end
      for i = 1, 20 do assert(select(2, ngx.thread.wait(threads[i]))) end
      ngx.print(syncs, " ")
      assert(add())
      local gone = ngx.thread.spawn(add)
      ngx.thread.kill(gone)
      assert(add())
      verdict = false
      for i = 1, 5 do threads[i] = ngx.thread.spawn(add) end
      for i = 1, 5 do
        local _, ok, reason = ngx.thread.wait(threads[i])
        ngx.print(tostring(ok), " ", reason, " ")
      end
    } }
    location = /status { content_by_lua_block {
      local status = require("made"):status()
      ngx.print(status.waiting, " ", tostring(status.sending), " ", ngx.worker.pid(), "\n")
    } }
]]

describe("the collector in nginx", function()
  local nginx, box, folder, tolerated

  local function start(workers)
    box = sandbox.start { port = 0 }
    folder = files.path()
    native.sh("mkdir " .. folder)
    nginx = server.start { workers = workers, http = HTTP:format(box.url, folder), locations = LOCATIONS }
  end

  after_each(function()
    local complaints = nginx:stop()
    box:stop()
    native.sh("rm -rf " .. folder)
    if tolerated then complaints = complaints:gsub("[^\n]*" .. tolerated .. "[^\n]*\n?", "") end
    tolerated = nil
    assert.equal("", complaints)
  end)

  -- Asks for many paths, so many at a time; a connection each, to reach all workers.
  local function ask_all(paths, at_a_time)
    local lines = { "header = \"Connection: close\"", "max-time = 20" }
    for _, path in ipairs(paths) do lines[#lines + 1] = ('url = "%s%s"'):format(nginx.url, path) end
    local list = files.write(table.concat(lines, "\n") .. "\n")
    local pipe = io.popen(([[unset LD_PRELOAD
      curl -s --parallel --parallel-immediate --parallel-max %d -K %s 2>/dev/null]]):format(at_a_time, list))
    local answers = pipe:read "*a"
    pipe:close()
    os.remove(list)
    return answers
  end

  local function waits()
    return tonumber((nginx:ask("/status"):match "^%d+"))
  end

  local function wait_until_sent()
    for _ = 1, 200 do
      if waits() == 0 then return true end
      native.sh "sleep 0.05"
    end
  end

  local function members()
    local found, n = {}, 0
    local client = box:client { transport = "sandbox" }
    for member in client.members:each {} do found[member.email:lower()], n = member, n + 1 end
    client:close()
    return found, n
  end

  it("gathers the sign-ups of all workers while the service fails, and sends them merged", function()
    start(4)
    box:fault { operation = "members.upsert", status = 503 }
    local paths = {}
    for index = 1, 1000 do
      local reader = index % 400
      paths[index] = ("/add?email=%seader%d@example.com&name=n%d&tag=t%d"):format(index % 2 == 0 and "r" or "R",
        reader, reader, index % 3)
    end
    local answers = ask_all(paths, 50)
    local _, taken = answers:gsub("taken", "")
    assert.equal(1000, taken, answers:sub(1, 500))
    local workers, n = {}, 0
    for pid in answers:gmatch "taken (%d+)" do
      n, workers[pid] = workers[pid] and n or n + 1, true
    end
    assert.is_true(n > 1)
    native.sh "sleep 0.3"
    local failed = 0
    for _, request in ipairs(box:requests { operation = "members.upsert" }) do
      if request.status == 503 then failed = failed + 1 end
    end
    assert.is_true(failed > 0)
    box:reset()
    assert.is_true(wait_until_sent())
    local found, count = members()
    assert.equal(400, count)
    for index = 0, 399 do
      local member = found[("reader%d@example.com"):format(index)]
      assert.equal("n" .. index, member.name)
      assert.is_true(#member.tag_names >= 2)
    end
    local sent = 0
    for _, request in ipairs(box:requests { operation = "members.upsert" }) do
      if request.status == 200 then sent = sent + 1 end
    end
    assert.equal(4, sent)
  end)

  it("makes one sync for those who add at the same time", function()
    start(1)
    local said = nginx:ask "/group"
    assert.truthy(said:find "^[23] nil the disk failed ", said)
    assert.equal(5, select(2, said:gsub("the disk failed", "")))
  end)

  it("loses nothing when workers are killed, and none stays the one that sends for ever", function()
    start(2)
    local index = 0
    for _ = 1, 6 do
      local paths = {}
      for _ = 1, 50 do
        index = index + 1
        paths[#paths + 1] = ("/add?email=reader%d@example.com"):format(index)
      end
      local answers = ask_all(paths, 10)
      local _, taken = answers:gsub("taken", "")
      assert.equal(50, taken, answers)
      native.sh("kill -9 " .. table.concat(nginx:workers(), " "))
      assert.is_true(nginx:wait_for(("curl -sf -o /dev/null %s/up"):format(nginx.url)))
    end
    assert.is_true(wait_until_sent())
    assert.equal(300, (select(2, members())))
    tolerated = "exited on signal 9"
  end)

  it("goes over to another worker at a reload, with a request on its way", function()
    start(2)
    box:fault { operation = "members.upsert", delay = 3, times = 2 }
    ask_all({ "/add?email=first@example.com", "/log?email=second@example.com" }, 2)
    local old = nginx:workers()
    assert.is_true(nginx:wait_for(("[ $(curl -s %s/status | cut -d' ' -f1) != 0 ]"):format(nginx.url)))
    native.sh "sleep 0.4"
    nginx:signal "HUP"
    for _, pid in ipairs(old) do
      assert.is_true(nginx:wait_for(("! kill -0 %d 2>/dev/null"):format(pid), 2.5), "an old worker stays")
    end
    assert.equal("taken", nginx:ask("/add?email=third@example.com"):match "%a+")
    assert.is_true(wait_until_sent())
    assert.equal(3, (select(2, members())))
    nginx:signal "QUIT"
    assert.is_true(nginx:wait_for(("[ ! -e %s/pid ]"):format(nginx.folder)))
  end)
end)
