-- The collector in several workers: one sends, none loses.

local server = require "spec.nginx.server"
if not server.possible() then return end

local files = require "spec.support.files"
local native = require "spec.support.native"
local sandbox = require "sendcloud.sandbox"

local HTTP = [[
  init_by_lua_block { -- before the master forks
    local client = assert(require("sendcloud").new {
      api_user = "sandbox_user", api_key = "sandbox-key-3c1e7a90", base_url = "%s", timeout = 5, thread_pool = "carriers" })
    local made = assert(require("sendcloud.collector").new {
      client = client, journal = "%s/sign-ups", batch = 100, age = 0.2, retry = { base = 0.1, cap = 0.2 },
      sync = "%s", sync_interval = 0.05 })
    assert(made:start() == nil)
    package.loaded.made = made
  }
  init_worker_by_lua_block { assert(require("made"):start()) }
]]

local LOCATIONS = [[
    lua_check_client_abort on;
    location = /add { content_by_lua_block {
      ngx.shared.notes:incr("asked", 1, 0)
      local ok, err = require("made"):add { email = ngx.var.arg_email, name = ngx.var.arg_name,
        tags = { ngx.var.arg_tag } }
      ngx.print(ok and "taken " .. ngx.worker.pid() or tostring(err), "\n")
    } }
    location = /log { return 204; log_by_lua_block {
      assert(require("made"):add { email = ngx.var.arg_email })
    } }
    # How many asked to add so far.
    location = /asked { content_by_lua_block { ngx.print(ngx.shared.notes:get "asked" or 0) } }
    location = /status { content_by_lua_block {
      local status = require("made"):status()
      ngx.print(status.waiting, " ", tostring(status.sending), " ", ngx.worker.pid(), "\n")
    } }
]]

describe("the collector in nginx", function()
  local nginx, box, folder, tolerated

  local function start(workers, env, sync, tmpdir)
    box = sandbox.start { port = 0 }
    folder = files.path()
    native.sh("mkdir " .. folder)
    nginx = server.start { workers = workers, env = env, tmpdir = tmpdir, main = "thread_pool carriers threads=2;",
      http = HTTP:format(box.url, folder, sync or "always"), locations = LOCATIONS }
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

  describe("on a disk that takes its time", function()
    local gate, said

    -- Many that add, each through its own visitor, who waits so long; what they are told goes to a file.
    local function add_behind(from, to, seconds)
      local lines = {}
      for index = from, to do
        lines[#lines + 1] = ('url = "%s/add?email=reader%d@example.com"'):format(nginx.url, index)
      end
      local list = files.write(table.concat(lines, "\n") .. "\n")
      native.sh(([[unset LD_PRELOAD
        curl -s -m %g --parallel --parallel-immediate --parallel-max 50 -K %s >>%s 2>/dev/null &]]):format(
        seconds or 60, list, said))
    end

    local function asked(count)
      return nginx:wait_for(("[ $(curl -s -m 5 %s/asked) -ge %d ]"):format(nginx.url, count))
    end

    local function told(what, count)
      return nginx:wait_for(("[ $(grep -c '%s' %s) -ge %d ]"):format(what, said, count))
    end

    local function syncs()
      return #(files.read(gate .. ".count") or "")
    end

    local function start_slow(sync, tmpdir)
      start(1, ("LD_PRELOAD=%s SYNC_GATE=%s"):format(native.slow_disk(), gate), sync, tmpdir)
    end

    before_each(function()
      gate, said = files.path(), files.path()
      native.sh("touch " .. said)
    end)

    after_each(function() native.sh(("rm -f %s %s.* %s"):format(gate, gate, said)) end)

    it("holds up those who add, and nobody else, and makes one sync for many", function()
      start_slow()
      native.sh("touch " .. gate)
      add_behind(1, 1)
      assert.is_true(nginx:wait_for(("[ -e %s.count ]"):format(gate)))
      add_behind(2, 20)
      assert.is_true(asked(20))
      assert.equal("", files.read(said))
      os.remove(gate)
      assert.is_true(told("taken", 20))
      assert.equal(2, syncs())
      assert.is_true(wait_until_sent())
      assert.equal(20, (select(2, members())))
    end)

    it("and where nginx's threads have to do it, the same", function()
      start_slow("always", "/nonexistent")
      native.sh("touch " .. gate)
      add_behind(1, 1)
      assert.is_true(nginx:wait_for(("[ -e %s.count ]"):format(gate)))
      add_behind(2, 20)
      assert.is_true(asked(20))
      assert.equal("", files.read(said))
      os.remove(gate)
      assert.is_true(told("taken", 20))
      assert.equal(2, syncs())
      assert.is_true(wait_until_sent())
    end)

    it("holds up nobody where it is synced now and then, and tells when that failed", function()
      start_slow "interval"
      native.sh("touch " .. gate)
      add_behind(1, 1)
      assert.is_true(told("taken", 1))
      assert.is_true(nginx:wait_for(("[ -e %s.count ]"):format(gate)))
      add_behind(2, 20)
      assert.is_true(told("taken", 20))
      native.sh(("touch %s.fail; rm %s"):format(gate, gate))
      assert.is_true(nginx:wait_for(("grep -q 'may not outlive.*Input/output' %s/error.log"):format(nginx.folder)))
      os.remove(gate .. ".fail")
      assert.equal("taken", nginx:ask("/add?email=reader21@example.com"):match "%a+")
      assert.is_true(wait_until_sent())
      assert.equal(21, (select(2, members())))
    end)

    it("loses nothing to visitors who leave", function()
      start_slow()
      native.sh("touch " .. gate)
      add_behind(1, 1, 0.3)
      assert.is_true(nginx:wait_for(("[ -e %s.count ]"):format(gate)))
      add_behind(2, 2, 0.3)
      assert.is_true(asked(2))
      add_behind(3, 12)
      assert.is_true(asked(12))
      native.sh "sleep 0.5"
      os.remove(gate)
      assert.is_true(told("taken", 10))
      assert.equal(2, syncs())
      assert.is_true(wait_until_sent())
      assert.equal(12, (select(2, members())))
    end)

    it("which then fails tells all who wait, and takes others in anew", function()
      start_slow()
      native.sh("touch " .. gate)
      add_behind(1, 1)
      assert.is_true(nginx:wait_for(("[ -e %s.count ]"):format(gate)))
      add_behind(2, 10)
      assert.is_true(asked(10))
      native.sh(("touch %s.fail; rm %s"):format(gate, gate))
      assert.is_true(told("Input/output error", 10))
      os.remove(gate .. ".fail")
      assert.equal("taken", nginx:ask("/add?email=reader11@example.com"):match "%a+")
      assert.is_true(wait_until_sent())
    end)

    it("answers all of them when nginx is told to quit", function()
      start_slow()
      native.sh("touch " .. gate)
      add_behind(1, 5)
      assert.is_true(asked(5))
      local old = nginx:workers()[1]
      nginx:signal "HUP"
      assert.is_true(nginx:wait_for(("[ $(curl -s %s/status | cut -d' ' -f3) != %d ]"):format(nginx.url, old)))
      os.remove(gate)
      assert.is_true(told("taken", 5))
      assert.is_true(nginx:wait_for(("! kill -0 %d 2>/dev/null"):format(old), 5), "the old worker stays")
      assert.is_true(wait_until_sent())
      assert.equal(5, (select(2, members())))
    end)

    it("does not hold up an end by TERM for ever, nor lose what was told", function()
      start_slow()
      assert.equal("taken", nginx:ask("/add?email=reader1@example.com"):match "%a+")
      native.sh("touch " .. gate)
      add_behind(2, 3)
      assert.is_true(asked(3))
      native.sh(("(sleep 0.3; rm -f %s) &"):format(gate))
      nginx:signal "TERM"
      assert.is_true(nginx:wait_for(("[ ! -e %s/pid ]"):format(nginx.folder)))
      assert.equal("", nginx:sockets())
    end)
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
