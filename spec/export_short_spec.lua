-- Pages of an export go a short way where libcurl carries them and nobody listens. What comes of
-- that must be what comes of the pipeline, which a listener makes them go through.

local core = require "sendcloud.core"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"
local ways = require "spec.support.ways"

local FAULTS = ways.faults {
  { status = 200, body = '{"list":[{"id":"1"},' }, { truncate = 2000 },
}

for _, provider in ipairs { "sendcloud", "engagelab" } do
  describe("an export over HTTP, " .. provider, function()
    local box

    setup(function()
      box = assert(sandbox.start { port = 0 })
      local client, list = assert(box:client { provider = provider }), {}
      for i = 1, 730 do
        list[i] = { email = ("u%d@b.example"):format(i), name = "甲 \"" .. i, fields = { n = i } }
      end
      assert(client.members:import(list))
      client:close()
    end)

    teardown(function() box:stop() end)
    after_each(files.clean)

    -- What it comes to: the report, the text, what went wrong.
    local function result(listens, options, export)
      local given = { provider = provider, on_event = listens and function() end or nil }
      for name, value in pairs(options) do given[name] = value end
      local client, path = assert(box:client(given)), files.path(export.ending or ".csv")
      local report, err = client.members:export(path, export)
      client:close()
      local seen, text = report or err.report, files.read(path)
      seen.seconds = nil
      return {
        report = seen, text = text and core.digest(text), left = files.read(path .. ".part"),
        kind = err and err.kind, status = err and err.status, attempts = err and err.attempts,
        message = err and err.message, parameter = err and err.parameter, code = err and err.code,
      }
    end

    local function same(options, export, fault)
      return ways.same(box, fault, result, options, export)
    end

    for _, width in ipairs { 1, 6 } do
      it(("is the same, %d at a time"):format(width), function()
        for _, format in ipairs { "csv", "jsonl" } do
          local seen = same({}, { concurrency = width, format = format })
          assert.equal(730, seen.report.rows)
          assert.equal(8, seen.report.requests)
        end
        same({}, { concurrency = width, limit = 250 })
        assert.equal(730, same({ rate = 2000 }, { concurrency = width }).report.rows)
      end)
    end

    for _, fault in ipairs(FAULTS) do
      local rule, name = ways.rule("members.list", fault, 4)
      it("fails as ever: " .. name, function()
        same({ retry = false }, { concurrency = 1 }, rule)
      end)

      it("is tried again as ever: " .. name, function()
        same({ retry = { attempts = 3, base = 0.001, cap = 0.001 } }, { concurrency = 1 }, rule)
      end)

      -- Which of several pages it strikes, and whether that was kept to be read later, is chance.
      it("ends well or not at all, 6 at a time: " .. name, function()
        local wanted = result(false, {}, { concurrency = 6 })
        local struck = box:fault(rule)
        local seen = result(false, { retry = { attempts = 3, base = 0.001, cap = 0.001 } },
          { concurrency = 6 })
        struck:remove()
        assert.is_nil(seen.left)
        assert.equal(not seen.kind and wanted.text or nil, seen.text)
        assert.equal(not seen.kind, seen.report.complete)
      end)
    end

    it("keeps its pace after it was told to", function()
      local rule = box:fault { operation = "members.list", nth = 3, status = 429, retry_after = 0 }
      local seen = result(false, {}, { concurrency = 2 })
      rule:remove()
      assert.equal(730, seen.report.rows)
      assert.equal(1, seen.report.retries)
    end)

    it("ends when the client is closed meanwhile", function()
      for _, width in ipairs { 1, 3 } do
        local client, path = assert(box:client { provider = provider }), files.path ".csv"
        local rule = box:fault { operation = "members.list", nth = 3, delay = 5 }
        local _, failures = client:parallel {
          function() return client.members:export(path, { concurrency = width }) end,
          function()
            while rule:fired() == 0 do client.members:get("62974a5e490f33c5eee647a2") end
            client:close()
          end,
        }
        rule:remove()
        assert.truthy(failures[1].kind == "cancelled" or failures[1].kind == "closed")
        assert.is_nil(files.read(path))
        assert.is_nil(files.read(path .. ".part"))
      end
    end)
  end)
end
