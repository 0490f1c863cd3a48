-- A call by an id goes a short way where libcurl carries it and nobody listens. What it comes to
-- must be what the pipeline comes to, which a listener makes it go through.

local sandbox = require "sendcloud.sandbox"

local FAULTS = {
  { status = 500 }, { status = 503, retry_after = 0 }, { status = 404 }, { status = 401 },
  { status = 429, retry_after = 0 }, { status = 302 }, { status = 204 },
  { status = 200, body = "" }, { status = 200, body = "<html>login</html>" },
  { status = 200, body = "[1" }, { status = 200, body = '{"email":"a@b.example"}' },
  { status = 200, body = '{"status":400,"error":{"parameter":"id","message":"no"}}' },
  { status = 200, body = '{"code":30036,"message":"no such member"}' },
  { reset = "before" }, { reset = "after" }, { truncate = 20 },
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

    -- What a call comes to, and how many requests it took.
    local function result(listens, options, wanted)
      options.provider = provider
      options.on_event = listens and function() end or nil
      local client = assert(box:client(options))
      local before = #box:requests()
      local seen = shown(client.members:get(wanted or id))
      client:close()
      return seen, #box:requests() - before
    end

    local function same(options, wanted, fault)
      local rule = fault and box:fault(fault)
      local short, requests = result(false, options, wanted)
      if rule then
        rule:remove()
        rule = box:fault(fault)
      end
      local long, as_many = result(true, options, wanted)
      if rule then rule:remove() end
      assert.same(long, short)
      assert.equal(as_many, requests)
      return short, requests
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
      local name = ("status %s, %s"):format(tostring(fault.status), fault.body or fault.reset or "")
      it("fails as any other: " .. name, function()
        local rule = { operation = "members.get" }
        for key, value in pairs(fault) do rule[key] = value end
        same({ retry = false }, nil, rule)
      end)

      local again = fault.status ~= 429 and it or function() end -- after that all calls wait
      again("is tried again as any other: " .. name, function()
        local rule = { operation = "members.get", nth = 1 }
        for key, value in pairs(fault) do rule[key] = value end
        same({ retry = { attempts = 3, base = 0.001, cap = 0.001 } }, nil, rule)
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
