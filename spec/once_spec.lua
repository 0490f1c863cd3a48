-- An additive write goes out once. libcurl repeats a request by itself when a kept connection
-- ends before the answer begins; a tag made and then "already there" would be the result.

local sandbox = require "sendcloud.sandbox"

local function posts(box)
  local count = 0
  for _, request in ipairs(box:requests()) do
    if request.method == "POST" then
      count = count + 1
    end
  end
  return count
end

describe("an additive write over a kept connection", function()
  local box, client

  before_each(function()
    box = assert(sandbox.start { port = 0 })
    client = assert(box:client { retry = false })
    assert(client.tags:list {}) -- the connection is there and kept
  end)

  after_each(function()
    client:close()
    box:stop()
  end)

  for _, moment in ipairs { "before", "after" } do
    it("is sent once when the connection ends " .. moment .. " the change", function()
      box:fault { operation = "tags.create", nth = 1, reset = moment }
      local tag, err = client.tags:create("vip")
      assert.is_nil(tag)
      assert.equal("network", err.kind)
      assert.equal("unknown", err.outcome)
      assert.equal(1, posts(box))
    end)
  end
end)
