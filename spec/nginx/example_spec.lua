-- examples/openresty runs and does what it says.

local server = require "spec.nginx.server"
if not server.possible() then return end

describe("the example for nginx", function()
  it("takes a sign-up, refuses a wrong one, and exports", function()
    local pipe = io.popen "unset LD_PRELOAD; luajit examples/openresty/start.lua try 2>&1 </dev/null"
    local output = pipe:read "*a"
    pipe:close()
    assert.truthy(output:find("thank you\n202\n", 1, true), output)
    assert.truthy(output:find("required (invalid)\n422\n", 1, true), output)
    assert.truthy(output:find("1 contacts in ", 1, true), output)
    assert.truthy(output:find("li.lei@example.com,,Lei,sign-up", 1, true), output)
  end)
end)
