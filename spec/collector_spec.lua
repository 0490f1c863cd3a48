-- lua/sendcloud/collector: what was taken in is sent, once it can be, and nothing is lost.

local collector = require "sendcloud.collector"
local core = require "sendcloud.core"
local files = require "spec.support.files"
local native = require "spec.support.native"
local sandbox = require "sendcloud.sandbox"

local box, client, folder, open, said

local function new(options)
  local given = {
    client = client, journal = folder, sync = "interval",
    log = function(text) said[#said + 1] = text end,
  }
  for name, value in pairs(options or {}) do given[name] = value end
  local made = assert(collector.new(given))
  open[#open + 1] = made
  return made
end

local function upserts() return #box:requests { operation = "members.upsert" } end

-- All members by address.
local function members()
  local found = {}
  for member in client.members:each {} do found[member.email] = member end
  return found
end

local function count(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end

-- Names in the folder that match.
local function names(pattern)
  local list = {}
  for name in pairs(core.folder(folder) or {}) do
    if name:find(pattern) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function letters()
  local list, any = {}, core.shape { type = "any" }
  for line in (files.read(folder .. "/refused.jsonl") or ""):gmatch "[^\n]+" do
    list[#list + 1] = assert(any:read(line))
  end
  return list
end

describe("a collector", function()
  before_each(function()
    box = sandbox.start { seed = 1 }
    client = box:client { transport = "sandbox", retry = { attempts = 2 } }
    folder, open, said = files.path(), {}, {}
  end)
  after_each(function()
    for _, made in ipairs(open) do made:close() end
    client:close()
    box:stop()
    native.sh("rm -rf " .. folder)
  end)

  it("sends what was added in requests of a batch", function()
    local made = new { batch = 100 }
    for index = 1, 250 do assert.is_true(made:add { email = ("r%d@example.com"):format(index) }) end
    assert.equal(0, upserts())
    local report = assert(made:flush())
    assert.same({ sent = 250, refused = 0, requests = 3 }, report)
    assert.equal(3, upserts())
    assert.equal(250, count(members()))
    assert.equal(0, made:status().waiting)
    assert.same({ sent = 0, refused = 0, requests = 0 }, made:flush())
    made:close()
    made:close()
    local again = new()
    again:flush()
    assert.same({}, names "%.journal")
  end)

  it("opens nothing before it is used", function()
    local made = new()
    assert.is_nil((core.folder(folder)))
    assert.equal(0, made:status().waiting)
    assert.equal(("sendcloud collector (%s)"):format(folder), tostring(made))
  end)

  it("keeps its files to their owner, and holds no credential", function()
    local made = new()
    made:add { email = "a@example.com" }
    made:flush()
    local pipe = io.popen(("stat -c '%%a %%n' %s %s/*"):format(folder, folder))
    for line in pipe:lines() do assert.truthy(line:find "^[67]00 ", line) end
    pipe:close()
    for name in pairs(core.folder(folder)) do
      assert.is_nil(files.read(folder .. "/" .. name):find(box.api_key, 1, true))
    end
  end)

  it("refuses what an upsert would, and writes none of it", function()
    local made = new()
    for parameter, contact in pairs {
      email = { name = "nobody" }, emial = { emial = "a@b.c" }, name = { email = "a@b.c", name = "\255" },
      ["tags[1]"] = { email = "a@b.c", tags = { ("x"):rep(65) } },
      ["fields.n"] = { email = "a@b.c", fields = { n = 0 / 0 } },
    } do
      local ok, err = made:add(contact)
      assert.is_nil(ok)
      assert.equal("invalid", err.kind)
      assert.equal(parameter, err.parameter, tostring(err))
      assert.equal("not_sent", err.outcome)
    end
    local _, err = made:add { email = "a@b.c", name = ("x"):rep(70000) }
    assert.truthy(tostring(err):find "at most 65536 bytes")
    assert.is_nil((core.folder(folder)))
    assert.has_error(function() made:add "a@b.c" end)
    assert.has_error(function() made.add { email = "a@b.c" } end)
  end)

  it("makes one of the contacts of an address", function()
    local made = new()
    made:add { email = "Li@example.com", name = "Lei", phone = "1", fields = { a = 1, b = 2 }, tags = { "x" } }
    made:add { email = "other@example.com" }
    made:add { email = "li@EXAMPLE.com", name = "Li Lei", fields = { b = 12.0, c = true }, tags = { "y", "x" } }
    assert.equal(2, assert(made:flush()).sent)
    local member = members()["li@EXAMPLE.com"] or members()["li@example.com"]
    assert.equal("Li Lei", member.name)
    assert.equal("1", member.phone)
    assert.same({ a = "1", b = "12", c = "true" }, member.fields)
    table.sort(member.tag_names)
    assert.same({ "x", "y" }, member.tag_names)
  end)

  it("sends in the order of adding, whichever process added", function()
    local first, second = new { batch = 2 }, new { batch = 2 }
    for index = 1, 20 do
      local made = index % 2 == 0 and first or second
      made:add { email = "same@example.com", name = "n" .. index }
      made:add { email = ("r%d@example.com"):format(index) }
    end
    assert.equal(21, first:flush().sent)
    assert.equal("n20", members()["same@example.com"].name)
  end)

  it("is drained by one process at a time", function()
    local first, second = new(), new()
    first:add { email = "a@example.com" }
    second:add { email = "b@example.com" }
    assert(first:flush())
    assert.equal(2, count(members()))
    local report, err = second:flush()
    assert.is_nil(report)
    assert.equal("conflict", err.kind)
    assert.is_true(first:status().sending)
    assert.is_false(second:status().sending)
    first:close()
    assert(second:flush())
  end)

  it("goes on where a killed process stopped", function()
    local made = new { batch = 10 }
    for index = 1, 30 do made:add { email = ("r%d@example.com"):format(index) } end
    box:fault { operation = "members.upsert", nth = 3, status = 401, times = 1 }
    local report, err = made:flush()
    assert.is_nil(report)
    assert.equal("auth", err.kind)
    assert.equal(20, err.report.sent)
    made:close() -- as a kill would
    assert.same({ sent = 10, refused = 0, requests = 1 }, new():flush())
    assert.equal(30, count(members()))
  end)

  it("keeps what the service cannot take just now, and tops the request up", function()
    local made = new { batch = 10, retry = { base = 1, cap = 8 } }
    box:fault { operation = "members.upsert", status = 503, times = 4 }
    box:fault { operation = "members.upsert", nth = 5, status = 429, retry_after = 30 }
    local began = 0
    local ends = made:run(function()
      began = began + 1
      if began <= 20 then made:add { email = ("r%d@example.com"):format(began) } end
      return upserts() >= 7 and made:status().waiting == 0
    end)
    assert.is_true(ends)
    assert.equal(7, upserts())
    assert.equal(20, count(members()))
    assert.truthy(said[1]:find("tried again in", 1, true), said[1])
    assert.equal(0, made:status().failures)
  end)

  it("does not stand still on a clock that comes short of what was waited", function()
    local clock, requests = 0, 0
    local transport = { close = function() end, now = function() return clock end }
    function transport:time() return 0 end
    function transport:sleep(seconds)
      if seconds > 1e-9 then clock = clock + seconds - 1e-10 end
      return true
    end
    function transport:send()
      requests = requests + 1
      if requests < 3 then return { status = 503, headers = {} } end
      return { status = 200, headers = {}, body = '{"totalInserted":1,"totalUpdated":0,"errorCount":0}' }
    end
    local slow = assert(require("sendcloud").new { api_user = "u", api_key = "k", transport = transport })
    local made, turns = new { client = slow }, 0
    made:add { email = "a@example.com" }
    assert.is_true(made:run(function()
      turns = turns + 1
      return turns > 1000 or made:status().sent == 1
    end))
    assert.equal(1, made:status().sent)
    slow:close()
  end)

  it("gives up a flush when its time is over, and loses nothing", function()
    local made = new()
    made:add { email = "a@example.com" }
    box:fault { operation = "members.upsert", status = 500 }
    local report, err = made:flush(20)
    assert.is_nil(report)
    assert.equal("server", err.kind)
    assert.equal(0, err.report.sent)
    assert.is_true(err.report.requests > 1)
    assert.equal(err.kind, made:status().err.kind)
    box:reset()
    assert.equal(1, assert(made:flush()).sent)
  end)

  it("writes down whom the service refuses, and why", function()
    local made = new { batch = 100 }
    for index = 1, 50 do
      made:add { email = index % 10 == 0 and ("no-address-%d"):format(index) or ("r%d@x.org"):format(index) }
    end
    local report = assert(made:flush())
    assert.same({ sent = 45, refused = 5, requests = 1 }, report)
    local list = letters()
    assert.equal(5, #list)
    assert.equal("no-address-10", list[1].contact.email)
    assert.is_string(list[1].reason)
    assert.is_number(list[1].time)
    assert.truthy(said[1]:find "5 contacts were refused")
  end)

  it("halves a request that is refused as a whole until the bad stand alone", function()
    local seen = 0
    client:close()
    client = assert(require("sendcloud").new {
      api_user = "u", api_key = "k",
      transport = function(request)
        seen = seen + 1
        if request.body:find "bad" then return { status = 400, body = "bad one" } end
        local _, n = request.body:gsub('"email"', "")
        return { status = 200, body = ('{"totalInserted":%d,"totalUpdated":0,"errorCount":0}'):format(n) }
      end,
    })
    local made = new()
    for index = 1, 64 do
      made:add { email = (index == 7 or index == 40) and index .. "bad@x.org" or index .. "@x.org" }
    end
    local report = assert(made:flush())
    assert.equal(62, report.sent)
    assert.equal(2, report.refused)
    assert.equal(seen, report.requests)
    assert.is_true(seen <= 1 + 4 * 6)
    assert.equal("7bad@x.org", letters()[1].contact.email)
    assert.equal("bad one", letters()[1].reason)
  end)

  it("says so when the journal is full, and takes more when it was sent", function()
    local made = new { max_bytes = 65536 }
    local taken, err = 0
    repeat
      local ok
      ok, err = made:add { email = ("r%d@example.com"):format(taken), name = ("n"):rep(200) }
      taken = taken + (ok and 1 or 0)
    until not ok
    assert.equal("rate_limited", err.kind)
    assert.is_true(err.retry_after > 0)
    assert.is_true(taken > 150 and taken < 300)
    assert.equal(taken, assert(made:flush()).sent)
    made:close()
    local again = new { max_bytes = 65536 }
    assert.is_true(again:add { email = "last@example.com" })
    assert(again:flush())
    assert.equal(taken + 1, count(members()))
  end)

  it("recovers what is whole of a damaged file and keeps the file", function()
    local made = new()
    for index = 1, 10 do made:add { email = ("r%d@example.com"):format(index) } end
    made:close()
    local name = names "%.journal$"[1]
    local file = assert(io.open(folder .. "/" .. name, "r+b"))
    file:seek("set", 16 + 3 * 50) -- somewhere in the fourth
    file:write "\0\0\0\0"
    file:close()
    local again = new { batch = 5 }
    assert.equal(9, assert(again:flush()).sent)
    assert.same({ name .. ".damaged" }, names "%.damaged$")
    assert.same({}, names "%.journal$")
    assert.truthy(table.concat(said, "\n"):find("no entry", 1, true))
  end)

  it("sends what hundreds of short lives left", function()
    core.make_folder(folder)
    for index = 1, 600 do
      local writer = assert(core.journal_writer(folder, ("%016x-1-1.journal"):format(index)))
      writer:append(('{"email":"r%d@example.com","name":"n%d"}'):format(index % 500, index), index)
      writer:close()
    end
    assert.same({ sent = 500, refused = 0, requests = 1 }, new():flush())
    assert.equal("n550", members()["r50@example.com"].name)
    assert.same({}, names "%.journal$")
  end)

  it("leaves alone what is not its own", function()
    core.make_folder(folder)
    local function put(name, text)
      local file = assert(io.open(folder .. "/" .. name, "wb"))
      file:write(text)
      file:close()
    end
    put("mine.journal", "a diary\n")
    put("empty.journal", "")
    put("x.journal.new", "")
    put("0006000000000000-7-1.journal", "") -- the machine died before its first sync
    put("acknowledged", "nonsense")
    local writer = assert(core.journal_writer(folder, "other.journal"))
    for _, text in ipairs { "not JSON", "[1]", '{"email":7}' } do writer:append(text, 1) end
    writer:close()
    local made = new()
    made:add { email = "a@example.com" }
    assert.same({ sent = 1, refused = 3, requests = 1 }, made:flush())
    assert.equal("a diary\n", files.read(folder .. "/mine.journal"))
    assert.equal("", files.read(folder .. "/empty.journal"))
    assert.equal("nonsense", files.read(folder .. "/acknowledged.damaged"))
    assert.is_nil(files.read(folder .. "/x.journal.new"))
    assert.is_nil(files.read(folder .. "/0006000000000000-7-1.journal"))
    assert.equal("not JSON", letters()[1].text)
    assert.equal("not a contact", letters()[1].reason)
    local told = #said
    made:flush()
    assert.equal(told, #said) -- once
  end)

  it("says what is wrong with its options", function()
    for parameter, options in pairs {
      journl = { journl = "x" }, sync = { sync = "never" }, batch = { batch = 1001 }, age = { age = "1" },
      max_bytes = { max_bytes = 1 }, retry = { retry = { bas = 1 } }, tag_mode = { tag_mode = "add" },
      journal = { journal = "" }, log = { log = 1 }, client = { client = {} },
      update_existing = { update_existing = 1 }, batch_bytes = { batch_bytes = 0 },
    } do
      if not options.client then options.client = client end
      if options.journal == nil then options.journal = folder end
      local made, err = collector.new(options)
      assert.is_nil(made, parameter)
      assert.equal("config", err.kind)
      assert.equal(parameter, err.parameter, tostring(err))
    end
    local _, err = collector.new { client = client, journl = folder }
    assert.truthy(tostring(err):find('did you mean "journal"', 1, true))
    _, err = collector.new { client = client }
    assert.equal("journal", err.parameter)
    assert.has_error(function() collector.new() end)
    assert.has_error(function() collector:new {} end)
  end)

  it("says what is wrong with its folder", function()
    local made = new { journal = "/proc/none/x" }
    local ok, err = made:add { email = "a@example.com" }
    assert.is_nil(ok)
    assert.equal("config", err.kind)
    assert.truthy(tostring(err):find("/proc/none/x", 1, true))
    ok, err = made:flush()
    assert.is_nil(ok)
    assert.equal("config", err.kind)
    ok, err = made:start()
    assert.is_nil(ok)
    assert.equal("unsupported", err.kind)
  end)

  it("sends what waits for one account to no other", function()
    local made = new()
    made:add { email = "a@example.com" }
    made:flush()
    made:add { email = "b@example.com" }
    made:close()
    local other = assert(require("sendcloud").new {
      api_user = "somebody_else", api_key = "k", transport = function() error "no request" end,
    })
    local wrong = new { client = other }
    local report, err = wrong:flush()
    assert.is_nil(report)
    assert.equal("config", err.kind)
    assert.truthy(tostring(err):find "another account")
    other:close()
    assert.equal(1, assert(new():flush()).sent)
  end)

  it("ends with its client, and when it is closed", function()
    local made = new()
    made:add { email = "a@example.com" }
    made:close()
    for _, call in ipairs { "flush", "run", "start" } do
      local ok, err = made[call](made)
      assert.is_nil(ok)
      assert.equal("closed", err.kind)
    end
    assert.equal("closed", select(2, made:add { email = "a@example.com" }).kind)
    local other = new()
    client:close()
    local ok, err = other:run()
    assert.is_nil(ok)
    assert.equal("closed", err.kind)
    assert.is_false(other:status().sending)
    assert.is_true(other:add { email = "b@example.com" })
  end)

  it("loses nothing that it accepted when it is killed at random moments", function()
    local lua = native.runtime()
    local pipe = io.popen(lua .. " spec/soak/collector_kill.lua 4 1 2>&1")
    local outcome = pipe:read "*a"
    pipe:close()
    assert.truthy(outcome:find("accepted, %d+ sent at last, 0 missing, 0 stale"), outcome)
  end)

  it("adds to a file of its own after a fork", function()
    local made = new()
    made:add { email = "parent@example.com" }
    assert.is_true(native.fork(function() return made:add { email = "child@example.com" } == true end))
    made:add { email = "parent2@example.com" }
    assert.equal(2, #names "%.journal$")
    assert.equal(3, assert(made:flush()).sent)
    assert.equal(3, count(members()))
  end)

  for _, policy in ipairs { "always", "interval" } do
    it("takes contacts in with the policy " .. policy, function()
      local made = new { sync = policy, sync_interval = 0.001 }
      for index = 1, 20 do assert.is_true(made:add { email = ("r%d@example.com"):format(index) }) end
      assert.equal(20, assert(made:flush()).sent)
    end)
  end
end)
