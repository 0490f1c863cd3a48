-- A call by an id goes a short way where libcurl carries it and nobody listens. What it comes to
-- must be what the pipeline comes to, which a listener makes it go through.

local sandbox = require "sendcloud.sandbox"
local ways = require "spec.support.ways"

local FAULTS = ways.faults {
  { status = 404 }, { status = 429, retry_after = 0 }, { truncate = 20 },
  { status = 200, body = "[1" }, { status = 200, body = '{"email":"a@b.example"}' },
}

local function shown(value, err)
  if value then return { id = value.id, email = value.email, methods = value.delete ~= nil } end
  return { kind = err.kind, status = err.status, outcome = err.outcome, attempts = err.attempts,
    message = err.message, code = err.code, parameter = err.parameter, operation = err.operation }
end

for _, provider in ipairs { "sendcloud", "engagelab" } do
  describe("a call by an id, " .. provider, function()
    local box, id

    setup(function()
      box = assert(sandbox.start { port = 0 })
      local client = assert(box:client { provider = provider })
      assert(client.members:upsert { { email = "a@b.example", name = "甲" } })
      id = client.members:list {}[1].id
      client:close()
    end)

    teardown(function() box:stop() end)

    -- What a call comes to.
    local function result(listens, options, wanted)
      options.provider = provider
      options.on_event = listens and function() end or nil
      local client = assert(box:client(options))
      local seen = shown(client.members:get(wanted or id))
      client:close()
      return seen
    end

    local function same(options, wanted, fault)
      return ways.same(box, fault, result, options, wanted)
    end

    it("gives the record", function()
      local seen, requests = same({})
      assert.same({ id = id, email = "a@b.example", methods = true }, seen)
      assert.equal(1, requests)
    end)

    it("refuses what is no id, and finds nothing where nothing is", function()
      for _, wanted in ipairs { "", "a/b", "..", "é\255", 12, ("x"):rep(2000) } do
        same({ retry = false }, wanted)
      end
      assert.equal("not_found", same({}, "62974a5e490f33c5eee647a2").kind)
    end)

    for _, fault in ipairs(FAULTS) do
      local rule, name = ways.rule("members.get", fault)
      it("fails as any other: " .. name, function()
        same({ retry = false }, nil, rule)
      end)

      local again = fault.status ~= 429 and it or function() end -- after that all calls wait
      again("is tried again as any other: " .. name, function()
        same({ retry = { attempts = 3, base = 0.001, cap = 0.001 } }, nil,
          ways.rule("members.get", fault, 1))
      end)
    end

    it("ends when the client is closed meanwhile", function()
      local client = assert(box:client { provider = provider })
      local rule = box:fault { operation = "members.get", delay = 5 }
      local _, failures = client:parallel {
        function() return client.members:get(id) end,
        function() client:close() end,
      }
      assert.same({ "cancelled", 1 }, { failures[1].kind, failures[1].attempts })
      rule:remove()
      local value, err = client.members:get(id)
      assert.is_nil(value)
      assert.same({ "closed", 0 }, { err.kind, err.attempts or 0 })
    end)
  end)
end
