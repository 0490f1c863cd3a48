-- lua/sendcloud/checkpoint.lua and resume.lua: bulk work that goes on after a kill.

local checkpoint = require "sendcloud.checkpoint"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"

local function boxed(options, settings)
  local box = assert(sandbox.start(settings or { seed = 42, order = "oldest" }))
  local all = { transport = "sandbox" }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(box:client(all)), box
end

local function list_of(rows, from)
  local text = { "email,n" }
  for i = from or 1, rows do
    text[#text + 1] = i % 50 == 0 and ("bad%d,%d"):format(i, i)
      or ("u%d@x.org,%d"):format(i, i)
  end
  return table.concat(text, "\n") .. "\n"
end

local function total(client)
  return client.members:list({}).total
end

local function line_count(path)
  return select(2, files.read(path):gsub("\n", ""))
end

-- Runs something that is killed, in effect, after so many calls of `core.replace`: what comes
-- behind is as if it had never been written.
local function killed(after, run)
  local core = require "sendcloud.core"
  local replace, n = core.replace, 0
  core.replace = function(...)
    n = n + 1
    if n > after then error("killed", 0) end
    return replace(...)
  end
  local ok, problem = pcall(run)
  core.replace = replace
  return not ok and problem == "killed"
end

describe("a checkpoint", function()
  after_each(files.clean)

  describe("of an import", function()
    it("lets it go on where it stopped, with the same verdicts", function()
      local source = files.write(list_of(1000), ".csv")
      for _, after in ipairs { 0, 1, 2, 3, 6, 10, 11, 12 } do
        local client, box = boxed()
        local state, rejects = files.path(), files.path ".csv"
        local options = { checkpoint = state, rejects = rejects, batch = 100, concurrency = 3 }
        local stopped = killed(after, function()
          client.members:import(source, options)
        end)
        assert.are.equal(after < 12, stopped)
        local before = #box:requests { operation = "members.upsert" }
        local report = assert(client.members:import(source, options))
        assert.is_true(report.complete)
        assert.are.equal(1000, report.rows)
        assert.are.equal(20, report.rejected)
        assert.are.equal(980, report.inserted + report.updated)
        assert.are.equal(0, report.unknown)
        assert.are.equal(10, report.batches)
        local again = #box:requests { operation = "members.upsert" } - before
        assert.is_true(before + again <= 10 + 4, before .. "+" .. again)
        assert.are.equal(980, total(client))
        assert.are.equal(21, line_count(rejects))
        -- Once more: nothing is left to do.
        local same = assert(client.members:import(source, options))
        assert.are.equal(before + again, #box:requests { operation = "members.upsert" })
        assert.are.equal(1000, same.rows)
        assert.are.equal(21, line_count(rejects))
        box:stop()
      end
    end)

    it("remembers batches that were answered out of order", function()
      local client, box = boxed()
      local source, state = files.write(list_of(400), ".csv"), files.path()
      local options = { checkpoint = state, batch = 50, concurrency = 4 }
      box:fault { operation = "members.upsert", nth = 2, delay = 20 }
      assert.is_true(killed(6, function() client.members:import(source, options) end))
      local before = #box:requests { operation = "members.upsert" }
      local report = assert(client.members:import(source, options))
      assert.are.equal(400, report.rows)
      local again = box:requests { operation = "members.upsert" }
      assert.is_true(#again - before <= 4)
      assert.truthy(again[before + 1].body:find("u51@x.org", 1, true))
      assert.are.equal(392, total(client))
    end)

    it("counts the limit over both runs", function()
      local client = boxed()
      local source, state = files.write(list_of(400), ".csv"), files.path()
      local options = { checkpoint = state, batch = 50, concurrency = 2, limit = 330 }
      assert.is_true(killed(3, function() client.members:import(source, options) end))
      assert.are.equal(330, assert(client.members:import(source, options)).rows)
    end)

    it("goes on through quotes, JSONL and transforms", function()
      local text, json = { "name,email" }, {}
      for i = 1, 200 do
        text[#text + 1] = ('"a\n""%d"" ; b",u%d@x.org'):format(i, i)
        json[#json + 1] = ('{"email":"u%d@x.org"}'):format(i)
      end
      for _, source in ipairs {
        files.write(table.concat(text, "\n"), ".csv"), files.write(table.concat(json, "\n"), ".jsonl"),
      } do
        for _, transform in ipairs { false, function(member) return member end } do
          local client = boxed()
          local options = { checkpoint = files.path(), batch = 30, concurrency = 2,
            transform = transform or nil }
          assert.is_true(killed(2, function() client.members:import(source, options) end))
          local report = assert(client.members:import(source, options))
          assert.are.equal(200, report.rows)
          assert.are.equal(200, total(client))
        end
      end
    end)

    it("starts afresh after a run that was complete, and refuses to mix runs", function()
      local client = boxed()
      local source, state = files.write(list_of(100), ".csv"), files.path()
      local function run(path, more)
        local options = { checkpoint = state, batch = 10, concurrency = 1 }
        for name, value in pairs(more or {}) do options[name] = value end
        return client.members:import(path, options)
      end
      assert.is_true(killed(3, function() run(source) end))
      for _, attempt in ipairs {
        { files.write(list_of(100), ".csv") }, { files.write(list_of(90), ".csv") },
        { source, { tag_mode = "replace" } }, { source, { batch = 20 } },
        { source, { add_tags = { "x" } } }, { source, { map = { n = false } } },
        { source, { transform = function() end } },
      } do
        local report, err = run(attempt[1], attempt[2])
        assert.is_nil(report)
        assert.are.equal("invalid", err.kind)
        assert.are.equal("checkpoint", err.parameter)
      end
      assert.are.equal(100, assert(run(source)).rows)
      assert.are.equal(100, assert(run(files.write(list_of(100), ".csv"))).rows)
      assert.are.equal(90, assert(run(files.write(list_of(90), ".csv"))).rows)
    end)

    it("needs a file, and the refused rows of before", function()
      local client = boxed()
      local state, rejects = files.path(), files.path ".csv"
      local report, err = client.members:import({ { email = "a@x.org" } }, { checkpoint = state })
      assert.is_nil(report)
      assert.are.equal("checkpoint", err.parameter)
      local source = files.write(list_of(200), ".csv")
      local options = { checkpoint = state, rejects = rejects, batch = 50, concurrency = 1 }
      assert.is_true(killed(2, function() client.members:import(source, options) end))
      os.remove(rejects)
      report, err = client.members:import(source, options)
      assert.is_nil(report)
      assert.are.equal("rejects", err.parameter)
    end)

    it("is left as it was when the service is away", function()
      local client, box = boxed { retry = false }
      local source, state = files.write(list_of(300), ".csv"), files.path()
      local options = { checkpoint = state, batch = 50, concurrency = 2 }
      local fault = box:fault { operation = "members.upsert", status = 401 }
      local report, err = client.members:import(source, options)
      assert.is_nil(report)
      assert.are.equal("auth", err.kind)
      fault:remove()
      assert.are.equal(300, assert(client.members:import(source, options)).rows)
    end)
  end)

  describe("that is no checkpoint", function()
    it("is an error, not a crash, and is not overwritten", function()
      local client = boxed()
      local source, state = files.write(list_of(100), ".csv"), files.path()
      local options = { checkpoint = state, batch = 10, concurrency = 1 }
      assert.is_true(killed(3, function() client.members:import(source, options) end))
      local good = files.read(state)
      local bad = { "", "x", "email\na@x.org\n", good .. "x", "\0\1\2", ("a"):rep(100000) }
      for cut = 1, #good - 1, 23 do bad[#bad + 1] = good:sub(1, cut) end
      for at = 1, #good, 17 do
        local byte = good:byte(at)
        bad[#bad + 1] = good:sub(1, at - 1) .. string.char(byte % 2 == 0 and byte + 1 or byte - 1)
          .. good:sub(at + 1)
      end
      for _, text in ipairs(bad) do
        local file = assert(io.open(state, "wb"))
        file:write(text)
        file:close()
        for _, run in ipairs { "import", "export" } do
          local report, err
          if run == "import" then
            report, err = client.members:import(source, options)
          else
            report, err = client.members:export(files.path(), { checkpoint = state })
          end
          assert.is_nil(report)
          assert.are.equal("invalid", err.kind)
          assert.are.equal("checkpoint", err.parameter)
          assert.truthy(err.message:find(state, 1, true))
        end
        assert.are.equal(text, files.read(state))
      end
      local report, err = client.members:import(source, { checkpoint = "/tmp" })
      assert.is_nil(report)
      assert.are.equal("checkpoint", err.parameter)
    end)

    it("cannot be the other kind of run's", function()
      local client = boxed()
      local source, state = files.write(list_of(100), ".csv"), files.path()
      assert.is_true(killed(1, function()
        client.members:import(source, { checkpoint = state, batch = 10 })
      end))
      local report, err = client.members:export(files.path(), { checkpoint = state })
      assert.is_nil(report)
      assert.truthy(err.message:find("another kind", 1, true))
    end)
  end)

  it("keeps digests that look like numbers", function()
    local path = files.path()
    local same = { job = "import", input = "7", options = "00000000000001e5" }
    assert(checkpoint.write(path, { job = "import", input = "7", options = "00000000000001e5",
      rows = 12, seconds = 0.5 }))
    local found = assert(checkpoint.read(path))
    assert.is_true(checkpoint.same(path, found, same, {}))
    assert.are.equal(12, found.rows)
    assert.are.equal(0.5, found.seconds)
  end)

  it("tells options apart", function()
    local seen = {}
    for _, options in ipairs {
      {}, { a = 1 }, { a = "1" }, { a = true }, { a = {} }, { a = { 1 } }, { a = { "1" } }, { b = 1 },
      { a = 1, b = 2 },
    } do
      local print = checkpoint.fingerprint(options)
      assert.is_nil(seen[print])
      assert.are.equal(print, checkpoint.fingerprint(options))
      seen[print] = true
    end
  end)

  describe("of an export", function()
    -- Every page is a checkpoint here.
    local core = require "sendcloud.core"
    local now = core.now
    before_each(function()
      local time = 0
      core.now = function()
        time = time + 10
        return time
      end
    end)
    after_each(function() core.now = now end)

    it("lets it go on where it stopped", function()
      local client, box = boxed { concurrency = 2 }
      local list = {}
      for i = 1, 450 do
        list[i] = { email = ("u%d@x.org"):format(i), fields = { n = i, late = i > 300 and i or nil } }
      end
      assert(client.members:import(list))
      for _, ending in ipairs { ".csv", ".jsonl" } do
        local wanted = files.path(ending)
        assert(client.members:export(wanted))
        for _, after in ipairs { 0, 2, 5, 6, 7, 8 } do
          local path, state = files.path(ending), files.path()
          local options = { checkpoint = state }
          local stopped = killed(after, function() client.members:export(path, options) end)
          assert.are.equal(after < 8, stopped)
          local before = #box:requests { operation = "members.list" }
          local report = assert(client.members:export(path, options))
          local again = #box:requests { operation = "members.list" } - before
          assert.is_true(again <= math.max(0, 5 - after + 1), after .. ": " .. again)
          assert.are.equal(450, report.rows)
          assert.is_true(report.complete)
          assert.is_true(files.read(wanted) == files.read(path))
          assert.is_true(files.read(path .. ".part") == nil)
          assert.is_true(files.read(state .. ".ids") == nil)
          assert.are.equal(450, assert(client.members:export(path, options)).rows)
        end
      end
    end)

    it("leaves out what was written before the kill and comes again", function()
      local client = boxed({ concurrency = 1 }, { seed = 1, order = "newest" })
      local list = {}
      for i = 1, 500 do list[i] = { email = ("u%d@x.org"):format(i) } end
      assert(client.members:import(list))
      local path, state = files.path ".csv", files.path()
      assert.is_true(killed(2, function()
        client.members:export(path, { checkpoint = state })
      end))
      local more = {}
      for i = 1, 60 do more[i] = { email = ("new%d@x.org"):format(i) } end
      assert(client.members:upsert(more))
      local report = assert(client.members:export(path, { checkpoint = state }))
      assert.is_true(report.duplicates >= 60)
      assert.are.equal(500, report.rows)
      assert.are.equal(501, line_count(path))
    end)

    it("refuses other members, other options, another file", function()
      local client = boxed { concurrency = 1 }
      local list = {}
      for i = 1, 300 do list[i] = { email = ("u%d@x.org"):format(i) } end
      assert(client.members:import(list))
      local path, state = files.path ".csv", files.path()
      assert.is_true(killed(1, function() client.members:export(path, { checkpoint = state }) end))
      local where = require("sendcloud").where
      for _, attempt in ipairs {
        { path, { where = where.Email:contains "u1" } }, { path, { columns = { "email" } } },
        { path, { spreadsheet = true } }, { files.path ".csv", {} }, { path, { limit = 7 } },
      } do
        attempt[2].checkpoint = state
        local report, err = client.members:export(attempt[1], attempt[2])
        assert.is_nil(report)
        assert.are.equal("checkpoint", err.parameter)
      end
      assert.are.equal(300, assert(client.members:export(path, { checkpoint = state })).rows)
    end)
  end)
end)
