-- lua/sendcloud/import.lua: how many requests are on their way at a time.

local core = require "sendcloud.core"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"

local ROWS, BATCH = 400, 10

local function list()
  local text = { "email" }
  for i = 1, ROWS do text[#text + 1] = ("u%d@x.org"):format(i) end
  return files.write(table.concat(text, "\n"))
end

-- Imports the list; returns how many batches were made to hold requests, and the seconds of the
-- sandbox's clock. `on_row` is called with the number of each row.
local function import(box, on_row)
  local client = assert(box:client { transport = "sandbox", concurrency = 8 })
  local made, real, before = 0, core.batch, box:time()
  core.batch = function()
    made = made + 1
    return real()
  end
  local row = 0
  local ok, report, err = pcall(client.members.import, client.members, list(), {
    batch = BATCH, transform = function(member)
      row = row + 1
      if on_row then on_row(row) end
      return member
    end,
  })
  core.batch = real
  assert(ok, report)
  assert(report, err)
  assert.are.equal(ROWS, report.inserted)
  return made, box:time() - before
end

describe("requests of an import", function()
  local box
  before_each(function() box = assert(sandbox.start { seed = 7 }) end)
  after_each(function() box:stop() end)

  it("are few where answers come at once", function()
    local made = import(box)
    assert.is_true(made <= 3, made)
  end)

  it("are as many as allowed where answers take their time", function()
    box:fault { operation = "members.upsert", delay = 1 }
    local made, seconds = import(box)
    assert.are.equal(9, made)
    assert.near(ROWS / BATCH / 8, seconds, 0.5)
  end)

  it("do not wait for one that is late", function()
    box:fault { operation = "members.upsert", nth = 3, delay = 20 }
    local made, seconds = import(box)
    assert.is_true(made <= 4, made)
    assert.near(20, seconds, 0.5)
    assert.are.equal(ROWS / BATCH, #box:requests { operation = "members.upsert" })
  end)

  it("become more when answers begin to take their time", function()
    local _, seconds = import(box, function(row)
      if row == ROWS / 5 then box:fault { operation = "members.upsert", delay = 1 } end
    end)
    assert.is_true(seconds < ROWS / BATCH * 0.8 / 8 + 2, seconds)
  end)
end)
