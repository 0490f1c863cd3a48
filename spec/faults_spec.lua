-- Every place where a call can fail, for every operation of both providers: what kind of error it
-- is, whether the service can have acted, and how often it was asked.

local sandbox = require "sendcloud.sandbox"
local sendcloud = require "sendcloud"

local where = sendcloud.where

-- Operations and what to call them with; `is` holds ids of what is there.
local function operations(is)
  local condition = where.Email:contains("example")
  return {
    ["members.upsert"] = { members = { { email = "new@x.example" } } },
    ["members.delete"] = { id = is.member },
    ["members.delete_where"] = { where = condition },
    ["members.update"] = { id = is.member, name = "x" },
    ["members.get"] = { id = is.member },
    ["members.list"] = { where = condition },
    ["tags.create"] = { name = "made" },
    ["tags.delete"] = { id = is.tag },
    ["tags.update"] = { id = is.tag, name = "renamed" },
    ["tags.list"] = {},
    ["tags.add"] = { id = is.tag, member_ids = { is.member } },
    ["tags.remove"] = { id = is.tag, member_ids = { is.member } },
    ["tags.members"] = { id = is.tag },
    ["segments.create"] = { name = "made", where = condition },
    ["segments.delete"] = { id = is.segment },
    ["segments.update"] = { id = is.segment, name = "renamed", where = condition },
    ["segments.get"] = { id = is.segment },
    ["segments.list"] = {},
    ["segments.progress"] = { id = is.segment },
    ["segments.members"] = { id = is.segment },
    ["segments.remove_members"] = { id = is.segment, member_ids = { is.member } },
  }
end

-- place, fault, kind, outcome of a write, attempts of a read, a convergent and an additive write
local PLACES = {
  { "no connection", { reset = "connect" }, "network", "not_sent", 5, 5, 5 },
  { "reset before the change", { reset = "before" }, "network", "unknown", 5, 5, 1 },
  { "reset after the change", { reset = "after" }, "network", "unknown", 5, 5, 1 },
  { "no answer in time", { delay = 60 }, "timeout", "unknown", 5, 5, 1 },
  { "400", { status = 400 }, "rejected", "rejected", 1, 1, 1 },
  { "401", { status = 401 }, "auth", "rejected", 1, 1, 1 },
  { "404", { status = 404 }, "not_found", "rejected", 1, 1, 1 },
  { "408", { status = 408 }, "timeout", "rejected", 5, 5, 5 },
  { "409", { status = 409 }, "conflict", "rejected", 1, 1, 1 },
  { "429", { status = 429, retry_after = 2 }, "rate_limited", "rejected", 5, 5, 5 },
  { "429 for longer than the deadline", { status = 429, retry_after = 1000 }, "rate_limited",
    "rejected", 1, 1, 1 },
  { "500", { status = 500 }, "server", "unknown", 5, 5, 1 },
  { "502", { status = 502 }, "server", "unknown", 5, 5, 5 },
  { "503", { status = 503 }, "server", "rejected", 5, 5, 5 },
  { "504", { status = 504, html = true }, "server", "unknown", 5, 5, 5 },
  { "an error under 200", { error_body = 401 }, "auth", "rejected", 1, 1, 1 },
}
local CLASSES = { read = 5, convergent = 6, additive = 7 }

local function setting(provider, options)
  local box = assert(sandbox.start { seed = 1 })
  local all = { provider = provider, transport = "sandbox" }
  for name, value in pairs(options or {}) do all[name] = value end
  local client = assert(box:client(all))
  local maker = assert(box:client { transport = "sandbox" })
  local report = assert(maker.members:upsert { { email = "there@x.example" } })
  local is = {
    member = report.inserted[1].id,
    tag = assert(maker.tags:create("there")).id,
    segment = assert(maker.segments:create { name = "there",
      where = where.Email:contains("x") }).id,
  }
  -- Requests of an operation since the setting was made.
  local before = {}
  local function asked(operation)
    return #box:requests { operation = operation } - (before[operation] or 0)
  end
  for _, operation in ipairs { "members.upsert", "tags.create", "segments.create" } do
    before[operation] = asked(operation)
  end
  return box, client, is, maker, asked
end

for _, provider in ipairs { "sendcloud", "engagelab" } do
  local rows = require("sendcloud.provider." .. provider).operations
  for operation, row in pairs(rows) do
    describe(provider .. " " .. operation .. " fails", function()
      for _, place in ipairs(PLACES) do
        it("with " .. place[1], function()
          local box, client, is, _, asked = setting(provider, { deadline = 600 })
          local rule = { operation = operation }
          for name, value in pairs(place[2]) do rule[name] = value end
          box:fault(rule)
          local result, err = client:call(operation, operations(is)[operation])
          assert.is_nil(result)
          local outcome = row.class ~= "read" and place[4] or nil
          local attempts = place[CLASSES[row.class]]
          if place[1] == "404" and row.fallback_path then attempts = 2 end
          assert.same({ place[3], outcome, attempts, operation },
            { err.kind, err.outcome, err.attempts, err.operation })
          assert.equal(err.attempts, asked(operation))
          box:stop()
        end)
      end
    end)

    describe(provider .. " " .. operation, function()
      it("succeeds after a fault that passes", function()
        for _, fault in ipairs { { reset = "connect" }, { status = 503 },
          { status = 429, retry_after = 30 } } do
          local box, client, is, _, asked = setting(provider)
          fault.operation, fault.nth = operation, 1
          box:fault(fault)
          assert(client:call(operation, operations(is)[operation]))
          assert.equal(2, asked(operation))
          box:stop()
        end
      end)

      if row.class ~= "additive" then
        it("succeeds when only the answer was lost", function()
          local box, client, is, _, asked = setting(provider)
          box:fault { operation = operation, nth = 1, reset = "after" }
          assert(client:call(operation, operations(is)[operation]))
          assert.equal(2, asked(operation))
          box:stop()
        end)
      end
    end)
  end
end

describe("what must happen once", function()
  local function count(page)
    return assert(page).total
  end

  for _, transport in ipairs { "sandbox", "curl" } do
    it("happens once when the answer is lost, over " .. transport, function()
      local options = transport == "sandbox" and { transport = "sandbox" } or {}
      options.retry = { base = 0, cap = 0 }
      local box, _, _, maker = setting("sendcloud")
      local client = assert(box:client(options))
      assert(client.tags:list()) -- a connection that is kept
      box:fault { operation = "tags.create", times = 1, reset = "after" }
      box:fault { operation = "segments.create", times = 1, reset = "after" }
      box:fault { operation = "members.delete_where", times = 1, reset = "after" }
      box:fault { operation = "tags.delete", times = 1, reset = "after" }

      local tag, err = client.tags:create("once")
      assert.is_nil(tag)
      assert.same({ "network", "unknown", 1 }, { err.kind, err.outcome, err.attempts })
      assert.equal(1, count(maker.tags:list { name = "once" }))
      assert.is_true(client.tags:delete(assert(client.tags:find("once")).id))
      assert.equal(2, #box:requests { operation = "tags.delete" })

      local _, segment_err = client.segments:create { name = "once", where = where.Email:ne("x") }
      assert.equal("unknown", segment_err.outcome)
      assert.equal(1, count(maker.segments:list { name = "once" }))

      local _, delete_err = client.members:delete_where(where.Email:contains("there"))
      assert.equal("unknown", delete_err.outcome)
      assert.equal(1, #box:requests { operation = "members.delete_where" })
      client:close()
      box:stop()
    end)

    it("is found again where that is wanted, over " .. transport, function()
      local options = transport == "sandbox" and { transport = "sandbox" } or {}
      options.retry = { base = 0, cap = 0 }
      local box, _, _, maker = setting("sendcloud")
      local client = assert(box:client(options))
      for _, operation in ipairs { "tags.create", "segments.create" } do
        box:fault { operation = operation, times = 1, reset = "after" }
      end
      assert.truthy(assert(client.tags:ensure("once")).id)
      local made = assert(client.segments:create({ name = "once", where = where.Email:ne("x") },
        { reconcile = true }))
      assert.equal("once", made.name)
      assert.equal(1, count(maker.tags:list { name = "once" }))
      assert.equal(1, count(maker.segments:list { name = "once" }))
      client:close()
      box:stop()
    end)
  end

  it("would happen twice with a client that just repeats", function()
    local box, client, _, maker = setting("sendcloud")
    box:fault { operation = "segments.create", times = 1, reset = "after" }
    assert(client:request {
      method = "POST", path = "/marketing/lists/segments", class = "convergent",
      body = { segmentName = "twice", type = 0, condition = { relation = "and", items = {
        { fieldName = "Email", op = "!=", value = "x" } } } },
    })
    assert.equal(2, count(maker.segments:list { name = "twice" }))
    box:stop()
  end)
end)
