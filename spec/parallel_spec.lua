local scripted = require "spec.support.scripted"

local json, script = scripted.json, scripted.client

describe("client:parallel", function()
  local function client_of(options)
    return script(function(request)
      return json(200, ('{"id":"%s"}'):format(request.path:match("[^/]+$")))
    end, options)
  end

  it("keeps the order and every result", function()
    local client = client_of()
    local functions = {}
    for index = 1, 50 do
      functions[index] = function() return client.members:get("m" .. index) end
    end
    local results, failures = client:parallel(functions)
    for index = 1, 50 do assert.equal("m" .. index, results[index].id) end
    assert.same({}, failures)
  end)

  it("keeps results apart from errors, returned or raised", function()
    local client = client_of()
    local results, failures = client:parallel {
      function() return client.members:get("1") end,
      function() error("boom", 0) end,
      function() return client.members:get("") end,
      function() return nil end,
      function() return false end,
      function() error { code = 7 } end,
      function() return 1, 2 end,
    }
    assert.equal("1", results[1].id)
    assert.equal("boom", failures[2])
    assert.equal("invalid", failures[3].kind)
    assert.is_nil(results[4])
    assert.is_nil(failures[4])
    assert.is_false(results[5])
    assert.equal(7, failures[6].code)
    assert.equal(1, results[7])
    assert.is_nil(failures[7])
  end)

  it("nests", function()
    local client = client_of()
    local results = client:parallel {
      function()
        local inner = client:parallel {
          function() return client.members:get("a") end,
          function() return client.members:get("b") end,
        }
        return inner[1].id .. inner[2].id
      end,
      function() return assert(client.members:get("c")).id end,
    }
    assert.same({ "ab", "c" }, results)
  end)

  it("has no more in flight than asked for", function()
    local client = client_of()
    local running, most = 0, 0
    local functions = {}
    for index = 1, 20 do
      functions[index] = function()
        running = running + 1
        most = math.max(most, running)
        assert(client.members:get("1"))
        running = running - 1
      end
    end
    client:parallel(functions, { concurrency = 3 })
    assert.is_true(most <= 3, most)
    local results, err = client:parallel(functions, { concurrency = 0 })
    assert.is_nil(results)
    assert.equal("concurrency", err.parameter)
  end)

  it("tells raised values of every kind", function()
    local object = {}
    local _, failures = client_of():parallel {
      function() error() end, function() error(false) end, function() error(object) end,
      function() return nil, false end,
    }
    assert.same({ "(error object is a nil value)", false, object, false }, failures)
  end)

  it("waits for none", function()
    local results, failures = client_of():parallel {}
    assert.same({ {}, {} }, { results, failures })
  end)

  it("lets waits go side by side", function()
    local client, _, clock = script(function(request, n)
      if n <= 4 then return json(429, "", { ["Retry-After"] = "10" }) end
      return json(200, ('{"id":"%s"}'):format(request.path:match("[^/]+$")))
    end)
    local functions = {}
    for index = 1, 4 do functions[index] = function() return client.members:get("m" .. index) end end
    local results = client:parallel(functions)
    assert.equal("m4", results[4].id)
    assert.is_true(clock.at - 1000 < 12, clock.at)
  end)
end)
