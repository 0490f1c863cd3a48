local outgoing = require "sendcloud.outgoing"
local plan = require "sendcloud.plan"
local provider = require "sendcloud.provider.sendcloud"
local sendcloud = require "sendcloud"

describe("outgoing", function()
  local function state(foreign)
    return {
      molds = setmetatable({}, { __mode = "k" }), foreign = foreign,
      config = { base_url = "https://api.example", user_agent = "spec/1", connect_timeout = 5 },
    }
  end

  local function request(operation, parameters)
    local self = assert(plan.of(provider, operation))
    return self, assert(plan.request(self, parameters))
  end

  it("completes a request in place", function()
    local self, given = request("tags.list", { name = "a b", offset = 5 })
    local made = outgoing.complete(state(), self, given)
    assert.equal(given, made)
    assert.equal("tags.list", made.operation)
    assert.equal("GET", made.method)
    assert.equal("https://api.example" .. made.path .. "?" .. made.query, made.url)
    assert.equal(5, made.connect_timeout)
    assert.equal("spec/1", made.headers["User-Agent"])
    assert.is_nil(made.headers["Content-Type"])
    assert.truthy(made.preset)
  end)

  -- Specs that hold the short way beside the pipeline would not notice if nothing took it.
  it("goes the short way where libcurl carries it and nobody listens", function()
    for _, name in ipairs { "sendcloud", "engagelab" } do
      local function lane(operation, carried, listener)
        local own = state()
        own.config.provider = require("sendcloud.provider." .. name)
        own.config.timeout, own.lanes, own.listener = 30, {}, listener
        own.curl = function() return carried and {} or nil end
        return outgoing.lane(own, operation)
      end
      assert.truthy(lane("members.get", true).shape)
      assert.equal(30, lane("members.get", true).request.timeout)
      assert.is_false(lane("members.get", false))
      assert.is_false(lane("members.get", true, function() end))
      assert.is_false(lane("members.delete", true))
      assert.is_false(lane("members.list", true))
    end
  end)

  it("says of writes how often they may go out", function()
    local _, once, no_repeat
    for operation, want in pairs {
      ["members.get"] = { false, false }, ["members.delete"] = { false, true },
      ["tags.create"] = { true, false },
    } do
      local self, given = request(operation, operation == "tags.create" and { name = "x" }
        or { id = "62974a5e490f33c5eee647a2" })
      _ = outgoing.complete(state(), self, given)
      once, no_repeat = given.once, given.no_repeat
      assert.same(want, { once, no_repeat })
    end
  end)

  it("gives a transport of the user's own plain tables, its to change", function()
    local seen = {}
    local transport = {
      now = function() return 0 end, time = function() return 0 end, close = function() end,
      send = function(_, sent)
        seen[#seen + 1] = sent
        assert.is_nil(getmetatable(sent))
        assert.is_nil(sent.preset)
        assert.equal("members.get", sent.operation)
        assert.equal("application/json", sent.headers.Accept)
        sent.headers.Accept, sent.method, sent.url = nil, nil, nil
        return { status = 200, headers = {}, body = '{"id":"1","email":"a@b.c"}' }
      end,
    }
    local client = assert(sendcloud.new { api_user = "u", api_key = "kkkk", transport = transport })
    assert(client.members:get("1"))
    assert(client.members:get("1"))
    assert.equal(2, #seen)
    client:close()
  end)
end)
